"""The reference is built without a warning, and has every public name."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import jaxlisten as jl

inventories = pytest.importorskip("sphinx.util.inventory", reason="pip install 'jaxlisten[docs]' brings Sphinx")

DOCS = Path(__file__).parent.parent / "docs"


def public() -> set[str]:
    """Collect the names that users write: those of the package, and those of its rooms."""
    found = set()
    for name in jl.__all__:
        value = getattr(jl, name)
        if inspect.ismodule(value):
            defined = [key for key, item in vars(value).items() if getattr(item, "__module__", "") == value.__name__]
            inside = getattr(value, "__all__", [key for key in defined if not key.startswith("_")])
            found |= {f"jaxlisten.{name}.{key}" for key in inside}
        elif name != "__version__":
            found.add(f"jaxlisten.{name}")
    return found


def test_the_reference_is_built_without_a_warning_and_has_every_public_name(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", DOCS, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    inventory = inventories.InventoryFile.loads((tmp_path / "objects.inv").read_bytes(), uri="")
    described = {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}
    assert not public() - described
