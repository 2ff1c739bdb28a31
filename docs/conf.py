"""How the site is built: ``sphinx-build -W -b html docs docs/_build``."""

import argparse
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

import jaxlisten
from jaxlisten.cli import main as command

project, author = "jaxlisten", "the authors of jaxlisten"
version = release = jaxlisten.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]

default_role = "py:obj"  # single backticks name things of ours, and become links where they are found
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"no-value": True}
napoleon_use_ivar = True  # attributes as a list, not as objects that autodoc then finds a second time
napoleon_use_rtype = False
napoleon_custom_sections = [("Reference", "notes_style")]
python_maximum_signature_line_length = 100
add_module_names = False

html_theme = "furo"
html_title = f"jaxlisten {version}"


class CommandHelp(Directive):
    """Show what ``jaxlisten --help`` and the help of each command say."""

    def run(self) -> list[nodes.Node]:
        parser = command._parser()
        (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        shown: list[nodes.Node] = []
        for name, one in {"jaxlisten": parser, **commands.choices}.items():
            section = nodes.section(ids=[f"command-{name}"])
            section += nodes.title(text=name)
            one.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=88)
            section += nodes.literal_block(text=one.format_help(), language="text")
            shown.append(section)
        return shown


def skip_fields(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of named tuples, which their class describes, and which are called aliases here."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Any) -> None:
    """Tell Sphinx of the above."""
    app.add_directive("command-help", CommandHelp)
    app.connect("autodoc-skip-member", skip_fields)
