"""Using a trained listener: loading, predicting, exporting."""

from jaxlisten.deploy.compare import Judged
from jaxlisten.deploy.export import Exported, export
from jaxlisten.deploy.listener import Listener, Prediction, Window, load
from jaxlisten.deploy.transcribing import Said

__all__ = ["Exported", "Judged", "Listener", "Prediction", "Said", "Window", "export", "load"]
