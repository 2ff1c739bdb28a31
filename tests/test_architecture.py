"""The rooms of the package: who may import whom, what is imported only where it is used, and how long a file may be."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import jaxlisten

PACKAGE = Path(jaxlisten.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
BY_NAME = pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in FILES])

COMMON = {"types", "errors", "files", "version", "devices"}
MAY_IMPORT: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "files": set(),
    "version": set(),
    "devices": set(),
    "ops": set(),
    "features": {"ops"},
    "nn": {"ops", "features"},
    "models": {"nn"},
    # One room in four files.
    "losses": {"ops", "metrics", "augment", "tasks"},
    "metrics": {"ops", "losses", "augment", "tasks"},
    "augment": {"ops", "losses", "metrics", "tasks"},
    "tasks": {"ops", "losses", "metrics", "augment"},
    "data": {"metrics"},
    "heard": {"data"},
    "weights": {"data"},
    "fitted": {"nn", "tasks", "heard"},
    "runs": {"nn", "tasks", "data", "fitted", "heard", "weights"},
    "detect": {"nn", "metrics", "tasks", "data", "runs"},
    "classical": {"ops", "features", "nn", "metrics", "data"},
    "evaluate": {"features", "nn", "losses", "metrics", "tasks", "data", "heard", "runs", "detect", "classical"},
    "train": {
        "ops",
        "nn",
        "models",
        "losses",
        "metrics",
        "tasks",
        "augment",
        "data",
        "evaluate",
        "heard",
        "runs",
        "detect",
    },
    "deploy": {"features", "nn", "tasks", "data", "runs", "detect"},
    "interop": {"nn"},
}
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["__main__"] = {"cli"}
HEAVY = {
    "flax",
    "grain",
    "librosa",
    "matplotlib",
    "mido",
    "onnx",
    "onnxruntime",
    "orbax",
    "scipy",
    "sklearn",
    "soundfile",
    "soxr",
    "tensorstore",
    "tensorboardX",
    "threadpoolctl",
    "tqdm",
}


class Import(NamedTuple):
    module: str
    line: int
    at_once: bool  # it runs when the module is imported


def imports(source: str) -> Iterator[Import]:
    """Yield every import by its full dotted name; of ``from jaxlisten import nn`` that is ``jaxlisten.nn``."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(name.name, node.lineno, at_once) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = [f"jaxlisten.{name.name}" for name in node.names] if module == "jaxlisten" else [module]
            yield from (Import(name, node.lineno, at_once) for name in names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (found for child in node.body for found in visit(child, False))
            yield from (found for child in node.orelse for found in visit(child, at_once))
        else:
            at_once &= not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from (found for child in ast.iter_child_nodes(node) for found in visit(child, at_once))

    yield from visit(ast.parse(source), True)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_reader_of_imports_sees_every_form():
    source = """
import jax.numpy as jnp
from jaxlisten import nn, ops
from jaxlisten.data.audio import read
from . import here
if TYPE_CHECKING:
    import flax
class A:
    import scipy
    def method(self):
        from librosa.filters import mel
"""
    found = [(found.module, found.at_once) for found in imports(source)]
    at_once = ["jax.numpy", "jaxlisten.nn", "jaxlisten.ops", "jaxlisten.data.audio", ".", "scipy"]
    assert [module for module, now in found if now] == at_once
    assert [module for module, now in found if not now] == ["flax", "librosa.filters"]


@BY_NAME
def test_a_room_imports_only_from_the_rooms_that_it_may(path):
    room = room_of(path)
    assert room in MAY_IMPORT, f"{room} is no room: give it a line in MAY_IMPORT and in the table of the design"
    for module, line, _ in imports(path.read_text()):
        assert not module.startswith("."), f"line {line}: write imports in full"
        if module.partition(".")[0] == "jaxlisten":
            other = module.split(".")[1] if "." in module else "the whole of jaxlisten"
            allowed = MAY_IMPORT[room] | COMMON | {room}
            assert other in allowed, f"line {line}: {room} may import {sorted(allowed)}, not {other}"


@BY_NAME
def test_a_heavy_library_is_imported_only_where_it_is_used(path):
    for module, line, at_once in imports(path.read_text()):
        assert not (at_once and module.partition(".")[0] in HEAVY), f"line {line}: import {module} inside the function"


@BY_NAME
def test_a_file_holds_one_idea_in_at_most_400_lines(path):
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{lines} lines: split it"
