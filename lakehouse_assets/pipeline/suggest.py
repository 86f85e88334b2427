"""A first contract from data: what rows look like becomes columns and rules, to be judged by somebody who knows them.

What is suggested holds for the rows that were seen. Values of columns that look personal are never written down.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse_assets.contracts.exchange.draft import Draft, DraftColumn, rule
from lakehouse_assets.engines.kit import BLANKS
from lakehouse_assets.errors import LakehouseError

# Fewer rows show no shape, more values are no list.
_ROWS, _VALUES, _REPEATS = 20, 12, 3
_MOST_ROWS = 1_000_000
_PERSONAL = re.compile(
    r"(?:^|_)(?:name|first|last|surname|e?mail|phone|mobile|fax|street|address|birth|ssn|iban|card|ip|user|password|token)",
    re.IGNORECASE,
)
_KEY = re.compile(r"(?:^|_)(?:id|key|no|nr|number|code|uuid|guid)$")
_KEYS = frozenset({"string", "integer", "long"})
_EMAIL = re.compile(r"[^@ ]+@[^@ ]+\.[^@ ]+")
_PIECES = re.compile(r"[0-9]+|[A-Z]+|[a-z]+|.", re.DOTALL)
_PARTS = 8
_TIMES = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%z",
)  # fmt: skip
_NUMERIC: Mapping[Any, str] = {
    pl.Int8: "integer", pl.Int16: "integer", pl.Int32: "integer", pl.Int64: "long", pl.UInt8: "integer",
    pl.UInt16: "integer", pl.UInt32: "long", pl.UInt64: "long", pl.Float32: "double", pl.Float64: "double",
    pl.Boolean: "boolean", pl.Date: "date", pl.String: "string",
}  # fmt: skip


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file, text as text; raise LakehouseError for another kind of file."""
    readers: Mapping[str, Callable[[], pl.LazyFrame]] = {
        ".csv": lambda: pl.scan_csv(path, infer_schema=False),
        ".parquet": lambda: pl.scan_parquet(path),
        ".ndjson": lambda: pl.scan_ndjson(path),
    }
    if path.suffix not in readers or not path.is_file():
        raise LakehouseError(
            f"{str(path)!r} is no file of rows.", fix=f"Name a file that ends in {', '.join(readers)}."
        )
    try:
        return readers[path.suffix]().head(_MOST_ROWS).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        # Without the cause: engines quote values.
        raise LakehouseError(f"the rows cannot be read ({type(error).__name__}).", where=str(path)) from None


