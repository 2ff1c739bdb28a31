"""Using a trained listener: loading, predicting, exporting."""

from jaxlisten.deploy.compare import Judged
from jaxlisten.deploy.export import Exported, export
from jaxlisten.deploy.listener import Listener, Prediction, Window, load

__all__ = ["Exported", "Judged", "Listener", "Prediction", "Window", "export", "load"]
