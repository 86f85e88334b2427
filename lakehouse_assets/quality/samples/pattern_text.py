"""Texts that match a pattern of a contract. Contracts admit only what all engines read alike, so this reads no more.

Why no library does it: docs/adr/0020-canaries.md.
"""

import re
import string
from collections.abc import Callable
from functools import cache
from random import Random

from lakehouse_assets.errors import LakehouseError

Draw = Callable[[Random], str]
# How often something is repeated at most beyond its least number: short texts are read by people.
_MORE = 6
_PRINTABLE = [chr(code) for code in range(32, 127)]
_ANY = string.ascii_letters + string.digits
_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}


def text_of(pattern: str, random: Random) -> str:
    """Return a text that matches the whole pattern; raise LakehouseError for one that cannot be read."""
    text = _read(pattern)(random)
    if re.fullmatch(pattern, text) is None:
        raise LakehouseError(f"no text was found that matches {pattern!r}.", fix="Give an example in the contract.")
    return text


@cache
def _read(pattern: str) -> Draw:
    reader = _Reader(pattern)
    draw = _alternatives(reader)
    if reader.rest:
        raise LakehouseError(f"the pattern {pattern!r} has a bracket too many.", fix="Give an example in the contract.")
    return draw


class _Reader:
    """What is left of a pattern."""

    def __init__(self, pattern: str) -> None:
        self.rest = pattern

    def take(self, count: int = 1) -> str:
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def skip(self, text: str) -> bool:
        found = self.rest.startswith(text)
        self.rest = self.rest.removeprefix(text)
        return found


def _alternatives(reader: _Reader) -> Draw:
    branches = [_sequence(reader)]
    while reader.skip("|"):
        branches.append(_sequence(reader))
    return lambda random: random.choice(branches)(random)


def _sequence(reader: _Reader) -> Draw:
    parts: list[Draw] = []
    while reader.rest and reader.rest[0] not in "|)":
        parts.append(_repeated(_atom(reader), reader))
    return lambda random: "".join(part(random) for part in parts)


def _repeated(atom: Draw, reader: _Reader) -> Draw:
    counted = _COUNT.match(reader.rest)
    if counted:
        reader.take(counted.end())
        least = int(counted[1])
        most = least if not counted[2] else int(counted[3]) if counted[3] else least + _MORE
    else:
        least, most = {"*": (0, _MORE), "+": (1, 1 + _MORE), "?": (0, 1)}.get(reader.rest[:1], (-1, -1))
        if least < 0:
            return atom
        reader.take()
    reader.skip("?")
    most = min(most, least + _MORE)
    return lambda random: "".join(atom(random) for _ in range(random.randint(least, most)))


def _atom(reader: _Reader) -> Draw:
    first = reader.take()
    if first == "(":
        reader.skip("?:")
        inner = _alternatives(reader)
        reader.skip(")")
        return inner
    letters = _class(reader) if first == "[" else list(_ANY) if first == "." else [_letter(first, reader)]
    return lambda random: random.choice(letters)


def _letter(first: str, reader: _Reader) -> str:
    if first != "\\":
        return first
    escaped = reader.take()
    return _CONTROLS.get(escaped, escaped)


def _class(reader: _Reader) -> list[str]:
    is_negated = reader.skip("^")
    letters: list[str] = []
    while reader.rest and (reader.rest[0] != "]" or not letters):
        first = _letter(reader.take(), reader)
        if reader.rest[:1] == "-" and reader.rest[1:2] not in {"]", ""}:
            reader.take()
            letters += map(chr, range(ord(first), ord(_letter(reader.take(), reader)) + 1))
        else:
            letters.append(first)
    reader.take()
    return [letter for letter in _PRINTABLE if letter not in letters] or ["é"] if is_negated else letters
