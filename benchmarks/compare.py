"""Results of `benchmarks.versus` from one or several devices, side by side.

``python -m benchmarks.compare FILE.json [FILE.json ...] [--markdown] [--picture FILE.png]`` prints a row for each piece
of work: our milliseconds, and the time of the fastest peer over ours, on each device. The picture shows those ratios.
The README's table is ``python -m benchmarks.compare benchmarks/results/*.json --markdown``.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

Key = tuple[str, int]


def read(path: str) -> tuple[str, dict[Key, dict[str, Any]]]:
    """Return the device of a file of results, and its rows by name and batch."""
    result = json.loads(Path(path).read_text(encoding="utf-8"))
    return result["device"], {(row["name"], row["batch"]): row for row in result["rows"]}


def table(devices: list[str], results: list[dict[Key, dict[str, Any]]], *, markdown: bool) -> str:
    """Lay out a line for each row that any of the results has."""
    keys = dict.fromkeys(key for rows in results for key in rows)
    head = ["work", "batch"]
    for device in devices:
        head += [f"{device}: ours", "fastest peer", "times as fast"]
    lines = [[key[0], str(key[1]), *(cell for rows in results for cell in _cells(rows.get(key)))] for key in keys]
    if markdown:
        rule = ["---", *["---:"] * (len(head) - 1)]
        return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    pad = [str.ljust, *[str.rjust] * (len(head) - 1)]
    return "\n".join("  ".join(p(c, w) for p, c, w in zip(pad, line, widths, strict=True)) for line in (head, *lines))


def _cells(row: dict[str, Any] | None) -> list[str]:
    if row is None or not row["peers"]:
        return ["", "", ""]
    peer, ms = min(row["peers"].items(), key=lambda pair: pair[1])
    return [f"{row['ours_ms']:.3g} ms", f"{ms:.3g} ms ({peer})", f"{row['ratio']:.2f}"]


def picture(path: str, devices: list[str], results: list[dict[Key, dict[str, Any]]]) -> None:
    """Draw the ratios as bars on a logarithmic axis, to the right of 1 where we are faster."""
    from matplotlib.figure import Figure

    keys = list(dict.fromkeys(key for rows in results for key, row in rows.items() if row["ratio"]))[::-1]
    figure = Figure(figsize=(7, 1 + 0.2 * len(keys) * max(1, len(results) / 2)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(results)
    for index, (device, rows) in enumerate(zip(devices, results, strict=True)):
        places = [(n, rows[key]["ratio"]) for n, key in enumerate(keys) if key in rows]
        middles = [n + 0.4 - (index + 0.5) * height for n, _ in places]
        bars = axes.barh(middles, [ratio - 1 for _, ratio in places], height, left=1, label=device)
        for bar, (_, ratio) in zip(bars, places, strict=True):
            if len(results) == 1:
                bar.set_color("tab:blue" if ratio >= 1 else "tab:orange")
    axes.set_yticks(range(len(keys)), [f"{name}, batch {batch}" for name, batch in keys], fontsize=8)
    axes.set_xscale("log", base=2)
    ratios = [row["ratio"] for rows in results for row in rows.values() if row["ratio"]]
    ticks = [2.0**n for n in range(-4, 8) if min(ratios) / 2 < 2.0**n < 2 * max(ratios)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.axvline(1, color="black", linewidth=1)
    axes.set_ylim(-0.6, len(keys) - 0.4)
    axes.set_xlabel("time of the fastest peer over ours: to the right, jaxlisten is faster")
    if len(results) > 1:
        axes.legend()
    else:
        axes.set_title(devices[0], fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print the table, and draw the picture where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE.json")
    parser.add_argument("--markdown", action="store_true", help="as a table for a README")
    parser.add_argument("--picture", metavar="FILE.png", help="draw the ratios")
    options = parser.parse_args()
    devices, results = map(list, zip(*map(read, options.files), strict=True))
    print(table(devices, results, markdown=options.markdown))
    for device, rows in zip(devices, results, strict=True):
        ratios = [row["ratio"] for row in rows.values() if row["ratio"]]
        if not options.markdown and ratios:
            ahead = sum(ratio >= 1 for ratio in ratios)
            print(f"{device}: ahead of every peer in {ahead} of {len(ratios)}, median {statistics.median(ratios):.2f}")
    if options.picture:
        picture(options.picture, devices, results)


if __name__ == "__main__":
    main()
