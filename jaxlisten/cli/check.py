"""``jaxlisten check``."""

from __future__ import annotations

from jaxlisten import data
from jaxlisten.cli import say


def check(source: str, *, group_by: str | None, json: bool) -> int:
    """Print the state of a data set.

    Args:
        source: a folder or a CSV, as `jaxlisten train` takes it.
        group_by: a regular expression that finds the group of a clip in its path.
        json: print one JSON object in place of a table.

    Returns:
        1 if the data has a problem, something that would spoil a training or its measurement; otherwise 0.
    """
    found = data.health(source, group_by=group_by)
    if json:
        say.json_result(found.to_dict())
    else:
        say.result(found)
    return 1 if found.problems else 0
