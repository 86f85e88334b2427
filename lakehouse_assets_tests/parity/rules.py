"""Cases of the rules: every rule the registry finds, by its own example, and every rule our contracts declare."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Contract, RuleKind
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.quality.judge import Scope, bind, flag, window_end_of
from lakehouse_assets.quality.rule import RuleFunction
from lakehouse_assets.results import Dimension
from lakehouse_assets_tests.parity.cases import ROW, Batch, Whole, typed
from lakehouse_assets_tests.parity.catalog import CONTRACTS, RULES
from lakehouse_assets_tests.parity.edges import DATES, DOUBLES, FORMATTED, INTEGERS, TEXTS, edges

PARTITIONS = ("2010-12-01", "2010-12-02", "2010-12-03")
_EDGES: Mapping[type, tuple[nw.dtypes.DType, Sequence[Any]]] = {
    int: (nw.Int64(), INTEGERS),
    float: (nw.Float64(), [value for value in DOUBLES if value is None or abs(value) < 1e300]),
    str: (nw.String(), (*TEXTS, *FORMATTED)),
    date: (nw.Date(), DATES),
}


def batches() -> Iterator[Batch]:
    """Yield every row rule on its example and on edge values of the type of its example."""
    rules = {name: rule for name, rule in RULES.items() if rule.signature.kind is RuleKind.ROW}
    for name, rule in rules.items():
        is_fine = rule(nw.col("x"), **_arguments(rule)) if rule.signature.needs_column else rule(**_arguments(rule))
        yield Batch(f"rule {name}", _rows_of(rule), {name: is_fine})


def wholes() -> Iterator[Whole]:
    """Yield every rule over partitions, then the verdicts of every contract's row rules."""
    for name, rule in RULES.items():
        if rule.signature.kind in {RuleKind.PARTITION, RuleKind.GROUP}:
            yield _over_partitions(name, rule)
    for contract in CONTRACTS.values():
        if any(spec.kind is RuleKind.ROW for spec in contract.rules):
            yield _verdicts(contract)


def _over_partitions(name: str, rule: RuleFunction) -> Whole:
    passing, failing = rule.example.passing, rule.example.failing
    examples = {"good": passing, "bad": failing, "both": [*passing, *failing], "nulls": [dict.fromkeys(passing[0])]}
    rows = [
        {PROC_DATE: partition, **{column: _value(rule, value) for column, value in row.items()}}
        for partition, example in examples.items()
        for row in example
    ]
    arguments = _arguments(rule)

    def judged(partitions: nw.LazyFrame) -> nw.LazyFrame:
        found: nw.LazyFrame = rule(partitions, PROC_DATE, **arguments)
        return found

    return Whole(f"rule {name}", [_frame(rows)], judged)


def _verdicts(contract: Contract) -> Whole:
    scope = Scope(contract.columns, window_end_of())
    bound = bind([spec for spec in contract.rules if spec.kind is RuleKind.ROW], RULES, scope)
    assert not [rule.error for rule in bound if rule.error]
    rows = typed(
        {c.name: edges(c.type) for c in contract.columns}, {c.name: to_narwhals(c.type) for c in contract.columns}
    )
    days = pl.Series(PROC_DATE, [PARTITIONS[at % len(PARTITIONS)] for at in range(len(rows))])

    def judged(frame: nw.LazyFrame) -> nw.LazyFrame:
        return flag(frame, bound)

    return Whole(
        f"rules of {contract.table}", [rows.with_columns(days).with_row_index(ROW).cast({ROW: pl.Int64})], judged
    )


def _rows_of(rule: RuleFunction) -> pl.DataFrame:
    passing, failing = rule.example.passing, rule.example.failing
    if not isinstance(passing, dict):
        dtype, values = _EDGES[type(_value(rule, passing))]
        return typed({"x": [_value(rule, passing), _value(rule, failing), *values]}, {"x": dtype})
    rows = [{name: _value(rule, value) for name, value in row.items()} for row in (passing, failing)]
    rows += [{**rows[0], name: other} for name in passing for other in (None, *_others(rows[0][name]))]
    return _frame(rows)


def _others(value: Any) -> Sequence[Any]:  # noqa: ANN401 - values of any type
    return _EDGES[type(value)][1] if value is not None else ("",)


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    names = list(rows[0])
    values = {name: [row[name] for row in rows] for name in names}
    kinds = {name: next((type(v) for v in column if v is not None), str) for name, column in values.items()}
    return typed(values, {name: _EDGES[kind][0] for name, kind in kinds.items()})


def _arguments(rule: RuleFunction) -> dict[str, Any]:
    return {name: _value(rule, value) if name == "value" else value for name, value in rule.example.arguments.items()}


def _value(rule: RuleFunction, value: Any) -> Any:  # noqa: ANN401 - YAML values
    is_about_time = rule.signature.dimension is Dimension.TIMELINESS
    is_day = is_about_time and isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-"
    return date.fromisoformat(value) if is_day else value
