"""Reading one record leniently from lines that are not regular: quoted line breaks, stray quotes, ragged rows.

What belongs here: splitting text into fields and naming what is wrong. What does not: files, frames, columns.
A quoted field ends at the first quote that a delimiter or line end follows; when another character follows, or the
text ends, the quote that opened it was never closed and only its own line is at fault.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse_assets.connectors.file_formats.csv_lines import TOTAL, Dialect
from lakehouse_assets.errors import SourceError

# How far to look for the end of a quoted field, as a multiple of the longest field allowed.
_LOOK_AHEAD = 16
_REMARKS = ("#", "--", "//")
_TOTAL_LINE = re.compile(TOTAL)
_TOTAL_FIELD = re.compile(r"(?i)\s*(?:grand |sub)?totals?\s*:?\s*")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record of this file looks like. `header` is the header line as written, if there is one."""

    dialect: Dialect
    fields: int
    header: str | None
    where: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """One record: its fields, or what is wrong with it and the original text; `lines` is how many it took."""

    lines: int
    fields: tuple[str | None, ...] = ()
    defect: str | None = None
    text: str = ""


def read_record(lines: Sequence[str], start: int, shape: Shape, *, is_end: bool) -> Parsed | None:
    """Return the record that begins at `lines[start]`, or None when it may go on after the last line.

    Raises SourceError `escape` for a backslash-escaped quote that the dialect does not declare.
    """
    cursor = _Cursor(lines, start, shape)
    try:
        fields = tuple(cursor.split())
    except _UnfinishedError:
        if not is_end:
            return None
        return Parsed(1, defect="unclosed_quote", text=lines[start].removesuffix("\r"))
    except _MalformedError as error:
        return Parsed(1, defect=error.defect, text=lines[start].removesuffix("\r"))
    text = cursor.text.removesuffix("\r")
    defect = _defect(fields, text, shape, has_bare_return=cursor.has_bare_return)
    return Parsed(cursor.taken, defect=defect, text=text) if defect else Parsed(cursor.taken, fields)


def read_header(lines: Sequence[str], shape: Shape) -> tuple[tuple[str | None, ...], int]:
    """Return the fields of the first record and how many lines it takes; raise SourceError when it has no end."""
    cursor = _Cursor(lines, 0, shape)
    try:
        return tuple(cursor.split()), cursor.taken
    except (_UnfinishedError, _MalformedError) as error:
        raise SourceError(
            "header", "the quotes of the header do not match.", where=shape.where, fix="Ask for the file again."
        ) from error


class _UnfinishedError(Exception):
    """A quoted field is open where the lines end."""


class _MalformedError(Exception):
    """Quotes that fit no reading."""

    def __init__(self, defect: str) -> None:
        super().__init__(defect)
        self.defect = defect


class _Cursor:
    """Walks over one record and takes further lines while a quoted field is open."""

    def __init__(self, lines: Sequence[str], start: int, shape: Shape) -> None:
        self._lines, self._start, self._shape, self._dialect = lines, start, shape, shape.dialect
        self.text, self.taken, self.has_bare_return = lines[start], 1, False

    def split(self) -> list[str | None]:
        fields: list[str | None] = []
        position = 0
        while True:
            is_quoted = bool(self._dialect.quote) and self.text.startswith(self._dialect.quote, position)
            field, end = self._quoted(position + 1) if is_quoted else self._bare(position)
            fields.append(field)
            if not self.text.startswith(self._dialect.delimiter, end):
                return fields
            position = end + 1

    def _bare(self, start: int) -> tuple[str | None, int]:
        end = self._find(self._dialect.delimiter, start)
        if end == -1:
            end = len(self.text.removesuffix("\r"))
        field = self.text[start:end]
        self.has_bare_return |= "\r" in field
        return self._unescaped(field, quote="") or None, end

    def _quoted(self, start: int) -> tuple[str, int]:
        quote, close = self._dialect.quote, start
        while True:
            close = self._find(quote, close)
            if close == -1:
                close = len(self.text)
                self._take_more()
            elif self.text.startswith(quote, close + 1):
                close += 2
            else:
                break
        self._check_close(close)
        return self._unescaped(self.text[start:close], quote=quote), close + 1

    def _check_close(self, close: int) -> None:
        after = self.text[close + 1 : close + 3]
        if after in {"", "\r"} or after[0] == self._dialect.delimiter:
            return
        if not self._dialect.escape and self.text[close - 1] == "\\":
            raise SourceError(
                "escape",
                "quotes are escaped with a backslash, which this source does not declare.",
                where=self._shape.where,
                fix='Declare it: `escape: "\\\\"`.',
            )
        raise _MalformedError("stray_quote" if self.taken == 1 else "unclosed_quote")

    def _take_more(self) -> None:
        """Append lines up to the next one that holds a quote."""
        size, limit = len(self.text), _LOOK_AHEAD * self._dialect.max_field_bytes
        begin = self._start + self.taken
        for number in range(begin, len(self._lines)):
            size += len(self._lines[number]) + 1
            if size > limit:
                raise _MalformedError("unclosed_quote")
            if self._dialect.quote in self._lines[number]:
                self.text = "\n".join((self.text, *self._lines[begin : number + 1]))
                self.taken = number + 1 - self._start
                return
        raise _UnfinishedError

    def _find(self, char: str, start: int) -> int:
        escape = self._dialect.escape
        found = self.text.find(char, start)
        while escape and found != -1 and -1 < (escaped := self.text.find(escape, start)) < found:
            start = escaped + 2
            found = self.text.find(char, start)
        return found

    def _unescaped(self, field: str, *, quote: str) -> str:
        escape = self._dialect.escape
        if escape and escape in field:
            doubled = f"|{re.escape(quote * 2)}" if quote else ""
            pattern = f"{re.escape(escape)}(.){doubled}"
            return re.sub(pattern, lambda match: match[1] or quote, field, flags=re.DOTALL)
        return field.replace(quote * 2, quote) if quote else field


def _defect(fields: Sequence[str | None], text: str, shape: Shape, *, has_bare_return: bool) -> str | None:
    if _is_no_data(fields, text, shape):
        return "non_data_line"
    if len(fields) != shape.fields:
        return "ragged_short" if len(fields) < shape.fields else "ragged_long"
    if has_bare_return or "\x00" in text:
        return "control_char"
    limit = shape.dialect.max_field_bytes
    if any(field and len(field.encode()) > limit for field in fields):
        return "field_too_large"
    return None


def _is_no_data(fields: Sequence[str | None], text: str, shape: Shape) -> bool:
    comment = shape.dialect.comment
    if not text.strip() or text == shape.header or (comment and text.startswith(comment)):
        return True
    if len(fields) != shape.fields:
        return text.startswith(_REMARKS) or bool(_TOTAL_LINE.match(text))
    # A brand may be called "Total": only a row with holes is taken for a summary.
    return bool(fields[0] and _TOTAL_FIELD.fullmatch(fields[0])) and None in fields
