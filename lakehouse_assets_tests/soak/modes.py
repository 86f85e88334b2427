"""What is disturbed: for each load mode a small lake with inputs, the work on it, and what it must hold in the end."""

import random
import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refused.release import Scope, rehearse, replay
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets_tests.customers import CHANGES, CURRENT, HISTORY, PEOPLE, change, customers_lake, gone
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, RAW, THIRD, order, orders_contract, retail_lake, shop_lake
from lakehouse_assets_tests.retail_files import DAYS, write_days
from lakehouse_assets_tests.soak.chain import BRONZE, CUSTOMERS, DAILY, PRODUCTS, SILVER
from lakehouse_assets_tests.soak.shop_files import write_shop_file

ROWS = 300
WHOLE = "0"

Step = tuple[TableName, str]


def _run(lake: Lake, steps: Iterable[Step]) -> None:
    for table, partition in steps:
        list(materialise(lake, table, [partition], run_id=uuid.uuid4().hex))


def _replay(lake: Lake, steps: Iterable[Step]) -> None:
    """Release what today's contract lets pass, twice; the second time there must be nothing to do."""
    for table in {table for table, _ in steps if table.layer == "silver"}:
        replay(lake, table, rehearse(lake, Scope(table)), run_id=uuid.uuid4().hex)
        moved = rehearse(lake, Scope(table))
        if any(one.moves for one in moved) or replay(lake, table, moved, run_id=uuid.uuid4().hex):
            msg = f"a second replay of {table} found something to do."
            raise RuntimeError(msg)


@dataclass(frozen=True, slots=True)
class Mode:
    """`prepare` writes inputs into a folder shared by all trials; `open` opens a lake of its own on them.

    `by` is what is struck: running the steps, or replaying the quarantine of what they published before.
    """

    name: str
    prepare: Callable[[Path], None]
    open: Callable[[Path, Path], Lake]
    steps: tuple[Step, ...]
    by: Callable[[Lake, Iterable[Step]], None] = _run

    @property
    def tables(self) -> tuple[TableName, ...]:
        """Every table that is written."""
        return tuple(dict.fromkeys(table for table, _ in self.steps))

    @property
    def watched(self) -> tuple[TableName, ...]:
        """Every table whose content is compared, quarantine included."""
        return (*self.tables, *(quarantine_of(table) for table in self.tables if table.layer == "silver"))

    def work(self, lake: Lake) -> None:
        """Do the work and take what was recorded into the state store."""
        self.by(lake, self.steps)
        absorb(lake, store_of(lake))


def _write_orders(inputs: Path) -> None:
    for day, part in product((DAY, NEXT), "ab"):
        rows = [order(f"{day}{part}{number}", amount=number * 37 % 1100) for number in range(40)]
        write_shop_file(inputs / f"{day}-{part}.csv", rows)


def _open_orders(root: Path, inputs: Path) -> Lake:
    return _with_inputs(shop_lake, root, inputs, orders_contract(), source_also="    load: append_once\n")


def _open_refused(root: Path, inputs: Path) -> Lake:
    """Publish under narrow bounds, once; hand on the lake under the wider ones that a replay judges by."""
    is_new = not root.exists()
    lake = _with_inputs(shop_lake, root, inputs, orders_contract())
    if is_new:
        _run(lake, _ORDERS)
    return shop_lake(root, orders_contract().replace("maximum: 1000", "maximum: 1050"))


def _write_people(inputs: Path) -> None:
    """Write three days of changes: repeated, late and out of order, with deletions and rows that are refused."""
    draw = random.Random(3)  # noqa: S311 - equal for every trial
    for day in (DAY, NEXT, THIRD):
        moments = [f"2010-11-{draw.randint(1, 30):02} 0{draw.randint(0, 9)}:00:00" for _ in range(60)]
        rows = [change(f"c{draw.randint(1, 12)}", at, city=draw.choice(["Ulm", "Bonn"]), points=5) for at in moments]
        rows += [gone(f"c{draw.randint(1, 12)}", at) for at in moments[:8]]
        rows += [rows[0], change("c1", moments[9], points="many"), change("", moments[10])]
        write_shop_file(inputs / f"people/{day}.csv", rows, people=True)


def _open_people(root: Path, inputs: Path) -> Lake:
    load = "{mode: derived, keys: [id], sequenceBy: changed_at, history: scd4, tracked: [city], buckets: 3}"
    return _with_inputs(customers_lake, root, inputs, load)


def _with_inputs(make: Callable[..., Lake], root: Path, inputs: Path, *parts: str, **more: str) -> Lake:
    root.mkdir(parents=True, exist_ok=True)
    lake = make(root, *parts, **more)
    shutil.copytree(inputs, root / "drop", dirs_exist_ok=True)
    return lake


def _retail(name: str, *gold: TableName) -> Mode:
    days = product((BRONZE, SILVER), DAYS[:2])
    last: Iterable[Step] = product(gold, DAYS[:2]) if name == "partition" else product(gold, [WHOLE])
    return Mode(name, lambda inputs: write_days(inputs, ROWS), retail_lake, (*days, *last))


# Derived day by day, as automation does it, and not only in the end.
_DERIVED = tuple(
    step for day in (DAY, NEXT, THIRD) for step in ((PEOPLE, day), (CHANGES, day), (CURRENT, WHOLE), (HISTORY, WHOLE))
)

_ORDERS = tuple(product((RAW, ORDERS), (DAY, NEXT)))

MODES = (
    _retail("partition", DAILY),
    _retail("snapshot", PRODUCTS, CUSTOMERS),
    Mode("derived", _write_people, _open_people, _DERIVED),
    Mode("append_once", _write_orders, _open_orders, _ORDERS),
    Mode("replay", _write_orders, _open_refused, _ORDERS, _replay),
)
