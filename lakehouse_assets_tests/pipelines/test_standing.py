"""A partition is computed again only when something it is computed from has changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse_assets.contracts.loader import load_valid_catalog
from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.upkeep.compact import compact
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
    transform,
)

# Leaves a mark each time it is asked to compute.
TRANSFORM = """\
from pathlib import Path

def orders(orders):
    with Path({marks!r}).open("a") as file:
        file.write("computed ")
    return orders
"""


class Marked:
    """A shop's lake whose silver table says how often it was computed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.lake: Lake = shop_lake(folder)

    def computed(self) -> int:
        """Return how often the table was computed since the last question."""
        count = self.marks.read_text().count("computed") if self.marks.exists() else 0
        self.marks.unlink(missing_ok=True)
        return count

    def source(self) -> str:
        return TRANSFORM.format(marks=str(self.marks))


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Marked]:
    found = Marked(tmp_path)
    code = tmp_path / "code"
    code.mkdir()
    with transform(code, "silver/orders", found.source()):
        deliver(found.lake, DAY, [order(1), order(2, amount="many")])
        refresh(found.lake, DAY)
        assert found.computed() > 0
        yield found


def test_a_second_run_computes_nothing_and_says_unchanged(marked: Marked) -> None:
    assert statuses(run(marked.lake, ORDERS, DAY)) == {DAY: "unchanged"}
    assert marked.computed() == 0


def test_what_stands_is_told_as_it_was_published(marked: Marked) -> None:
    result = run(marked.lake, ORDERS, DAY)[DAY]

    assert (result.record.ledger.published, result.record.ledger.quarantined) == (1, 1)
    assert result.record.results != ()


def test_only_the_partitions_with_new_input_are_computed(marked: Marked) -> None:
    deliver(marked.lake, NEXT, [order(3, changed_at=f"{NEXT} 10:00:00")])
    run(marked.lake, RAW, NEXT)

    assert statuses(run(marked.lake, ORDERS, DAY, NEXT)) == {DAY: "unchanged", NEXT: "published"}
    assert sorted(rows_of(marked.lake, ORDERS)["order_id"]) == ["1", "3"]


def test_a_corrected_file_is_computed(marked: Marked) -> None:
    deliver(marked.lake, DAY, [order(7)])
    run(marked.lake, RAW, DAY)

    assert statuses(run(marked.lake, ORDERS, DAY)) == {DAY: "published"}
    assert rows_of(marked.lake, ORDERS)["order_id"].to_list() == ["7"]


def test_other_code_of_the_transform_computes_again(marked: Marked) -> None:
    (marked.folder / "code/orders.py").write_text(marked.source() + "\n# Another day.\n")

    run(marked.lake, ORDERS, DAY)

    assert marked.computed() > 0


def test_another_contract_computes_again(marked: Marked) -> None:
    path = marked.folder / "config/contracts/silver/orders.odcs.yaml"
    path.write_text(path.read_text().replace("maximum: 1000", "maximum: 5"))
    catalog = load_valid_catalog(marked.lake.settings.config_dir, collect_vocabulary(), marked.lake.settings.sources)
    lake = Lake(marked.lake.root, catalog, marked.lake.settings)

    run(lake, ORDERS, DAY)

    assert marked.computed() > 0
    assert rows_of(lake, ORDERS)["order_id"].to_list() == []


def test_a_file_that_somebody_deleted_comes_back(marked: Marked) -> None:
    for file in Path(marked.lake.root_of(ORDERS)).rglob("*.parquet"):
        file.unlink()

    assert statuses(run(marked.lake, ORDERS, DAY)) == {DAY: "published"}
    assert rows_of(marked.lake, ORDERS)["order_id"].to_list() == ["1"]


def test_compaction_of_an_upstream_is_no_new_input(marked: Marked) -> None:
    crumbling = Lake(marked.lake.root, marked.lake.catalog, marked.lake.settings)
    vars(crumbling)["engine"] = PolarsEngine(marked.lake.options, rows_per_file=2)
    deliver(marked.lake, NEXT, [order(number, changed_at=f"{NEXT} 10:00:00") for number in range(9)])
    refresh(crumbling, NEXT)
    bronze = marked.lake.open(RAW)
    assert bronze is not None
    compacted = compact(marked.lake, marked.lake.contract(RAW), bronze, [NEXT]).table
    assert len(compacted.files_of([NEXT])) < len(bronze.files_of([NEXT]))
    marked.computed()

    assert statuses(run(marked.lake, ORDERS, NEXT)) == {NEXT: "unchanged"}
    assert marked.computed() == 0


def test_a_changed_reference_computes_again_what_it_judged(tmp_path: Path) -> None:
    buyers = orders_contract().replace("silver.orders", "silver.buyers").replace("name: orders", "name: buyers")
    buyers = buyers.replace("name: order_id,", "name: order_id, primaryKey: true,")
    reference = "[{type: foreignKey, to: buyers.order_id}]"
    lake = shop_lake(tmp_path, orders_contract(relationships=reference), contracts={"silver/buyers": buyers})
    people = next(name for name in lake.catalog.contracts if name.short == "buyers")
    deliver(lake, DAY, [order(1), order("ann")])
    run(lake, RAW, DAY)
    run(lake, people, DAY)
    assert run(lake, ORDERS, DAY)[DAY].record.ledger.quarantined == 0
    deliver(lake, DAY, [order(1)])
    run(lake, RAW, DAY)
    run(lake, people, DAY)

    assert run(lake, ORDERS, DAY)[DAY].record.ledger.quarantined == 1
