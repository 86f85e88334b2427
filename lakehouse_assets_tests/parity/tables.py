"""Cases of what makes tables: every transform the registry finds, entities of several shapes, hashes, refused rows."""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import Column, Contract, RuleKind
from lakehouse_assets.engines.conform import conform, to_narwhals
from lakehouse_assets.naming import PROC_DATE, RAW_HASH, ROW_ID, TableName
from lakehouse_assets.pipeline.entities.current import current
from lakehouse_assets.pipeline.entities.entity import Entity, entity_of
from lakehouse_assets.pipeline.entities.history import history
from lakehouse_assets.pipeline.entities.passes import with_bucket
from lakehouse_assets.pipeline.hashes import hashed_partitions, with_content_hash, with_quarantine_hash, with_raw_hash
from lakehouse_assets.pipeline.refine import transform_of
from lakehouse_assets.pipeline.vocabulary import transforms
from lakehouse_assets.quality.judge import Scope, bind, flag, window_end_of
from lakehouse_assets.quality.quarantine import quarantine_rows
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets_tests.entity_oracle import customers, drawn
from lakehouse_assets_tests.parity.cases import ROW, Whole, typed
from lakehouse_assets_tests.parity.catalog import CONTRACTS, RULES
from lakehouse_assets_tests.parity.edges import edges

ROWS = 150
DAYS = ("2010-12-01", "2010-12-02")
# Sums of more would not fit the promised columns on either engine.
LARGEST = 1_000_000
SHAPES: dict[str, dict[str, Any]] = {
    "newest values": {},
    "first and previous values, deletions marked": {"types": {"name": 0, "score": 3}, "soft_deletes": True},
    "versions, first and previous values": {"history": History.SCD2, "types": {"name": 0, "score": 3, "at": 2}},
    "versions with current values": {"history": History.SCD6, "types": {"score": 1}, "soft_deletes": True},
}


def wholes() -> Iterator[Whole]:
    """Yield every transform on edge rows of its inputs and on none, every shape of an entity, and every hash."""
    for table in sorted(transforms()):
        contract = CONTRACTS[table]
        inputs = (
            [rows_of(contract, [column for column in contract.columns if len(column.sources) == 1])]
            if table.layer == "silver"
            else [rows_of(CONTRACTS[upstream], CONTRACTS[upstream].columns) for upstream in contract.upstreams]
        )
        yield _transform(str(table), contract, inputs)
        yield _transform(f"{table} of nothing", contract, [rows.clear() for rows in inputs])
    for name, shape in SHAPES.items():
        for contract in customers(**shape)[1:]:
            yield _entity(f"{contract.table.short}: {name}", entity_of(contract))
    yield from _hashed(CONTRACTS[TableName("silver", ("retail_order_lines",))])


def rows_of(contract: Contract, given: Sequence[Column]) -> pl.DataFrame:
    """Return rows drawn from edge values of their types: each edge in the first rows, then some of them repeatedly."""
    draw = random.Random(str(contract.table))  # noqa: S311 - a test must be repeatable
    values = {}
    for column in given:
        choices = _choices(column)
        few = draw.sample(choices, min(8, len(choices)))
        values[column.name] = [*choices, *(draw.choice(few) for _ in range(ROWS - len(choices)))]
    rows = typed(values, {column.name: to_narwhals(column.type) for column in given})
    ids = pl.Series(ROW_ID, [f"f#{number:09}" for number in range(ROWS)])
    return rows.with_columns(ids).with_row_index(ROW).cast({ROW: pl.Int64})


def _choices(column: Column) -> list[Any]:
    return [value for value in edges(column.type) if not _is_large(value)]


def _is_large(value: Any) -> bool:  # noqa: ANN401 - values of any type
    return isinstance(value, int | float | Decimal) and abs(float(value)) > LARGEST


def _transform(name: str, contract: Contract, inputs: Sequence[pl.DataFrame]) -> Whole:
    function = transform_of(contract.table)
    assert function is not None
    kept = [ROW] if contract.table.layer == "silver" else []

    def computed(*frames: nw.LazyFrame) -> nw.LazyFrame:
        found: nw.LazyFrame = function(*frames)
        return found.select(*kept, *conform(contract.columns, found.collect_schema()))

    return Whole(name, inputs, computed)


def _entity(name: str, entity: Entity) -> Whole:
    events = drawn(name, ROWS)
    types = in_memory(entity.changed)
    rows = typed({column: [event.row[column] for event in events] for column in types}, types)

    def derived(changes: nw.LazyFrame) -> nw.LazyFrame:
        return with_bucket((history if entity.is_history else current)(changes, entity), entity)

    return Whole(name, [rows], derived)


def _hashed(contract: Contract) -> Iterator[Whole]:
    names = [column.name for column in contract.columns]
    bound = bind([s for s in contract.rules if s.kind is RuleKind.ROW], RULES, Scope(contract.columns, window_end_of()))
    values = {column.name: list(islice(cycle(_choices(column)), ROWS)) for column in contract.columns}
    rows = typed(values, {c.name: to_narwhals(c.type) for c in contract.columns}).with_columns(
        pl.Series(ROW_ID, [f"f#{number:09}" for number in range(ROWS)]),
        pl.Series(PROC_DATE, [DAYS[number % 2] for number in range(ROWS)]),
        *(pl.lit(None, pl.String).alias(name) for name in ("_defect", "_line", "_unknown")),
    )

    def content(frame: nw.LazyFrame) -> nw.LazyFrame:
        return hashed_partitions(with_content_hash(frame, names, PROC_DATE), PROC_DATE)

    def received(frame: nw.LazyFrame) -> nw.LazyFrame:
        return with_raw_hash(frame).select(ROW_ID, RAW_HASH)

    def refused(frame: nw.LazyFrame) -> nw.LazyFrame:
        return quarantine_rows(flag(frame, bound), bound, {name: name for name in names}, contract)

    def content_of_refused(frame: nw.LazyFrame) -> nw.LazyFrame:
        return hashed_partitions(with_quarantine_hash(refused(frame)), PROC_DATE)

    yield Whole("content of partitions", [rows], content)
    yield Whole("hashes of what was received", [rows], received)
    yield Whole("refused rows", [rows], refused)
    yield Whole("content of refused rows", [rows], content_of_refused)
