"""Using a trained listener: loading, predicting, exporting."""

from jaxlisten.deploy.compare import Score
from jaxlisten.deploy.export import Exported, export
from jaxlisten.deploy.listener import Listener, Prediction, Window, load

__all__ = ["Exported", "Listener", "Prediction", "Score", "Window", "export", "load"]
