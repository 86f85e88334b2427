"""JSON as it was written: numbers keep their digits, and what a lenient parser would guess is told.

What belongs here: one text to records, each with its value or with why it has none. What does not: columns, which are
`json_rows`; asking for pages, which is every kind's own.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from lakehouse_assets.errors import SourceError

INVALID, DUPLICATE_KEY, DEPTH, BAD_UNICODE = "invalid_json", "duplicate_key", "depth", "bad_unicode"
CONTROL_CHAR, NOT_JSON = "control_char", "not_json"
MAX_DEPTH = 500
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)
_SUSPECT = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


class Number(str):
    """A number as it was written; a float would round it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One value of a text; `defect` is a code where it must not be used, `line` then is its text."""

    value: Any
    defect: str | None = None
    line: str | None = None


def read_text(text: str) -> Record:
    """Return the one JSON value that a text is, such as a line of JSON lines."""
    try:
        value, defect = _decode(text)
    except ValueError:
        return Record(None, INVALID, text)
    except RecursionError:
        return Record(None, DEPTH, text)
    return Record(None, defect, text) if defect else Record(value)


def read_page(content: bytes, path: Sequence[str], *, where: str) -> tuple[Any, list[Record]]:
    """Return the value of a page and the records of the list at `path` in it; a bad record does not cost the others.

    The value is None where only its records can be used. Raises SourceError `not_json`, `encoding` or `shape`.
    """
    text = _text_of(content, where)
    try:
        value, defect = _decode(text)
    except RecursionError:
        return None, _each(text, path, where)
    except ValueError:
        raise SourceError(
            NOT_JSON,
            f"the answer is no JSON ({_kind_of(text)}, {len(content)} bytes).",
            where=where,
            fix="Ask for it by hand; a proxy or a login page may have answered instead.",
        ) from None
    if defect:
        return value, _each(text, path, where)
    return value, [Record(one) for one in list_at(value, path, where=where)]


def read_entries(
    content: bytes, path: Sequence[str], names: tuple[str, str], *, where: str
) -> tuple[Any, list[Record]]:
    """Return the value of a page and the entries of the object at `path` in it, each as a record of key and value."""
    text = _text_of(content, where)
    found = read_text(text)
    if found.defect:
        code = NOT_JSON if found.defect == INVALID else found.defect
        raise SourceError(code, f"the answer is no honest JSON ({_kind_of(text)}).", where=where)
    entries = value_at(found.value, path)
    if not isinstance(entries, Mapping):
        raise _shape("no object", path, where)
    key, value = names
    return found.value, [Record({key: name, value: inner}) for name, inner in entries.items()]


def value_at(value: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    """Return what stands at a path of keys; None where a part of it is missing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def list_at(value: Any, path: Sequence[str], *, where: str) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the list at a path; raise SourceError `shape` when there is none."""
    found = value_at(value, path)
    if isinstance(found, list):
        return found
    raise _shape("no list", path, where)


def to_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a value as JSON with sorted keys and numbers as they were written."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Number) else encode_basestring(value)
    if isinstance(value, dict | Mapping):
        inner = [f"{encode_basestring(key)}:{to_text(value[key])}" for key in sorted(value)]
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(to_text, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _shape(what: str, path: Sequence[str], where: str) -> SourceError:
    place = f"at {'.'.join(path)}" if path else "as a whole"
    fix = "Correct `options.records`, or look at what the source answers: it may be an error."
    return SourceError("shape", f"the answer is {what} {place}.", where=where, fix=fix)


class _Strict(threading.local):
    """The decoder of a thread, made once, and what was wrong with the text that it read last."""

    def __init__(self) -> None:
        self.flaws: list[str] = []
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._pairs, parse_float=Number, parse_int=Number, parse_constant=self._constant
        ).decode

    def _pairs(self, items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            self.flaws.append(DUPLICATE_KEY)
        return found

    def _constant(self, _word: str) -> None:
        self.flaws.append(INVALID)


_STRICT = _Strict()


def _decode(text: str) -> tuple[Any, str | None]:
    flaws: list[str] = []
    _STRICT.flaws = flaws
    value = _STRICT.decode(text)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _require_depth(value)
    if "\\u" in text and _SUSPECT.search(text):
        flaws += _flaws_of(value)
    return value, flaws[0] if flaws else None


def _require_depth(value: Any) -> None:  # noqa: ANN401 - JSON
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise RecursionError
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting += [(each, depth + 1) for each in inner if isinstance(each, dict | list)]


def _flaws_of(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            yield BAD_UNICODE
        elif "\0" in value:
            yield CONTROL_CHAR
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _flaws_of(key)
            yield from _flaws_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flaws_of(inner)


def _text_of(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            "encoding",
            f"the answer is no UTF-8: byte {error.start} cannot be read.",
            where=where,
            fix="JSON is UTF-8; ask whoever owns the source.",
        ) from None


def _kind_of(text: str) -> str:
    begin = text.lstrip()[:1]
    return {"": "nothing", "<": "HTML or XML", "\ufeff": "a byte order mark comes first"}.get(begin, "other text")


def _each(text: str, path: Sequence[str], where: str) -> list[Record]:
    found = [read_text(one) for one in _elements(text, path)]
    if not found:
        raise SourceError(
            NOT_JSON, "the answer has no list of records that can be read.", where=where, fix="Ask for it by hand."
        )
    return found


def _elements(text: str, path: Sequence[str]) -> Iterator[str]:
    """Yield the texts of the elements of the list at `path`; reads any depth, and records that are no JSON."""
    tokens = _TOKEN.finditer(text)
    start, depth = _opened(tokens, path), 0
    for token in tokens:
        mark = token.group()
        if mark in "[{":
            depth += 1
        elif depth:
            depth -= mark in "]}"
        elif mark in ",]}":
            if element := text[start : token.start()].strip():
                yield element
            if mark != ",":
                return
            start = token.end()


def _opened(tokens: Iterator[re.Match[str]], path: Sequence[str]) -> int:
    """Read up to where the list at `path` begins and return that place."""
    keys: list[str | None] = []
    key, last = None, ""
    for token in tokens:
        mark = token.group()
        if mark == "[" and ([*keys[1:], key] if keys else []) == list(path):
            return token.end()
        if mark in "[{":
            keys.append(key)
        elif mark in "]}":
            del keys[-1:]
        elif mark == ":":
            key = str(json.loads(last, strict=False))
            continue
        elif mark != ",":
            last = mark
            continue
        key = None
    return 0
