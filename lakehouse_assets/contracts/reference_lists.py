"""Reference lists: `references/<name>.txt` below the configuration, one value a line, for rules to look values up in.

A list decides verdicts as a pattern does: its values are part of the rule, and so of the rule's fingerprint.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.vocabulary import FILLED
from lakehouse_assets.documents.findings import Report, Spot, nearest
from lakehouse_assets.documents.strict_yaml import Steps
from lakehouse_assets.naming import is_name

FOLDER, SUFFIX = "references", ".txt"
NAMED = "reference"


def read_lists(contents: Iterable[tuple[str, str, bytes]], report: Report) -> dict[str, tuple[str, ...]]:
    """Return lists by name from `(path, path to show, content)`; what cannot be used is a finding."""
    lists = {}
    for path, shown, content in contents:
        name = path.removeprefix(f"{FOLDER}/").removesuffix(SUFFIX)
        if not path.endswith(SUFFIX) or not is_name(name):
            hint = f"Write {FOLDER}/<list>{SUFFIX}, in lower-case words joined by _."
            report.add("LH213", Spot(shown), "the file has no effect here.", hint)
            continue
        lists[name] = _values(shown, content, report)
    return lists


def with_entries(arguments: Mapping[str, Any], steps: Steps, reading: Reading) -> Mapping[str, Any] | None:
    """Return arguments with the values of the list they name, or None and a finding where there is no such list."""
    if NAMED not in arguments:
        return arguments
    name = str(arguments[NAMED])
    if name not in reading.references:
        hint = nearest(name, reading.references) or f"Write {FOLDER}/{name}{SUFFIX}, one value a line."
        reading.tell("LH418", steps, f"there is no list {name!r}.", hint)
        return None
    return {**arguments, FILLED: list(reading.references[name])}


def _values(shown: str, content: bytes, report: Report) -> tuple[str, ...]:
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        report.add("LH210", Spot(shown), "the list is not UTF-8.", "Save it as UTF-8.")
        return ()
    values: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        value = line.strip()
        if not value or value.startswith("#"):
            continue
        if value in values:
            report.add("LH418", Spot(shown, number), f"the value is already in line {values[value]}.", "Remove one.")
        values.setdefault(value, number)
    if not values:
        report.add("LH418", Spot(shown), "the list has no values.", "Write one value a line; # begins a comment.")
    return tuple(values)
