"""pandera on Polars: every rule is a column, one of its checks, or uniqueness; failure cases are counted."""

from collections.abc import Iterator
from pathlib import Path

import pandera
import pandera.polars as pa
import polars as pl

from benchmarks.peers.thirty import KEYS, RULES, Asked, Counts, count, moment

_IS_NULL, _REPEATED = "not_nullable", "field_uniqueness"


def work(source: Path) -> tuple[Counts, str]:
    """Validate lazily; it looks at a frame in memory only, and finds repeats of one key of several columns."""
    rows = pl.read_parquet(source)
    try:
        _schema(rows).validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as found:
        return dict(_counted(found.schema_errors)), pandera.__version__
    return {}, pandera.__version__


def _schema(rows: pl.DataFrame) -> pa.DataFrameSchema:
    (order,), line = KEYS["order"], KEYS["line_of_invoice"]
    required = {rule.column for rule in RULES if rule.rule == "required"}
    columns = {
        name: pa.Column(
            dtype,
            nullable=name not in required,
            unique=name == order,
            checks=[_check(rule) for rule in RULES if rule.column == name and rule.rule in _CHECKS],
        )
        for name, dtype in rows.schema.items()
    }
    checks = [_compared(rule) for rule in RULES if rule.rule == "compare_columns"]
    return pa.DataFrameSchema(columns, checks=checks, unique=list(line))


def _check(rule: Asked) -> pa.Check:
    return _CHECKS[rule.rule](rule)


def _compared(rule: Asked) -> pa.Check:
    before, after = pl.col(rule.column), pl.col(rule.arguments["other"])
    return pa.Check(lambda data: data.lazyframe.select((before <= after).fill_null(value=True)), error=rule.id)


_CHECKS = {
    "matches": lambda rule: pa.Check.str_matches(f"^(?:{rule.arguments['pattern']})$", error=rule.id),
    "length": lambda rule: pa.Check.str_length(rule.arguments["min"], rule.arguments["max"], error=rule.id),
    "between": lambda rule: pa.Check.in_range(rule.arguments["min"], rule.arguments["max"], error=rule.id),
    "in_set": lambda rule: pa.Check.isin(rule.arguments["values"], error=rule.id),
    "not_in_set": lambda rule: pa.Check.notin(rule.arguments["values"], error=rule.id),
    "not_before": lambda rule: pa.Check.ge(moment(rule.arguments["value"]), error=rule.id),
    "not_after": lambda rule: pa.Check.le(moment(rule.arguments["value"]), error=rule.id),
}


def _counted(errors: list[pandera.errors.SchemaError]) -> Iterator[tuple[str, int]]:
    for error in errors:
        if error.check == _IS_NULL:
            yield f"{error.schema.name}-required", len(error.failure_cases)
        elif error.check == _REPEATED:
            yield "order", len(error.failure_cases)
        elif isinstance(error.check, str):
            yield "line_of_invoice", len(error.failure_cases)
        else:
            yield error.check.error, len(error.failure_cases)


if __name__ == "__main__":
    count(work)
