"""Nothing that somebody needs is ever removed, and what nobody needs is: random lives of a table against plain Python.

Time is simulated: after each event the new files get its time as their own, and maintenance is told what time it is.
"""

import dataclasses
import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.upkeep.maintain import maintain, plan_maintenance
from lakehouse_assets.settings import Maintenance
from lakehouse_assets.storage.pins import write_pins, write_release
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, RAW, deliver, order, refresh, shop_lake

SEEDS = (1, 2, 3, random.SystemRandom().randrange(100_000))
RETENTION = timedelta(hours=2)
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
EVENTS = 12


@dataclass
class Version:
    """One version of a table as the oracle remembers it."""

    number: int
    at: datetime
    files: frozenset[str]
    rows: list[str]


@dataclass
class Life:
    """A lake, the clock, and everything that happened to silver/orders."""

    lake: Lake
    seed: int
    now: datetime = BEGIN
    dated: set[Path] = field(default_factory=set)
    versions: list[Version] = field(default_factory=list)
    pins: list[tuple[datetime, int]] = field(default_factory=list)
    released: set[int] = field(default_factory=set)
    orphans: dict[Path, datetime] = field(default_factory=dict)
    written: dict[Path, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - a life must be repeatable
        self.root = Path(self.lake.root_of(ORDERS))

    def settle(self) -> None:
        """Give everything that is new the time it is, and remember new versions."""
        for path in Path(self.lake.root).rglob("*"):
            if path.is_file() and path not in self.dated:
                os.utime(path, (self.now.timestamp(), self.now.timestamp()))
                self.dated.add(path)
                self.written[path.relative_to(self.lake.root)] = self.now
        opened = self.lake.open(ORDERS)
        assert opened is not None
        known = {version.number for version in self.versions}
        for number in range(opened.version + 1):
            if number not in known:
                self.versions.append(self.remembered(number))

    def remembered(self, number: int) -> Version:
        opened = self.lake.open(ORDERS, number)
        assert opened is not None
        files = frozenset(file.path for file in opened.files)
        return Version(number, self.now, files, self.rows_at(number))

    def rows_at(self, number: int) -> list[str]:
        opened = self.lake.open(ORDERS, number)
        assert opened is not None
        return sorted(map(str, self.lake.engine.collect(self.lake.scan(opened)).drop("_proc_date").rows()))

    def publish(self) -> None:
        for day in self.dice.sample([DAY, NEXT], self.dice.randint(1, 2)):
            rows = [order(n, amount=self.dice.choice([1, 2, "many"])) for n in range(self.dice.randint(1, 5))]
            deliver(self.lake, day, rows)
            refresh(self.lake, day)

    def pin(self) -> None:
        number = self.dice.choice(self.readable()).number
        write_pins(self.lake.objects_of(RAW), f"pin-{self.dice.randrange(10**9)}-x", {str(ORDERS): number})
        self.pins.append((self.now, number))

    def release(self) -> None:
        version = self.dice.choice(self.readable())
        write_release(self.lake.objects_of(ORDERS), f"r{version.number}", version.number, version.files)
        self.released.add(version.number)

    def orphan(self) -> None:
        folder = self.root / f"_proc_date={DAY}"
        folder.mkdir(exist_ok=True)
        path = folder / f"stg-dead-0000-{self.dice.randrange(10**9)}-00000.parquet"
        pl.DataFrame({"order_id": ["x"]}).write_parquet(path)
        self.orphans[path] = self.now

    def needed(self) -> list[Version]:
        """Return the versions that somebody may still need, in words: newest, replaced lately, pinned, released."""
        cutoff = self.now - RETENTION
        alive = {number for at, number in self.pins if at > cutoff} | self.released
        following = {version.number: later.at for version, later in zip(self.versions, self.versions[1:], strict=False)}
        return [
            version
            for version in self.versions
            if version.number in alive or following.get(version.number, self.now) > cutoff
        ]

    def readable(self) -> list[Version]:
        """Return versions that a step or a person may point at now."""
        return [version for version in self.needed() if version.number > 0]


@pytest.fixture
def life(tmp_path: Path, request: pytest.FixtureRequest) -> Life:
    lake = shop_lake(tmp_path)
    kept = dataclasses.replace(lake.settings, maintenance=Maintenance(retention=RETENTION))
    found = Life(Lake(lake.root, lake.catalog, kept), request.param)
    found.publish()
    found.settle()
    return found


@pytest.mark.parametrize("life", SEEDS, ids=["seed-1", "seed-2", "seed-3", "fresh-seed"], indirect=True)
def test_whatever_happened_what_is_needed_stays_and_the_rest_goes(life: Life) -> None:
    for _ in range(EVENTS):
        life.now += timedelta(minutes=life.dice.choice([10, 40, 70, 150]))
        life.dice.choices([life.publish, life.pin, life.release, life.orphan], [6, 2, 1, 2])[0]()
        life.settle()
        if life.dice.random() < 0.5:
            before = picture(life.lake)
            list(maintain(life.lake, ORDERS, at=life.now))
            life.settle()
            assert picture(life.lake) == before
            check(life)


def picture(lake: Lake) -> tuple[object, ...]:
    return content_of(lake, ORDERS).partitions, served(lake, ORDERS), refused(lake)


def refused(lake: Lake) -> list[str]:
    rows = served_quarantine(lake, ORDERS)
    return [] if rows is None else sorted(lake.engine.collect(rows)["raw"])


def check(life: Life) -> None:
    needed = life.needed()
    told = f"seed {life.seed}"
    for version in needed:
        assert life.rows_at(version.number) == version.rows, told
    files = {file for version in needed for file in version.files}
    left = {path.relative_to(life.root).as_posix() for path in life.root.rglob("*.parquet") if "=" in path.parent.name}
    young = {p.relative_to(life.root).as_posix() for p, at in life.orphans.items() if at > life.now - RETENTION}
    assert left == files | young, told
    assert plan_maintenance(life.lake, ORDERS, at=life.now).is_empty, told
    side = life.lake.open(quarantine_of(ORDERS))
    served_by = {(file.split("/")[0], publish_named(file)) for file in files}
    for file in side.files if side else ():
        if (file.path.split("/")[0], publish_named(file.path)) not in served_by:
            # Refused rows that no version counts stay while their file is young: its publish may be on its way.
            assert life.written[Path(str(quarantine_of(ORDERS)), file.path)] > life.now - RETENTION, told


def publish_named(path: str) -> str:
    return "-".join(path.rsplit("/", 1)[-1].split("-")[-4:-1])
