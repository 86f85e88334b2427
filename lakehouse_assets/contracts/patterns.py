"""Regular expressions of contracts: they compile, match whole values, and mean the same on every engine."""

import re
from itertools import pairwise

from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.strict_yaml import Plain, Steps

# Rust and Java differ in whether these are Unicode-aware, and Rust has no look-around or back-references at all.
_PORTABLE_CLASSES = {
    r"\d": "[0-9]",
    r"\w": "[A-Za-z0-9_]",
    r"\s": "[ \\t]",
    r"\b": "",
    r"\D": "[^0-9]",
    r"\W": "",
    r"\S": "",
}
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_GROUP = re.compile(r"\(\?(?!:)[^)]{0,3}")
_SAFE_ESCAPES = set(".^$*+?{}[]\\|()-/&~#") | set("ntr")


def check_pattern(pattern: Plain, steps: Steps, reading: Reading) -> None:
    """Find patterns that do not compile or that engines read differently."""
    if not isinstance(pattern, str):
        reading.tell("LH409", steps, "a pattern must be text.", "Put it in quotes.")
        return
    problem = _unportable(pattern)
    if problem:
        reading.tell(
            "LH408", steps, f"the pattern {pattern!r} {problem}.", "Patterns match whole values; write classes out."
        )
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        if not problem:
            reading.tell("LH407", steps, f"the pattern {pattern!r} cannot be compiled: {error}.")


def _unportable(pattern: str) -> str:
    bare = _ESCAPE.sub("__", pattern)
    outside = re.sub(r"\[\^?\]?[^\]]*\]", "_", bare)
    group = _GROUP.search(bare)
    if group:
        return f"uses {group[0]!r}, a look-around, flag or named group"
    if "^" in outside or "$" in outside:
        return "uses ^ or $, which whole-value matching makes needless and $ lets a line break pass"
    if any(second == "+" and first in "*+?}" for first, second in pairwise(outside)):
        return "uses a possessive quantifier"
    if "[[" in bare or "&&" in bare:
        return "nests classes"
    return next(filter(None, map(_unportable_escape, _ESCAPE.findall(pattern))), "")


def _unportable_escape(text: str) -> str:
    if text in _PORTABLE_CLASSES:
        instead = _PORTABLE_CLASSES[text]
        return f"uses {text}" + (f"; write {instead}" if instead else "")
    return "" if text[1] in _SAFE_ESCAPES else f"uses {text}"
