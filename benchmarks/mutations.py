"""Files that are damaged on purpose: bytes, words, values and lengths that are not what was written."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

EXTREMES = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80", b"\0\0\1\0")
WORDS = (
    *("0", "-1", "1e308", "nan", "1048576", "4294967296", "9" * 30, "true", "null", '"', ",", ";", "\n", "[", "{}"),
    *("\0", "\x1b[2J", "../../etc/passwd", "/dev/zero", "\ud83d\ude00", "path", "Serial", "a/b"),
)
SIZES = (0, -1, 7, 64, 4096, 2**16, 2**20, 2**31, 2**64, 1e308, 0.5)
VALUES = (*SIZES, True, None, "", "../a", "/dev/zero", [], {}, [[1]])
"""What a value of JSON is replaced by, where it is not by another one of the same file."""

Change = Callable[[bytearray, random.Random], bytearray]


def changed(content: bytes, chance: random.Random, change: Change) -> bytes:
    """Change one to eight places of a file."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        made = change(made, chance)
    return bytes(made)


def in_bytes(made: bytearray, chance: random.Random) -> bytearray:
    """Change a place: often in the header, where a change does most."""
    size = len(made)
    at = chance.randrange(min(size, chance.choice((16, 64, 256, size)))) if size else 0
    way = chance.randrange(7)
    if way == 0 and size:
        made[at] ^= 1 << chance.randrange(8)
    elif way == 1 and size:
        made[at] = chance.randrange(256)
    elif way == 2:
        made[at : at + 4] = chance.choice(EXTREMES)
    elif way == 3:
        del made[at:]
    elif way == 4:
        del made[at : at + chance.randrange(1, 16)]
    elif way == 5:
        made[at:at] = chance.randbytes(chance.randrange(1, 16))
    elif size:
        other = chance.randrange(size)
        made[at:at] = made[other : other + 64]
    return made


def in_text(made: bytearray, chance: random.Random) -> bytearray:
    """Replace a word or a sign by another one, or change bytes."""
    found = [*re.finditer(rb"-?[0-9.]+|\w+|\S", made)]
    if not found or chance.random() < 0.3:
        return in_bytes(made, chance)
    place = chance.choice(found)
    made[place.start() : place.end()] = chance.choice(WORDS).encode(errors="surrogatepass")
    return made


def in_json(made: bytearray, chance: random.Random) -> bytearray:
    """Replace, add or remove a value, so that it stays JSON; or change the text."""
    try:
        tree = json.loads(made)
    except ValueError:
        return in_text(made, chance)
    places = [*_places(tree)]
    if not places or chance.random() < 0.2:
        return in_text(made, chance)
    (branch, key), (other, name) = chance.choice(places), chance.choice(places)
    way = chance.randrange(4)
    if way == 0:
        del branch[key]
    elif way == 1:
        branch[key] = json.loads(json.dumps(other[name]))
    elif way == 2 and type(branch[key]) in (int, float):
        branch[key] = branch[key] * chance.choice((-1, 0.5, 2, 1000))
    else:
        branch[key] = chance.choice(VALUES)
    return bytearray(json.dumps(tree).encode())


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place of a tree, as what holds it and its key there."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(tree[key])


def in_header(made: bytearray, chance: random.Random) -> bytearray:
    """Change the header of a safetensors file and say its length rightly, or a weight, or any bytes."""
    size = int.from_bytes(made[:8], "little")
    if not 0 < size <= len(made) - 8 or chance.random() < 0.2:
        return in_bytes(made, chance)
    if chance.random() < 0.3:
        return made[: 8 + size] + in_bytes(made[8 + size :], chance)
    header = in_json(made[8 : 8 + size], chance)
    return bytearray(len(header).to_bytes(8, "little")) + header + made[8 + size :]
