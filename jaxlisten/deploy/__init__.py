"""Using a trained listener: loading, predicting, exporting."""

from jaxlisten.deploy.compare import Judged
from jaxlisten.deploy.export import Exported, export
from jaxlisten.deploy.listener import Listener, load
from jaxlisten.deploy.prediction import Prediction, Window
from jaxlisten.deploy.transcribing import Said

__all__ = ["Exported", "Judged", "Listener", "Prediction", "Said", "Window", "export", "load"]
