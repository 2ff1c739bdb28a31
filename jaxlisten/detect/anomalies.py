"""From how strange a clip is to whether it is an anomaly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxlisten.errors import InputError


class AnomalyRule(NamedTuple):
    """What is normal, and from where on a clip is not.

    Attributes:
        threshold: the novelty from which a clip is an anomaly.
        normal: the classes that are normal.
    """

    threshold: float
    normal: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"threshold": self.threshold, "normal": list(self.normal)}


def anomaly_rule(about: Mapping[str, Any]) -> AnomalyRule:
    """Read the rule that a listener has stored.

    Args:
        about: of the listener.

    Raises:
        InputError: there is none, or it is damaged.
    """
    stored = about.get("anomaly")
    if stored is None:
        raise InputError(
            "this listener was not told what is normal, so it says nothing of a clip; see jl.calibrate, or train it "
            "with jaxlisten train --task anomaly"
        )
    threshold, normal = (stored.get(name) if isinstance(stored, dict) else None for name in ("threshold", "normal"))
    sound = isinstance(threshold, int | float) and math.isfinite(threshold) and isinstance(normal, list) and normal
    if not sound or not all(isinstance(name, str) for name in normal or ()):
        raise InputError("what the run says of anomalies is damaged; restore its config.json, or train it again")
    return AnomalyRule(float(threshold or 0), tuple(normal or ()))
