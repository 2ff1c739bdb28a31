"""The pictures of `jaxlisten.plot` as elements of the page, in its own colours and font."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import Any

from jaxlisten.evaluate.page.text import hint, text
from jaxlisten.evaluate.plot.axes import BLUE, GREEN, GREY, PURPLE, RUST, SAND

# Matplotlib knows no CSS variables, so it draws in colours that stand for them.
_TEXT, _MUTED, _LINE = "#010203", "#010204", "#010205"
_VARIABLES = {
    _TEXT: "--ink",
    _MUTED: "--muted",
    _LINE: "--line",
    BLUE: "--right",
    RUST: "--wrong",
    GREEN: "--green",
    PURPLE: "--purple",
    SAND: "--other",
    GREY: "--grey",
}
_THEME = {
    "svg.fonttype": "none",
    "figure.dpi": 72,
    "font.size": 9,
    "text.color": _TEXT,
    "axes.labelcolor": _MUTED,
    "axes.titlecolor": _TEXT,
    "xtick.labelcolor": _MUTED,
    "ytick.labelcolor": _MUTED,
    "grid.color": _LINE,
}


def on_page(colour: str) -> str:
    """Return what a colour of Matplotlib, ``#rrggbb``, is on the page, light and dark."""
    return f"var({_VARIABLES[colour]})" if colour in _VARIABLES else colour


def picture(draw: Callable[..., Any], *arguments: Any, name: str, size: tuple[float, float] = (4.1, 2.7)) -> str:
    """Draw a picture as a ``figure`` element. Its title and its legend become text above it.

    Args:
        draw: one of `jaxlisten.plot`.
        arguments: what it takes.
        name: tells the picture from all others of the page.
        size: in inches of 96 pixels, where there is room; it shrinks with the page.
    """
    title, keys, svg = _drawn(draw, arguments, name, size, None)
    caption = f"<b>{text(title)}</b>{''.join(keys)}"
    return f"<figure><figcaption>{caption}</figcaption>{_inline(svg, title)}</figure>\n"


def bare(
    draw: Callable[..., Any],
    *arguments: Any,
    name: str,
    size: tuple[float, float],
    margins: tuple[float, float],
    label: str,
) -> str:
    """Draw a picture as an ``svg`` element alone, without title and legend.

    Args:
        draw, arguments, name, size: as in `picture`.
        margins: the inches at the left and at the bottom for what is written there: they needn't be found by trial,
            which takes longer than all else.
        label: tells what it shows.
    """
    return _inline(_drawn(draw, arguments, name, size, margins)[2], label)


def _drawn(
    draw: Callable[..., Any],
    arguments: tuple[Any, ...],
    name: str,
    size: tuple[float, float],
    margins: tuple[float, float] | None,
) -> tuple[str, list[str], str]:
    """Return the title, the keys of the legend as HTML, and the rest as SVG."""
    import matplotlib.style
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", _THEME | {"svg.hashsalt": name}]):
        figure = Figure(figsize=size, layout="constrained" if margins is None else None)
        if margins is not None:
            (left, bottom), (width, height) = margins, size
            figure.subplots_adjust(left / width, bottom / height, 1 - 0.1 / width, 1 - 0.1 / height)
        axes = draw(*arguments, ax=figure.add_subplot())
        title, keys = axes.get_title(), _keys(axes)
        axes.set_title("")
        for patch in (figure.patch, axes.patch):
            patch.set_visible(False)
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer)
    return _name(title), keys, buffer.getvalue()


def _keys(axes: Any) -> list[str]:
    """Take the legend away, and return its title and its entries as HTML."""
    legend = axes.get_legend()
    if legend is None:
        return []
    labels = [entry.get_text() for entry in legend.get_texts()]
    entries = [_key(handle, label) for handle, label in zip(legend.legend_handles, labels, strict=True)]
    heading = legend.get_title().get_text()
    legend.remove()
    return [f"<i>{text(heading)}</i>", *entries] if heading else entries


def _key(handle: Any, label: str) -> str:
    """Make an entry of a legend: a line in its colour and its name."""
    import matplotlib.colors

    colour = on_page(matplotlib.colors.to_hex(handle.get_color()))
    kind = "dashes" if handle.is_dashed() else "line"
    return f'<span class="{kind}" style="--key:{colour}">{text(_name(label))}</span>'


def _name(label: str) -> str:
    return label.replace(r"\$", "$")


_SUPERFLUOUS = (
    r"<metadata>.*?</metadata>",
    r"<style.*?</style>",
    r"<!--.*?-->",
    r"font-family: [^;]*; ",
    r' transform="rotate\(-0 [^"]*"',
    r"<g/>",
    r"(?<=>)\s+(?=<)",
)
"""What the page says already, or what says nothing: half of what Matplotlib writes."""


def _inline(svg: str, label: str) -> str:
    """Make a stand-alone SVG an element of the page: no prolog, fixed size, style sheet, font or shared names."""
    svg = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])
    for pattern in _SUPERFLUOUS:
        svg = re.sub(pattern, "", svg, flags=re.DOTALL)
    role = f'role="img" aria-label="{hint(label)}"'
    svg = re.sub(r'<svg .*?viewBox="([^"]*)"[^>]*>', lambda found: f'<svg viewBox="{found[1]}" {role}>', svg, count=1)
    svg = re.sub(r'xlink:href="data:image/png;base64,([^"]*)"', lambda found: f'href="{_small(found[1])}"', svg)
    svg = svg.replace("xlink:href", "href")
    for ink, variable in _VARIABLES.items():
        svg = svg.replace(ink, f"var({variable})")
    return svg


def _small(png: str) -> str:
    """Bring an image to 32 colours, a quarter of its size, as a data address: of 80 dB these are steps of 2.5 dB.

    One that lets the page shine through goes on doing so.
    """
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    opaque = image.getchannel("A").getextrema() == (255, 255)
    few = image.quantize(32, Image.Quantize.FASTOCTREE) if not opaque else image.convert("RGB").quantize(32)
    few.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
