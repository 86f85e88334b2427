"""Proof that a line of text is exactly one well-formed record; everything else is read by `csv_records`.

What belongs here: the dialect and one vectorised expression. It looks at the text itself, because Polars' own reader
fills short rows with nulls and silently changes some malformed quotes (`""x""` becomes `x`).
"""

import re
from dataclasses import dataclass

import polars as pl

from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.errors import SourceError

TOTAL = r'(?i)^"?(?:grand |sub)?totals?\b'
LINE = "line"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records are written down."""

    delimiter: str
    quote: str
    escape: str
    comment: str
    max_field_bytes: int

    @classmethod
    def of(cls, read: ReadOptions) -> "Dialect":
        """Return the dialect that a source file declares."""
        if not read.delimiter:
            raise SourceError("delimiter", "the declared delimiter is empty.", fix="Set `read.delimiter`.")
        escape = "" if read.escape == read.quote else read.escape  # a doubled quote needs no declaration
        return cls(read.delimiter, read.quote, escape, read.comment, read.max_field_bytes)

    @property
    def is_native(self) -> bool:
        """Whether Polars can be told to read this dialect."""
        return not self.escape and self.delimiter.isascii() and self.quote.isascii()

    @property
    def is_plain(self) -> bool:
        """Whether a well-formed line means the same in plain CSV with this delimiter."""
        return self.is_native and self.quote == '"'

    @property
    def written_delimiter(self) -> str:
        """The delimiter of repaired text."""
        return self.delimiter if self.is_plain else ","


def scan_lines(source: object, dialect: Dialect) -> pl.LazyFrame:
    """Return the lines of a text as one column; nothing is split, quoted or made null."""
    return pl.scan_csv(
        source,  # type: ignore[arg-type]
        has_header=False,
        separator="\x02" if dialect.delimiter == "\x01" else "\x01",
        quote_char=None,
        schema={LINE: pl.String},
        empty_string_is_null=False,
        raise_if_empty=False,
    )


def is_irregular(dialect: Dialect, fields: int, header: str | None) -> pl.Expr:
    """Whether a line needs a closer look: not one well-formed record of `fields` fields, or maybe no data at all."""
    line = pl.col(LINE)
    suspects = [
        ~line.str.contains(_regular(dialect, fields)),
        line.str.len_bytes() > dialect.max_field_bytes,
        line.str.contains(TOTAL),
    ]
    if header is not None:
        suspects.append(line == header)
    if dialect.comment:
        suspects.append(line.str.starts_with(dialect.comment))
    if fields == 1:
        suspects.append(line.str.strip_chars_end("\r") == "")
    return pl.any_horizontal(suspects)


def irregular_lines(lines: list[str], dialect: Dialect, fields: int, header: str | None) -> list[int]:
    """Return the positions of irregular lines."""
    frame = pl.DataFrame({LINE: lines}, schema={LINE: pl.String})
    return frame.select(is_irregular(dialect, fields, header).arg_true()).to_series().to_list()


def _regular(dialect: Dialect, fields: int) -> str:
    delimiter, quote, escape = (re.escape(char) for char in (dialect.delimiter, dialect.quote, dialect.escape))
    bare = rf"[^{quote}{delimiter}{escape}\r\x00]*"
    field = bare
    if quote:
        inside = rf"[^{quote}{escape}\x00]"
        field = f"(?:{quote}(?:{inside}|{quote}{quote})*{quote}|{bare})"
    return f"^{field}(?:{delimiter}{field}){{{fields - 1}}}\r?$"
