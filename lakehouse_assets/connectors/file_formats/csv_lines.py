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


def count_irregularities(dialect: Dialect, fields: int, header: str | None) -> pl.Expr:
    """How many reasons there are for a closer look; none means that every line is one well-formed record.

    Counting delimiters is cheaper than the regular expression, which only lines with a quote need.
    """
    line = pl.col(LINE)
    quoted = line.str.contains(dialect.quote, literal=True) if dialect.quote else pl.lit(value=False)
    ragged = line.str.count_matches(dialect.delimiter, literal=True) != fields - 1
    bare = (ragged | line.str.contains("[\x00\r]")) & ~quoted
    misquoted = ~line.filter(quoted).str.contains(_regular(dialect, fields)) if dialect.quote else pl.lit(value=False)
    return bare.sum() + misquoted.sum() + pl.any_horizontal(_suspects(dialect, fields, header)).sum()


def irregular_lines(lines: list[str], dialect: Dialect, fields: int, header: str | None) -> list[int]:
    """Return the positions of lines that are not one well-formed record, or maybe no data at all."""
    frame = pl.DataFrame({LINE: lines}, schema={LINE: pl.String})
    irregular = ~pl.col(LINE).str.contains(_regular(dialect, fields))
    suspects = [irregular, *_suspects(dialect, fields, header)]
    return frame.select(pl.any_horizontal(suspects).arg_true()).to_series().to_list()


def _suspects(dialect: Dialect, fields: int, header: str | None) -> list[pl.Expr]:
    line = pl.col(LINE)
    suspects = [line.str.len_bytes() > dialect.max_field_bytes, line.str.contains(TOTAL)]
    if header is not None:
        suspects.append(line == header)
    if dialect.comment:
        suspects.append(line.str.starts_with(dialect.comment))
    if fields == 1:
        suspects.append(line.str.strip_chars_end("\r") == "")
    return suspects


def _regular(dialect: Dialect, fields: int) -> str:
    delimiter, quote, escape = (re.escape(char) for char in (dialect.delimiter, dialect.quote, dialect.escape))
    bare = rf"[^{quote}{delimiter}{escape}\r\x00]*"
    field = bare
    if quote:
        inside = rf"[^{quote}{escape}\x00]"
        field = f"(?:{quote}(?:{inside}|{quote}{quote})*{quote}|{bare})"
    return f"^{field}(?:{delimiter}{field}){{{fields - 1}}}\r?$"
