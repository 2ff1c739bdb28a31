from jaxlisten import models, nn
from jaxlisten.nn import *
from jaxlisten.types import *
