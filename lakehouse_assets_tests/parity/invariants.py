"""Cases of the rules of derived tables: what they count in good rows, and in rows that are broken in every way."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import IS_CURRENT, VALID_FROM, VALID_TO
from lakehouse_assets.pipeline.entities.current import current
from lakehouse_assets.pipeline.entities.entity import Entity, entity_of
from lakehouse_assets.pipeline.entities.history import history
from lakehouse_assets.pipeline.entities.rules import entity_rules, judge_computed, judge_rows
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets_tests.entity_oracle import customers, drawn
from lakehouse_assets_tests.parity.cases import ROW, Engine, Task, on_polars, typed

Break = Callable[[pl.DataFrame], pl.DataFrame]
EVENTS = 60
# Each way alone would be a hundred small jobs of Spark.
WAYS_AT_ONCE = 4
_FIRST, _OPEN = pl.int_range(pl.len()) == 0, pl.col(VALID_TO).is_null()

DOUBLED: dict[str, Break] = {
    "good": lambda rows: rows,
    "no rows": lambda rows: rows.clear(),
    "a key is doubled": lambda rows: pl.concat([rows, rows.head(1)]),
    "every key is doubled": lambda rows: pl.concat([rows, rows]),
    "a key is missing": lambda rows: rows.tail(-1),
    "a key is null": lambda rows: rows.with_columns(id=pl.when(_FIRST).then(None).otherwise("id")),
    "a key nobody has": lambda rows: rows.with_columns(id=pl.when(_FIRST).then(pl.lit("zz")).otherwise("id")),
}
VERSIONS: dict[str, Break] = DOUBLED | {
    "an open version before another": lambda rows: rows.with_columns(
        pl.lit(None, rows.schema[VALID_TO]).alias(VALID_TO)
    ),
    "versions that run into the next": lambda rows: rows.with_columns(pl.col(VALID_TO) + timedelta(hours=9)),
    "versions that end before they begin": lambda rows: rows.with_columns(
        (pl.col(VALID_FROM) - timedelta(minutes=1)).alias(VALID_TO)
    ),
    "versions that last no time": lambda rows: rows.with_columns(pl.col(VALID_FROM).alias(VALID_TO)),
    "versions that end too early": lambda rows: rows.with_columns(pl.col(VALID_TO) - timedelta(seconds=1)),
    "versions without a beginning": lambda rows: rows.with_columns(
        pl.when(_FIRST).then(None).otherwise(VALID_FROM).alias(VALID_FROM)
    ),
    "versions that begin together": lambda rows: pl.concat(
        [rows, *(rows.with_columns(pl.col(VALID_TO) + timedelta(hours=h)) for h in (9, -9)), rows.filter(~_OPEN)]
    ),
    "all are current": lambda rows: rows.with_columns(pl.lit(value=True).alias(IS_CURRENT)),
    "none is current": lambda rows: rows.with_columns(pl.lit(value=False).alias(IS_CURRENT)),
    "nobody knows what is current": lambda rows: rows.with_columns(pl.lit(None, pl.Boolean).alias(IS_CURRENT)),
    "two are current and open": lambda rows: rows.with_columns(
        pl.lit(None, rows.schema[VALID_TO]).alias(VALID_TO), pl.lit(value=True).alias(IS_CURRENT)
    ),
    "a version is gone": lambda rows: rows.filter(pl.int_range(pl.len()) != rows.height // 2),
    "only open versions": lambda rows: rows.filter(_OPEN),
}


def tasks() -> Iterator[Task]:
    """Yield every way to break the rows of a current table, and those of a history."""
    shapes = {"current": {}, "marked": {"soft_deletes": True}, "versions": {"history": History.SCD2}}
    for name, shape in shapes.items():
        (contract,) = customers(**shape)[1:]  # type: ignore[arg-type]
        yield _judged(f"invariants of {name}", contract)


def _judged(name: str, contract: Contract) -> Task:
    entity = entity_of(contract)
    changes = _changes(name, entity)
    good = on_polars().collect((history if entity.is_history else current)(nw.from_native(changes.lazy()), entity))
    good = good.sort("id", *([VALID_FROM] if entity.is_history else []))
    broken = {way: broke(good) for way, broke in (VERSIONS if entity.is_history else DOUBLED).items()}
    every = list(broken.items())
    groups = [dict(every[at : at + WAYS_AT_ONCE]) for at in range(0, len(every), WAYS_AT_ONCE)]

    def judged(engine: Engine) -> pl.DataFrame:
        return pl.DataFrame(
            [
                {"ways": f"{', '.join(ways)}: {which}", **{spec.id: found[spec.id] for spec in entity_rules(entity)}}
                for ways in groups
                for which, found in _found(engine, ways, changes, entity).items()
            ]
        ).with_row_index(ROW)

    return Task(name, judged)


def _found(
    engine: Engine, ways: dict[str, pl.DataFrame], changes: pl.DataFrame, entity: Entity
) -> dict[str, Counter[str]]:
    """Judge rows that are broken in several ways together: in each way they have keys of their own."""
    rows, log = (
        engine.lift(pl.concat(frame.with_columns(id=pl.lit(f"{way}/") + pl.col("id")) for way, frame in each.items()))
        for each in (ways, dict.fromkeys(ways, changes))
    )
    return {
        "by themselves": judge_rows(rows, entity, engine.collect),
        "by their changes": judge_computed(rows, log, entity, engine.collect),
    }


def _changes(name: str, entity: Entity) -> pl.DataFrame:
    events = drawn(name, EVENTS)
    types = in_memory(entity.changed)
    return typed({column: [event.row[column] for event in events] for column in types}, types)