def suggest(rows: pl.DataFrame) -> Draft:
    """Return the draft of a contract that these rows keep; raise LakehouseError when there are none."""
    if rows.is_empty():
        raise LakehouseError("there are no rows to learn from.", fix="Name a table or a file that has some.")
    draft = Draft(f"Suggested from {rows.height:,} rows; what they show is not yet a promise.")
    for name in (name for name in rows.columns if not name.startswith("_")):
        _describe(draft.column(name), rows[name], draft)
    candidates = [
        column for column in draft.columns.values() if column.unique and column.type in {"string", "integer", "long"}
    ]
    if candidates:
        candidates[0].primary_key, candidates[0].unique = True, False
    if rows.height >= _ROWS:
        bounds = {"min": max(1, rows.height // 4), "max": rows.height * 4}
        draft.quality.append(rule("row_count", rule_id="row_count", severity="warning", **bounds))
    return draft


def _describe(column: DraftColumn, values: pl.Series, draft: Draft) -> None:
    known = values.drop_nulls()
    if values.dtype == pl.String:
        known = known.filter(known.str.strip_chars(BLANKS) != "")
    column.required = known.len() == values.len()
    if known.is_empty():
        column.type = "string"
        draft.lose(column.name, "its type", "No row has a value: it is text here.")
        return
    typed = _typed(column, known, draft)
    is_different = column.required and typed.n_unique() == typed.len() >= _ROWS
    column.unique = is_different and _KEY.search(column.name) is not None and column.type in _KEYS
    is_personal = _PERSONAL.search(column.name) is not None or _looks_like_mail(typed)
    if is_personal:
        column.classification = "confidential"
    if column.type == "string":
        _describe_text(column, typed, is_personal=is_personal)
    elif typed.dtype.is_numeric() and not is_personal:
        _describe_number(column, typed)
    if not column.required and column.name:
        share = 1 - known.len() / values.len()
        entry = rule("null_rate", rule_id=f"{column.name}_mostly_there", severity="warning", max=_rounded_up(share))
        column.quality.append(entry)


def _typed(column: DraftColumn, known: pl.Series, draft: Draft) -> pl.Series:
    if isinstance(known.dtype, pl.Decimal):
        column.type = f"decimal({known.dtype.precision or 38},{known.dtype.scale})"
        return known
    if isinstance(known.dtype, pl.Datetime):
        column.type = "timestamp"
        return known
    if known.dtype != pl.String:
        column.type = _NUMERIC.get(type(known.dtype), "")
        if not column.type:
            draft.lose(
                column.name, f"the type {known.dtype}", "It is text here; split nested values into plain columns."
            )
            column.type = "string"
        return known if column.type != "string" else known.cast(pl.String, strict=False).fill_null("")
    for found, cast, formats in _readings(known):
        if cast.null_count() == 0:
            column.type, column.formats = found, formats
            return cast
    column.type = "string"
    return known


def _readings(known: pl.Series) -> Iterator[tuple[str, pl.Series, tuple[str, ...]]]:
    """Yield text read as narrower types; numbers with zeros in front are names of things, not amounts."""
    lowered = known.str.to_lowercase()
    words = lowered.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    yield "boolean", words, ()
    if not known.str.contains("^[+-]?0[0-9]").any():
        yield "long", known.str.to_integer(strict=False), ()
        if known.str.contains(r"^[+-]?[0-9]{1,14}(\.[0-9]{1,4})?$").all():
            yield "decimal(18,4)", known.cast(pl.Decimal(18, 4), strict=False), ()
        yield "double", known.cast(pl.Float64, strict=False), ()
    yield "date", known.str.to_date("%Y-%m-%d", strict=False), ("%Y-%m-%d",)
    for form in _TIMES:
        yield "timestamp", known.str.to_datetime(form, strict=False, time_zone="UTC"), (form,)


def _describe_text(column: DraftColumn, typed: pl.Series, *, is_personal: bool) -> None:
    if _looks_like_mail(typed):
        column.quality.append(rule("email", rule_id=f"{column.name}_is_email", severity="warning"))
        return
    if is_personal:
        return
    distinct = typed.n_unique()
    if distinct <= _VALUES and typed.len() >= max(_ROWS, distinct * _REPEATS):
        values = sorted(typed.unique().to_list())
        column.quality.append(rule("in_set", rule_id=f"{column.name}_is_known", severity="warning", values=values))
        return
    pattern = _shape(typed)
    if pattern and typed.len() >= _ROWS:
        column.quality.append(rule("matches", rule_id=f"{column.name}_shape", severity="warning", pattern=pattern))


def _shape(typed: pl.Series) -> str:
    """Return the pattern of texts that are all built alike from digits, letters and single signs, else ""."""
    texts = [_PIECES.findall(text) for text in typed.unique()]
    kinds = {tuple(_class_of(piece) for piece in pieces) for pieces in texts}
    if len(kinds) != 1 or any(piece.isspace() for piece in texts[0]) or len(texts[0]) > _PARTS:
        return ""
    return "".join(_repeated(kind, {len(pieces[at]) for pieces in texts}) for at, kind in enumerate(kinds.pop()))


def _class_of(piece: str) -> str:
    if not (piece.isascii() and piece.isalnum()):
        return re.escape(piece)
    return "[0-9]" if piece.isdigit() else "[A-Z]" if piece.isupper() else "[a-z]"


def _repeated(kind: str, widths: set[int]) -> str:
    if not kind.startswith("["):
        return kind
    low, high = min(widths), max(widths)
    return f"{kind}{{{low}}}" if low == high else f"{kind}{{{low},{high}}}"


def _describe_number(column: DraftColumn, typed: pl.Series) -> None:
    low = typed.min()
    if low is not None and float(str(low)) >= 0:
        entry = rule("between", rule_id=f"{column.name}_not_negative", severity="warning", min=0)
        column.quality.append(entry)


def _looks_like_mail(typed: pl.Series) -> bool:
    return typed.dtype == pl.String and all(_EMAIL.fullmatch(text) for text in typed.head(_ROWS))


def _rounded_up(share: float) -> float:
    return min(1.0, round(share * 1.5 + 0.01, 2))
