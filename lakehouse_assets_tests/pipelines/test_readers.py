"""Who reads while runs publish, block and redo sees whole, audited partitions and nothing else."""

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.places import SWIFT, Place

ROWS = 40
VERSIONS = 6
GATE = "{maxQuarantineRatio: 0.2, emptyPartition: allow}"


class Reader(threading.Thread):
    """Reads the table as any tool would, again and again, and counts what it saw."""

    def __init__(self, root: str, options: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self.options = dict(options) or None
        self.root, self.seen, self.wrong = root, Counter[tuple[str, ...]](), list[str]()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            self.look(pl.read_delta(self.root, storage_options=self.options))

    def look(self, rows: pl.DataFrame) -> None:
        days = rows.group_by("_proc_date").agg(pl.len().alias("rows"), pl.col("note").unique().alias("notes"))
        for day, count, notes in days.iter_rows():
            if count != ROWS or len(notes) != 1:
                self.wrong.append(f"{day}: {count} rows of {sorted(notes)}")
        if rows.filter((pl.col("amount") > 1000) | pl.col("order_id").is_null()).height:
            self.wrong.append("rows that break a rule")
        self.seen[tuple(sorted(rows["note"].unique()))] += 1


def version(number: int) -> list[list[str]]:
    """Return a day in which every good row carries the number of its version; each fourth version is half bad."""
    good = [order(n, note=f"v{number}") for n in range(ROWS)]
    bad = [order(n, amount="5000", note="bad") for n in range(ROWS if number % 4 == 3 else 2)]
    return [*good, *bad]


@pytest.mark.parametrize("place", SWIFT, indirect=True)
def test_a_reader_never_sees_unaudited_rows_or_half_a_partition(tmp_path: Path, place: Place) -> None:
    lake = shop_lake(tmp_path, orders_contract(gate=GATE), environ=place.environ)
    for day in (DAY, NEXT):
        deliver(lake, day, version(0))
    refresh(lake, DAY, NEXT)
    reader = Reader(lake.root_of(ORDERS), lake.options)
    reader.start()

    told = []
    for number in range(1, VERSIONS):
        for day in (DAY, NEXT):
            deliver(lake, day, version(number))
        told.append(set(statuses(refresh(lake, DAY, NEXT)).values()))
    reader.stop.set()
    reader.join(timeout=60)

    assert told == [{"blocked"} if number % 4 == 3 else {"published"} for number in range(1, VERSIONS)]
    assert reader.wrong == []
    assert len(reader.seen) > 2, "the reader was too slow to see anything change"


def test_a_reader_of_a_pinned_version_keeps_it(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(gate=GATE))
    deliver(lake, DAY, version(0))
    refresh(lake, DAY)
    pinned = lake.open(ORDERS)
    assert pinned is not None

    deliver(lake, DAY, version(1))
    refresh(lake, DAY)

    assert lake.engine.collect(lake.scan(pinned))["note"].unique().to_list() == ["v0"]
    assert rows_of(lake, ORDERS)["note"].unique().to_list() == ["v1"]
