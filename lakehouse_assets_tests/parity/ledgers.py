"""Cases of what a run finds out: repeats and their fates, then every count, verdict, hash and row of whole partitions.

The verbs themselves run, on every engine over the same landed files; nothing is published.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind
from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Catalog, Contract
from lakehouse_assets.naming import PROC_DATE, RAW_HASH, ROW_ID, TableName, bronze, quarantine_of
from lakehouse_assets.pipeline.curate import draft_of
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refine import refine
from lakehouse_assets.pipeline.step import Step, open_step, stored_columns
from lakehouse_assets.quality.duplicates import identical_rows, members_of_repeated_keys, older_versions
from lakehouse_assets.results import StagedFile
from lakehouse_assets.settings import Settings
from lakehouse_assets.storage.table import create_table
from lakehouse_assets_tests.lakes import (
    CUSTOMERS_COLUMNS,
    CUSTOMERS_SOURCE,
    DAY,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
    TO_CUSTOMERS,
    contract,
    deliver,
    order,
    orders_contract,
    run,
    shop_lake,
)
from lakehouse_assets_tests.parity.cases import Engine, Task
from lakehouse_assets_tests.parity.catalog import CONTRACTS
from lakehouse_assets_tests.parity.edges import NUMBER_TEXTS, TEXTS, TIME_TEXTS
from lakehouse_assets_tests.parity.operations import TYPES
from lakehouse_assets_tests.parity.partitions import FEW, every_type
from lakehouse_assets_tests.parity.tables import rows_of

_PUBLISH = "run-0000-abcd"
_FOLDER = TemporaryDirectory(prefix="parity-")
CUSTOMERS = TableName("silver", ("customers",))
DAYS = (DAY, NEXT, THIRD)
# One day alone is counted while it is written, where the engine can; several are counted by day.
_LATE = "keys: [order_id], sequenceBy: changed_at, identicalRows: drop, eventTime: changed_at, lateness: 2d"
RUNS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("the newest of a key", f"{{{_LATE}}}", DAYS),
    ("the newest of a key, one day", f"{{{_LATE}}}", (DAY,)),
    ("repeated keys refused", "{keys: [order_id], duplicates: quarantine, identicalRows: keep}", (DAY,)),
)
ROWS = 120
_AT = ("", "2010-11-28 10:00:00", "2010-11-30 23:59:59", "2010-12-01 00:00:00", "2010-12-01 23:59:59", *TIME_TEXTS)


def tasks() -> Iterator[Task]:
    """Yield the repeats of every type of key, the shop loaded in every way, and gold as every contract loads it."""
    for name in TYPES:
        yield Task(f"repeats of {name}", lambda engine, name=name: _repeats(engine, [name]))  # type: ignore[misc]
    yield Task("repeats of two columns", lambda engine: _repeats(engine, [FEW, "double", "string"]))
    for name, load, days in RUNS:
        yield _refined(f"ledger of {name}", load, days)
    for found in CONTRACTS.values():
        if found.table.layer == "gold" and found.load.mode is not Mode.DERIVED:
            yield _curated(f"ledger of {found.table}", found)
            yield _curated(f"ledger of {found.table} without rules", replace(found, rules=()))


def _repeats(engine: Engine, keys: Sequence[str]) -> pl.DataFrame:
    rows = every_type().with_row_index(ROW_ID).with_columns(pl.col(ROW_ID).cast(pl.String).str.pad_start(4, "0"))
    rows = rows.with_columns((pl.int_range(pl.len()) * 7 % 5).cast(pl.Int64).alias(RAW_HASH))
    found = engine.computes.repeated(engine.lift(rows), [PROC_DATE, *keys])
    known = engine.computes.repeated(engine.lift(rows), [PROC_DATE, *keys], known_by=ROW_ID)
    assert found is not None
    assert known is not None
    candidates, same = engine.computes.collect_all([found, known])
    older = older_versions(candidates, partition=PROC_DATE, keys=keys, sequence_by=FEW)
    members = members_of_repeated_keys(same, partition=PROC_DATE, keys=keys)
    equal = identical_rows(candidates, partition=PROC_DATE, columns=keys)
    engine.computes.release()
    return pl.concat([older, members, equal.with_columns(__fate=pl.lit(0, pl.Int8))]).with_columns(
        pl.col("__fate").cast(pl.Int64)
    )


def _refined(name: str, load: str, days: Sequence[str]) -> Task:
    def found(engine: Engine) -> pl.DataFrame:
        lake = replace(_landed(load), computes=engine.computes)
        step = open_step(lake, lake.contract(ORDERS), list(days), run_id=uuid.uuid4().hex, chunk=0)
        step = replace(step, started_at=datetime(2010, 12, 9, tzinfo=UTC))
        return _told(step, refine(step))

    return Task(name, found)


@cache
def _landed(load: str) -> Lake:
    """Return a shop whose customers are published and whose orders have landed, with two rules that are waived."""
    folder = Path(_FOLDER.name, uuid.uuid4().hex)
    folder.mkdir()
    customers = contract("customers", CUSTOMERS_COLUMNS, load="{identicalRows: drop}")
    orders = orders_contract(load, relationships=TO_CUSTOMERS)
    lake = shop_lake(folder, orders, source_also=CUSTOMERS_SOURCE, contracts={"silver/customers": customers})
    (folder / "drop" / "customers").mkdir()
    (folder / "drop" / "customers" / f"{DAY}.csv").write_text("customer\nann\né\n A\n", encoding="utf-8")
    run(lake, bronze("shop", "customers"), DAY)
    run(lake, CUSTOMERS, DAY)
    for day, rows in _orders(load).items():
        deliver(lake, day, rows)
    run(lake, RAW, *DAYS)
    rules = ("amount.between", "order_id.required")
    waiver = Exemption(ExemptionKind.WAIVER, rules, (DAY,), "ada", "known", date(2999, 1, 1), "orders.yaml:3")
    return replace(lake, catalog=replace(lake.catalog, waivers={ORDERS: (waiver,)}))


def _orders(load: str) -> dict[str, list[list[str]]]:
    draw = random.Random(load)  # noqa: S311 - a test must be repeatable
    texts, numbers, times = ([v for v in some if v and v.isprintable()] for some in (TEXTS, NUMBER_TEXTS, _AT))

    def one(at: int) -> list[str]:
        is_good = draw.random() < 2 / 3
        odd = draw.choice(["order_id", "customer", "amount", "changed_at", "note"])
        row = {"customer": draw.choice(["ann", "é"]), "amount": draw.choice(["1", "7", "1000"])}
        row |= {"order_id": draw.choice(["1", "2", "é", f"o{at}", f"o{at}"]), "changed_at": draw.choice(_AT[1:5])}
        strange = {
            "order_id": draw.choice(["", "e\u0301", "1 "]),
            "customer": draw.choice([" A", "", "bob"]),
            "amount": draw.choice([*numbers, "1001"]),
            "changed_at": draw.choice([*times, ""]),
            "note": draw.choice(texts),
        }
        return order(**(row if is_good else row | {odd: strange[odd]}))

    rows = [one(at) for at in range(ROWS)]
    return {DAY: [*rows, *rows[:9], [*rows[1], "more"], rows[2][:3]], NEXT: rows[::3], THIRD: []}


def _curated(name: str, found: Contract) -> Task:
    rows = rows_of(found, found.columns)
    days = ("2010-12-01", "2010-12-02") if found.is_partitioned else ("0",)
    if found.is_partitioned:
        column = found.load.partition_column
        day = pl.Series(column, [date.fromisoformat(days[at % 2]) for at in range(rows.height)])
        rows = rows.with_columns(day)
    # Equal rows of gold are repeats of each other.
    rows = pl.concat([rows, rows.head(5)]).drop("__row", ROW_ID)

    def drafted(engine: Engine) -> pl.DataFrame:
        root = Path(_FOLDER.name, uuid.uuid4().hex)
        settings = Settings("local", root / "config", str(root), f"sqlite:///{root}/state.db", run_log="off")
        lake = Lake(str(root), Catalog({found.table: found}), settings, computes=engine.computes)
        columns = stored_columns(lake, found)
        about = {"partition_column": found.partition_column, "description": found.description}
        table = create_table(lake.root_of(found.table), lake.options, columns, **about)
        now = datetime(2010, 12, 9, tzinfo=UTC)
        step = Step(lake, found, days, _PUBLISH, "run", table, columns, {}, now)
        return _told(step, draft_of(step, engine.lift(rows)))

    return Task(name, drafted)


def _told(step: Step, draft: Draft) -> pl.DataFrame:
    """Return everything a draft says of its partitions, and every row that it staged."""
    said = [
        {"what": f"{tally.partition} {name}", "said": str(value)}
        for tally in draft.tallies
        for name, value in {
            "ledger": tally.ledger,
            "content": tally.content_hash,
            "quarantine": tally.quarantine_hash,
            "waived": tally.waived_rows,
            "measures": sorted(tally.measures.items()),
            **{result.rule_id: result for result in tally.results},
        }.items()
    ]
    for table, files in ((step.name, draft.valid), (quarantine_of(step.name), draft.refused)):
        said += _rows(step.target(table).root, str(table), files)
    step.lake.engine.release()
    return pl.DataFrame(said)


def _rows(root: str, table: str, files: Sequence[StagedFile]) -> Iterator[dict[str, str]]:
    for file in files:
        rows = pl.read_parquet(f"{root}/{file.path}", hive_partitioning=False)
        yield from ({"what": f"{table} {file.partition}", "said": repr(sorted(row.items()))} for row in rows.to_dicts())
