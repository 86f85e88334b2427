"""Strict YAML: text that two readers could understand differently is a finding with its line, never a value.

Refused are duplicate keys, anchors, aliases, tags, tabs, several documents, YAML 1.1 booleans and numbers,
and anything too large or too deep. What the data means is for `blocks` and for the rooms that own it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse_assets.documents.findings import Report, Spot

MAX_BYTES = 1_000_000
MAX_DEPTH = 50

_Loader: Any = getattr(yaml, "CLoader", yaml.Loader)
_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_OLD_BOOLEAN = re.compile(r"(?i:yes|no|on|off)")
_OLD_NUMBER = re.compile(
    r"[-+]?(?:\d+(?::[0-5]?\d)+(?:\.\d*)?|0\d+|\d[\d_]*_[\d_]*(?:\.[\d_]*)?|0[xb][\da-fA-F_]+|\d+[eE]\d+)"
)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d*)")
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
_NOT_FINITE = re.compile(r"(?i:[-+]?\.inf|\.nan)")
_INDENTED_BY_TAB = re.compile(r"^ *\t", re.MULTILINE)
_LARGEST = 2**63

Steps = Sequence[str | int]
Plain = Any  # what YAML can say: text, numbers, booleans, None, and lists and mappings of these
Event = Any  # an event of the parser, which has no types of its own


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: plain data, and the place of each of its nodes."""

    path: str
    data: dict[str, Any]
    marks: Mapping[int, Mapping[str | int, tuple[int, int]]]

    def spot(self, steps: Steps = ()) -> Spot:
        """Return where the node at `steps` (keys and indexes from the root) starts, or its nearest parent."""
        node: Any = self.data
        line, column = 1, 1
        for step in steps:
            place = self.marks.get(id(node), {}).get(step)
            if place is None:
                break
            line, column = place
            node = node[step]
        return Spot(self.path, line, column)


def read_document(file: Path, path: str, report: Report) -> Document | None:
    """Read `file`, called `path` in findings; None when it cannot be used at all."""
    try:
        content = file.read_bytes()
    except OSError as error:
        report.add("LH210", Spot(path), f"the file cannot be read ({error.strerror}).")
        return None
    return parse_document(content, path, report)


def parse_document(content: bytes, path: str, report: Report) -> Document | None:
    """Read one YAML document from bytes; None when it cannot be used at all."""
    if len(content) > MAX_BYTES:
        report.add("LH110", Spot(path), f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read.")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report.add("LH101", Spot(path), f"the file is not UTF-8 (byte {error.start}).")
        return None
    tab = _INDENTED_BY_TAB.search(text)
    if tab:
        report.add("LH105", Spot(path, text.count("\n", 0, tab.start()) + 1, 1), "a tab is used to indent.")
        return None
    return _Reader(path, report).read(text)


class _StopReadingError(Exception):
    """The rest of the document cannot be understood; a finding says why."""


class _Reader:
    """Turns parser events into data; one instance reads one document."""

    def __init__(self, path: str, report: Report) -> None:
        self._path, self._report = path, report
        self._marks: dict[int, dict[str | int, tuple[int, int]]] = {}
        self._events: Any = None

    def read(self, text: str) -> Document | None:
        self._events = _Loader(text)
        try:
            return self._document()
        except _StopReadingError:
            return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            spot = Spot(self._path, mark.line + 1, mark.column + 1) if mark else Spot(self._path)
            self._report.add("LH101", spot, f"this is not YAML: {error.problem or error.context}.")
        except yaml.YAMLError as error:
            self._report.add("LH101", Spot(self._path), f"this is not YAML: {str(error).splitlines()[0]}.")
        finally:
            self._events.dispose()
        return None

    def _document(self) -> Document | None:
        self._events.get_event()
        if self._events.check_event(yaml.StreamEndEvent):
            self._add("LH107", None, "the file is empty.")
            return None
        self._events.get_event()
        start = self._events.peek_event()
        data = self._node(self._events.get_event(), 1)
        self._events.get_event()
        if not self._events.check_event(yaml.StreamEndEvent):
            self._add("LH106", self._events.peek_event(), "a second document starts here.")
        if not isinstance(data, dict):
            self._add("LH107", start, "the file must hold a mapping of keys to values.")
            return None
        return Document(self._path, data, self._marks)

    def _node(self, event: Event, depth: int) -> Plain:
        kind = event.__class__
        if kind is yaml.ScalarEvent and event.tag is None and event.anchor is None:
            return self._scalar(event)
        if depth > MAX_DEPTH:
            self._add("LH111", event, f"this is nested more than {MAX_DEPTH} levels deep.")
            raise _StopReadingError
        if isinstance(event, yaml.AliasEvent):
            self._add("LH103", event, "an alias is used.", "Write the value out.")
            return None
        if event.anchor:
            self._add("LH103", event, "an anchor is used.", "Write the value out where it is needed.")
        if event.tag and event.tag != "!":
            self._add("LH104", event, f"the tag {event.tag!r} is used.", "Write a plain value.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        return self._mapping(depth) if isinstance(event, yaml.MappingStartEvent) else self._sequence(depth)

    def _sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        places: dict[str | int, tuple[int, int]] = {}
        self._marks[id(items)] = places
        while not isinstance(event := self._events.get_event(), yaml.SequenceEndEvent):
            places[len(items)] = _place(event)
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        places: dict[str | int, tuple[int, int]] = {}
        self._marks[id(pairs)] = places
        while not isinstance(event := self._events.get_event(), yaml.MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(self._events.get_event(), depth + 1)
            if key in places:
                self._add("LH102", event, f"{key!r} is already set in line {places[key][0]}.", "Keep one of them.")
            else:
                places[key] = _place(event)
                pairs[key] = value
        return pairs

    def _key(self, event: Event, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            self._add("LH103", event, "a merge key is used.", "Write the keys out.")
            return "<<"
        key = self._node(event, depth + 1)
        if isinstance(key, str):
            return key
        self._add("LH112", event, "a key must be text.", "Put it in quotes.")
        return str(key)

    def _scalar(self, event: Event) -> Plain:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0].isalpha():
            if _OLD_BOOLEAN.fullmatch(text):
                self._add("LH108", event, f"{text} is true or false to some readers.", "Write true, false or quotes.")
            return text
        return self._number(text, event)

    def _number(self, text: str, event: Event) -> Plain:
        if _OLD_NUMBER.fullmatch(text):
            self._add("LH109", event, f"{text} is a different number to different readers.", "Put it in quotes.")
            return text
        if _NOT_FINITE.fullmatch(text):
            self._add("LH113", event, f"{text} is not a number one can compare with.")
            return text
        if not _FLOAT.fullmatch(text):
            return text
        if _INTEGER.fullmatch(text) and len(text) <= len(str(_LARGEST)) + 1 and -_LARGEST <= int(text) < _LARGEST:
            return int(text)
        number = float(text)
        if abs(number) >= _LARGEST:
            self._add("LH113", event, "the number is too large to be kept exactly.")
        return number

    def _add(self, code: str, event: Event, message: str, hint: str = "") -> None:
        spot = Spot(self._path, *_place(event)) if event is not None else Spot(self._path, 1)
        self._report.add(code, spot, message, hint)


def _place(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
