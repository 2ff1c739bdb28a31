"""What all pages have around them: head, style, heading and contents."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from jaxlisten.evaluate.page.style import STYLE
from jaxlisten.evaluate.page.text import Section, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


def framed(heading: str, kind: str, top: str, sections: Iterable[Section], *, policy: str = "") -> str:
    """Make a whole page.

    Args:
        heading: its title.
        kind: a word above it.
        top: HTML below the heading.
        sections: its parts; those without a body are left out.
        policy: what the page allows besides sounds, pictures and styles of its own.
    """
    shown = [section for section in sections if section.body]
    links = "".join(f'<a href="#{section.name}">{section.title}</a>\n' for section in shown)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{"; ".join(filter(None, (_POLICY, policy)))}">
<title>{escape(heading)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header><p class="eyebrow">{kind}</p><h1>{text(heading)}</h1></header>
{top}<nav aria-label="Contents">
{links}</nav>
{"".join(map(str, shown))}<footer>Made by jaxlisten.</footer>
</main>
</body>
</html>
"""
