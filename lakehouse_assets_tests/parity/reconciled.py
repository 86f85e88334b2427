"""Cases of what reconciling rules measure of frames: sums, and answers of queries, on columns of every type."""

from collections.abc import Iterator, Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Kind, RuleKind
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.quality.sql_rule import asked
from lakehouse_assets.quality.sums import sums
from lakehouse_assets_tests.parity.cases import ROW, Engine, Task
from lakehouse_assets_tests.parity.catalog import CONTRACTS, RULES
from lakehouse_assets_tests.parity.partitions import ALL_COLUMNS, every_type

_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_DISTINCT, _SUM = 'SELECT COUNT(DISTINCT "COLUMN") FROM {object}', 'SELECT SUM("COLUMN") FROM {object} WHERE few = 1'
_LINES = pl.DataFrame(
    {
        PROC_DATE: ["a", "a", "b", "c"],
        "net_amount": [10, -3, None, 2**40],
        "line_amount": [7, None, 4, 2**40],
        "amount": [7, None, 4, 2**40],
        "is_revenue": [True, True, False, None],
    }
)


def tasks() -> Iterator[Task]:
    """Yield both sides of every reconciling rule: of its example, on every type, and of our contracts."""
    for name, rule in RULES.items():
        if rule.signature.kind is not RuleKind.RECONCILED:
            continue
        given = rule.example.arguments
        queries = [str(given[key]) for key in ("query", "expected") if key in given]
        columns = [column.name for column in ALL_COLUMNS if column.type.kind in _NUMBERS]
        if queries:
            yield _task(f"rule {name}", _LINES, queries=queries)
            counts = [_DISTINCT.replace("COLUMN", column.name) for column in ALL_COLUMNS if column.name != "double"]
            every = [_SUM.replace("COLUMN", column) for column in columns if column != "double"]
            yield _task(f"{name} on every type", every_type(), queries=[*counts, *every])
            yield _task("different doubles", every_type(), queries=[_DISTINCT.replace("COLUMN", "double")])
        else:
            yield _task(f"rule {name}", _LINES, columns=[str(given["column"])])
            yield _task(f"{name} on every type", every_type(), columns=columns)
    for contract in CONTRACTS.values():
        found = [spec for spec in contract.rules if spec.kind is RuleKind.RECONCILED and "query" in spec.arguments]
        if found:
            numbers = [column.name for column in contract.columns if column.type.kind in _NUMBERS]
            rows = pl.DataFrame({PROC_DATE: ["a", "b", "b"], **{name: [None, 2, 3] for name in numbers}})
            queries = [str(spec.arguments["query"]) for spec in found]
            yield _task(f"reconciliation of {contract.table}", rows, queries=queries)


def _task(name: str, rows: pl.DataFrame, *, queries: Sequence[str] = (), columns: Sequence[str] = ()) -> Task:
    def told(engine: Engine) -> pl.DataFrame:
        lifted = engine.lift(rows)
        frames = [*(asked(lifted, PROC_DATE, query) for query in queries), *(_sums(lifted, each) for each in columns)]
        named = zip(engine.computes.collect_all(frames), (*queries, *columns), strict=True)
        # Sums of doubles depend on the order of rows; twelve digits do not.
        told = [(label, day, f"{value or 0:.12g}") for frame, label in named for day, value in _pairs(frame)]
        return pl.DataFrame(sorted(told), schema=["asked", PROC_DATE, "told"], orient="row").with_row_index(ROW)

    return Task(name, told)


def _sums(rows: nw.LazyFrame, column: str) -> nw.LazyFrame:
    return sums(rows, PROC_DATE, column)


def _pairs(frame: pl.DataFrame) -> list[tuple[str, float | None]]:
    return [(str(day), value) for day, value in frame.select(PROC_DATE, "__value").rows()]
