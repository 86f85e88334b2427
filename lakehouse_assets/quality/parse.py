"""Raw values to the types of a contract: one bad cell costs one row, and the row knows which cell and why.

Nothing raises: what cannot be read becomes null and a reason. Nothing is rounded, truncated or guessed. How single
kinds of text are read is in `numbers` and `times`; the options are `contracts.model.ParseOptions`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

import narwhals as nw

from lakehouse_assets.contracts.model import Column, Kind, ParseOptions, RuleKind, RuleSpec
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.quality import numbers, times, typed
from lakehouse_assets.quality.judge import RowRule
from lakehouse_assets.results import Dimension, OnFailure, Severity

UNREAD = "__unread_"
BLANKS = " \t\r\n"
# C1 controls, soft hyphen, zero-width characters, directional marks, overrides and isolates, byte order mark.
INVISIBLE = "[\u0080-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
_LOSSES = {"overflow": "Fits the type.", "non_finite": "Is a finite number."}
_Reason = Callable[[nw.Expr], nw.Expr]


@dataclass(frozen=True, slots=True)
class Parsing:
    """Expressions over raw columns, in any order: `typed` adds the promised columns and internal flags `__unread_…`.

    `rules` judge rows that have both; they hold even when a transform changes a typed column in between.
    """

    typed: tuple[nw.Expr, ...]
    rules: tuple[RowRule, ...]


def parse_columns(
    columns: Sequence[Column], raw: Mapping[str, str], *, have: Mapping[str, nw.dtypes.DType] | None = None
) -> Parsing:
    """Return how each column is read from its raw column, and the rules that reading can violate.

    `raw` maps promised to raw column names, a column without one is all null; `have` has types of raw columns that
    are not text.
    """
    expressions: list[nw.Expr] = []
    rules: list[RowRule] = []
    for column in columns:
        if column.name not in raw:
            expressions.append(nw.lit(None).cast(to_narwhals(column.type)).alias(column.name))
            continue
        dtype = (have or {}).get(raw[column.name], nw.String())
        one = _text(column, raw[column.name]) if dtype == nw.String() else _typed(column, raw[column.name], dtype)
        expressions += one.typed
        rules += one.rules
    return Parsing(tuple(expressions), tuple(rules))


def builtin_rule(column: Column, code: str, summary: str, *, warns: bool = False) -> RuleSpec:
    """Return the declaration of a rule that every column of this type has without being asked."""
    meaning = json.dumps([code, column.name, str(column.type), asdict(column.parse)], sort_keys=True)
    return RuleSpec(
        id=f"{column.name}.{code}",
        rule=code,
        kind=RuleKind.ROW,
        dimension=Dimension.CONFORMITY,
        severity=Severity.WARNING if warns else Severity.ERROR,
        on_failure=OnFailure.KEEP if warns else OnFailure.QUARANTINE,
        fingerprint=hashlib.sha256(meaning.encode()).hexdigest()[:16],
        column=column.name,
        description=summary,
    )


def _text(column: Column, raw_name: str) -> Parsing:
    if column.type.kind is Kind.STRING:
        return _string(column, raw_name)
    options = column.parse
    trimmed = nw.col(raw_name).str.strip_chars(BLANKS) if options.trim else nw.col(raw_name)
    present = _without_nulls(trimmed, options)
    # Declared null texts may look like values; the empty text never does and needs no pass of its own.
    value = _reader(column)(present if options.nulls else trimmed)
    one = _assembled(column, value, present, _reasons(column), _warnings(column, trimmed))
    # Text is easily misread by a unit or a century; a time that arrives as one is what the source means.
    in_range = (_range_rule(column),) if column.type.kind is Kind.TIMESTAMP else ()
    return Parsing(one.typed, (*one.rules, *in_range))


def _string(column: Column, raw_name: str) -> Parsing:
    text = nw.col(raw_name)
    text = _without_nulls(text.str.strip_chars(BLANKS) if column.parse.trim else text, column.parse)
    if column.primary_key or column.unique:
        text = nw.when(kit.has_only_ascii(text)).then(text).otherwise(kit.to_nfc(_if(~kit.has_only_ascii(text), text)))
    spec = builtin_rule(
        column, "invisible_characters", "Holds no invisible or direction-changing characters.", warns=True
    )
    raw = nw.col(raw_name)
    invisible = _if(~kit.has_only_ascii(raw), raw).str.contains(INVISIBLE)
    return Parsing((text.alias(column.name),), (RowRule(spec, invisible.fill_null(value=False)),))


def _typed(column: Column, raw_name: str, dtype: nw.dtypes.DType) -> Parsing:
    value = nw.col(raw_name)
    reading = typed.read(value, dtype, column)
    if reading is None:
        text = kit.as_text(value, dtype)
        return _assembled(column, _reader(column)(text), text, _reasons(column), {})
    if reading is value:
        return Parsing((value.alias(column.name),), ())
    code = typed.loss(column)
    reasons: dict[str, tuple[str, _Reason]] = (
        {code: (_LOSSES[code], lambda refused: ~refused.is_null())} if code else {}
    )
    return _assembled(column, reading, value, reasons, {})


def _assembled(
    column: Column,
    typed_value: nw.Expr,
    present: nw.Expr,
    reasons: Mapping[str, tuple[str, _Reason]],
    warnings: Mapping[str, tuple[str, nw.Expr]],
) -> Parsing:
    unread = nw.col(f"{UNREAD}{column.name}")
    refused = _if(unread, present)
    because = {code: reason(refused).fill_null(value=False) for code, (_, reason) in reasons.items()}
    unexplained = unread & ~nw.any_horizontal(*because.values(), ignore_nulls=True) if because else unread
    rules = [RowRule(builtin_rule(column, "parse", f"Can be read as {column.type}."), unexplained)]
    rules += [RowRule(builtin_rule(column, code, reasons[code][0]), violated) for code, violated in because.items()]
    rules += [
        RowRule(builtin_rule(column, code, summary, warns=True), (~unread & found).fill_null(value=False))
        for code, (summary, found) in warnings.items()
    ]
    is_unread = ~present.is_null() & typed_value.is_null()
    return Parsing((typed_value.alias(column.name), is_unread.alias(f"{UNREAD}{column.name}")), tuple(rules))


def _reader(column: Column) -> Callable[[nw.Expr], nw.Expr]:
    kind, options = column.type.kind, column.parse
    readers: dict[Kind, Callable[[nw.Expr], nw.Expr]] = {
        Kind.INTEGER: partial(numbers.to_integer, column_type=column.type, options=options),
        Kind.LONG: partial(numbers.to_integer, column_type=column.type, options=options),
        Kind.DECIMAL: partial(numbers.to_decimal, column_type=column.type, options=options),
        Kind.DOUBLE: partial(numbers.to_double, options=options),
        Kind.BOOLEAN: numbers.to_boolean,
        Kind.DATE: partial(times.to_date, options=options),
        Kind.TIMESTAMP: partial(times.to_timestamp, options=options),
        Kind.STRING: lambda text: text,
    }
    return readers[kind]


def _reasons(column: Column) -> dict[str, tuple[str, _Reason]]:
    kind, options = column.type.kind, column.parse
    if kind in {Kind.INTEGER, Kind.LONG, Kind.DECIMAL}:
        return {
            "overflow": (f"Fits {column.type}.", partial(numbers.is_number, column_type=column.type, options=options))
        }
    if kind is Kind.DOUBLE:
        return {"non_finite": ("Is a finite number.", partial(numbers.is_non_finite, options=options))}
    if kind is Kind.TIMESTAMP and options.timezone != "UTC":
        return {
            "nonexistent_time": ("Exists in its time zone.", partial(times.is_nonexistent, options=options)),
            "ambiguous_time": ("Occurs once in its time zone.", partial(times.is_ambiguous, options=options)),
        }
    return {}


def _warnings(column: Column, text: nw.Expr) -> dict[str, tuple[str, nw.Expr]]:
    kind = column.type.kind
    if kind in {Kind.INTEGER, Kind.LONG}:
        return {"leading_zeros": ("Is written without leading zeros.", numbers.has_leading_zeros(text))}
    if kind is Kind.TIMESTAMP:
        value = nw.col(column.name)
        candidate = (value.dt.microsecond() == 999_999) & (value.dt.second() == 59)  # noqa: PLR2004 - last of a minute
        return {"leap_second": ("Is no leap second.", times.is_leap_second(_if(candidate, text), column.parse))}
    return {}


def _range_rule(column: Column) -> RowRule:
    # A count from 1970 in the wrong unit lands in January 1970 or far beyond.
    earliest = "1971-01-01" if times.is_epoch(column.parse) else "1970-01-01"
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (earliest, "2200-01-01"))
    value = nw.col(column.name)
    spec = builtin_rule(column, "out_of_range", f"Lies between {earliest} and the year 2200.")
    return RowRule(spec, ((value < first) | (value >= last)).fill_null(value=False))


def _without_nulls(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    empty = ("",) if options.empty == "null" else ()
    nulls = (*options.nulls, *empty)
    if not nulls:
        return text
    return _if(text != "" if nulls == ("",) else ~text.is_in(list(nulls)), text)


def _if(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(value)
