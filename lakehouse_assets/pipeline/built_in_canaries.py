"""Proof that rules which nobody declares can fail, too: malformed lines, reading, windows of arrival, repeated keys.

Each is shown rows that it must accept and one that it must refuse, by the functions that a run asks. Nothing is read or
written. Declared rules are proven in `canaries`, rules about whole partitions in `gate_canaries`; see
docs/adr/0020-canaries.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Column, Contract, Kind, SourceTable
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.kit import native_type
from lakehouse_assets.naming import DEFECT, ROW_ID
from lakehouse_assets.pipeline.built_in import RAW, TOO_EARLY, WELL_FORMED, one_cause, repeated_key, window_rules
from lakehouse_assets.pipeline.canaries import ALARMS, MISSING, NOTHING, SILENT, SINGS, Canary, canaries
from lakehouse_assets.pipeline.gate_canaries import gate_canaries
from lakehouse_assets.pipeline.on_read import raw_columns
from lakehouse_assets.pipeline.split import key_rule
from lakehouse_assets.quality.duplicates import FATE, members_of_repeated_keys
from lakehouse_assets.quality.judge import RowRule, flag, flag_of
from lakehouse_assets.quality.parse import parse_columns
from lakehouse_assets.quality.samples.promise import day_of, promise
from lakehouse_assets.quality.samples.raw import extremes, fine_text, wrong_text
from lakehouse_assets.quality.samples.violations import ASKED, MEANING
from lakehouse_assets.results import TOO_LATE

_TEXT = nw.String()
_Broken = Sequence[frozenset[str]]


def all_canaries(
    contract: Contract,
    functions: Mapping[str, Callable[..., Any]],
    source: SourceTable | None = None,
    *,
    seed: int = 0,
) -> tuple[Canary, ...]:
    """Return what became of every rule of a contract: those it declares, then those it has without asking.

    `source` says in which types raw columns arrive; without it they are text.
    """
    return (*canaries(contract, functions, seed=seed), *built_in_canaries(contract, source))


def built_in_canaries(contract: Contract, source: SourceTable | None = None) -> tuple[Canary, ...]:
    """Return what became of every rule that a table of this kind has without declaring it."""
    return (
        *(_reading(contract, source) if _reads_bronze(contract) else ()),
        *_windows(contract),
        *_keys(contract),
        *gate_canaries(contract),
    )


def _reads_bronze(contract: Contract) -> bool:
    return contract.table.layer == "silver" and any(name.layer == "bronze" for name in contract.upstreams)


def _reading(contract: Contract, source: SourceTable | None) -> Iterator[Canary]:
    rows = pl.DataFrame({f"{RAW}{DEFECT}": [None, "ragged_short"]}, schema={f"{RAW}{DEFECT}": pl.String})
    yield from _said(contract, (WELL_FORMED,), _broken((WELL_FORMED,), rows), {WELL_FORMED.spec.id: 1})
    names = raw_columns(contract)
    for column in contract.columns:
        if column.name in names:
            kind = source.columns.get(names[column.name]) if source is not None else None
            yield from _column(contract, column, to_narwhals(kind) if kind is not None else _TEXT)


def _column(contract: Contract, column: Column, dtype: nw.dtypes.DType) -> Iterator[Canary]:
    raw, native = f"{RAW}{column.name}", native_type(dtype)
    parsing = parse_columns([column], {column.name: raw}, have={raw: dtype})
    # Judged as a run does, where a malformed line breaks no other rule.
    rules = one_cause((), parsing.rules)

    def broken(values: Sequence[Any]) -> _Broken:
        rows = pl.DataFrame({raw: pl.Series(values, dtype=native)})
        return _broken(rules, rows.with_columns(pl.lit(None, pl.String).alias(f"{RAW}{DEFECT}")), parsing.typed)

    if dtype != _TEXT:
        values = extremes(dtype)
        found = broken(values) if values else [frozenset()]
        places = {rule.spec.id: _first(found, rule.spec.id) for rule in rules[1:]}
        yield from _said(contract, rules[1:], found, places, known_by=ASKED)
        return
    texts = {rule.spec.id: _wrong(column, rule.spec.rule) for rule in rules[1:]}
    known = [name for name, text in texts.items() if text]
    places = {name: known.index(name) + 1 if name in known else None for name in texts}
    found = broken([fine_text(column), *(texts[name] for name in known)])
    unknown = {name for name, text in texts.items() if text == ""}
    yield from _said(contract, rules[1:], found, places, unknown=unknown)


def _wrong(column: Column, code: str) -> str | None:
    try:
        return wrong_text(column, code)
    except KeyError:
        return ""


def _first(broken: _Broken, name: str) -> int | None:
    return next((at for at, names in enumerate(broken) if at and name in names), None)


def _windows(contract: Contract) -> Iterator[Canary]:
    rules = window_rules(contract)
    if not rules:
        return
    load, partition = contract.load, promise(contract).partition
    day = day_of(partition)
    days = [day, day - load.lateness - timedelta(days=1), day + timedelta(days=2)]
    is_date = contract.column(load.event_time).type.kind is Kind.DATE
    happened = days if is_date else [datetime.combine(each, time(12), UTC) for each in days]
    dtype = native_type(to_narwhals(contract.column(load.event_time).type))
    rows = pl.DataFrame({load.event_time: pl.Series(happened, dtype=dtype), contract.partition_column: partition})
    yield from _said(contract, rules, _broken(rules, rows), {TOO_LATE: 1, TOO_EARLY: 2})


def _keys(contract: Contract) -> Iterator[Canary]:
    spec = repeated_key(contract)
    if spec is None or contract.role in {Role.CURRENT, Role.HISTORY}:
        return
    keys = [name for name in contract.load.keys if name != contract.partition_column]
    types = {name: native_type(to_narwhals(contract.column(name).type)) for name in keys}
    rows = pl.DataFrame(
        {
            **{name: pl.Series([0, 1, 1], dtype=pl.Int32).cast(dtype) for name, dtype in types.items()},
            ROW_ID: ["a", "b", "c"],
            contract.partition_column: "p",
        }
    )
    fates = members_of_repeated_keys(rows, partition=contract.partition_column, keys=keys)
    judged = rows.join(fates.select(ROW_ID, FATE), on=ROW_ID, how="left", maintain_order="left")
    rules = (key_rule(spec),)
    found = _broken(rules, judged.with_columns(pl.col(FATE).fill_null(0)))
    # Every member is refused: which of them is the right one nobody knows.
    both = found[1] & found[2]
    yield from _said(contract, rules, [found[0], both], {spec.id: 1})


def _broken(rules: Sequence[RowRule], rows: pl.DataFrame, typed: Sequence[nw.Expr] = ()) -> _Broken:
    """Return the ids of the rules that each row breaks."""
    lazy = nw.from_native(rows.lazy())
    flagged = flag(lazy.with_columns(*typed) if typed else lazy, rules)
    flags = flagged.select(*(flag_of(number) for number in range(len(rules)))).collect().rows()
    return [frozenset(rule.spec.id for rule, is_broken in zip(rules, row, strict=True) if is_broken) for row in flags]


def _said(
    contract: Contract,
    rules: Sequence[RowRule],
    broken: _Broken,
    places: Mapping[str, int | None],
    *,
    unknown: set[str] | frozenset[str] = frozenset(),
    known_by: str = MEANING,
) -> Iterator[Canary]:
    """Yield what became of each rule; the first row is fine, `places` has the row that breaks each."""
    for rule in rules:
        name, at = rule.spec.id, places.get(rule.spec.id)
        verdict, reason = verdict_of(name, broken, places, is_unknown=name in unknown)
        yield Canary(
            str(contract.table),
            name,
            rule.spec.rule,
            verdict,
            known_by if at is not None else "",
            reason,
            str(contract.place),
        )


def verdict_of(
    name: str, broken: _Broken, places: Mapping[str, int | None], *, is_unknown: bool = False
) -> tuple[str, str]:
    """Return the verdict on a rule and why: `broken` has what each row breaks, the first of which is fine.

    A value that is looked for by asking the rule may break others as well, so only the fine row must keep all of them.
    """
    at = places.get(name)
    if name in broken[0]:
        return ALARMS, "it refuses a fine value"
    if is_unknown:
        return MISSING, "what breaks it is not written down in quality/samples/raw.py"
    if at is None:
        return NOTHING, "nothing that arrives in this column's format breaks it"
    if name not in broken[at]:
        return SILENT, "its canary passed"
    other = next((each for each, row in places.items() if row not in {None, at} and name in broken[row]), None)
    return (ALARMS, f"it refuses the canary of {other}, which keeps it") if other else (SINGS, "")
