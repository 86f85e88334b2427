"""`docs/quality-layers.md` says which check runs where; what really ran in a lake of three layers says the same."""

import re
from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.results import PartitionResult
from lakehouse_assets_tests.lakes import DAY, ORDERS, RAW, contract, orders_contract, run, shop_lake, transform
from lakehouse_assets_tests.recorded import send
from lakehouse_assets_tests.repository import ROOT

PAGE = (ROOT / "docs/quality-layers.md").read_text(encoding="utf-8")
LAYERS = ("bronze", "silver", "gold")
COPY = TableName.parse("gold/copies")
_FUNCTION = "def copies(orders):\n    return orders\n"
_COLUMNS = """\
      - {name: order_id, logicalType: string, required: true, transformSourceObjects: [silver.orders.order_id]}
"""
_DOUBLE = """\
      - {name: share, logicalType: number, physicalType: double, transformSourceObjects: [bronze.shop.orders.note]}
"""
_ROW = re.compile(r"^\| `([^`]+)` \| .+ \| (.+) \|$", re.MULTILINE)
_LOAD = "{keys: [order_id], sequenceBy: changed_at, duplicates: quarantine, identicalRows: keep, eventTime: changed_at}"
_READ = 'read: {pattern: "'
_PROMISES = """\
    reconcile: {sums: [amount], sha256: true}
"""
Ran = dict[str, set[str]]


def listed(layer: str) -> dict[str, bool]:
    """Return the checks that the page lists for a layer, and whether it says that they always run."""
    section = PAGE.partition(f"\n## {layer.capitalize()}\n")[2].partition("\n## ")[0]
    return {name: there == "always" for name, there in _ROW.findall(section)}


def named(lake: Lake, table: TableName, result: PartitionResult) -> set[str]:
    """Return the checks of one partition by the names of the page, without the rules that its contract declares."""
    own = set() if table.layer == "bronze" else {spec.id for spec in lake.contract(table).rules}
    found = {one.rule_id for one in result.record.results} - own
    return {re.sub(r"^(amount|changed_at|order_id|customer|note|share)\.", "<column>.", name) for name in found}


def three_layers(folder: Path, *, promises: bool) -> Ran:
    """Run a day through three layers, of which everything is asked that can be, or nothing; return what ran."""
    gate = "{emptyPartition: allow, minRows: 1}" if promises else "{emptyPartition: allow}"
    load, more = (_LOAD, _DOUBLE) if promises else ("{identicalRows: keep}", "")
    silver = orders_contract(load, gate=gate, more=more)
    gold = {"gold/copies": contract("copies", _COLUMNS, layer="gold", load="{mode: snapshot}", gate=gate)}
    with transform(folder, "gold/copies", _FUNCTION):
        lake = shop_lake(folder, silver, contracts=gold)
        if promises:
            source = lake.settings.config_dir / "sources/shop.yaml"
            text = source.read_text().replace("minRows: 0}", "minRows: 1, maxDuplicateShare: 0.5}") + _PROMISES
            source.write_text(text.replace(_READ, 'read: {control: "control/{partition}.json", pattern: "'))
            lake = open_lake(lake.settings)
        send(lake, DAY, 10, 20)
        done = {table: next(iter(run(lake, table, *days).values())) for table, days in _TABLES}
        return {table.layer: named(lake, table, result) for table, result in done.items()}


_TABLES = ((RAW, (DAY,)), (ORDERS, (DAY,)), (COPY, ()))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Ran]:
    """Return what ran where nothing is asked for, and where everything is."""
    plain, full = (tmp_path_factory.mktemp(name) for name in ("plain", "full"))
    return three_layers(plain, promises=False), three_layers(full, promises=True)


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_said_to_run_always_is_what_runs_where_nothing_is_asked_for(layer: str, ran: tuple[Ran, Ran]) -> None:
    assert {name for name, always in listed(layer).items() if always} == ran[0][layer]


@pytest.mark.parametrize("layer", LAYERS)
def test_what_runs_where_everything_is_asked_for_is_what_is_listed(layer: str, ran: tuple[Ran, Ran]) -> None:
    assert set(listed(layer)) == ran[1][layer]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_check_that_is_left_out_of_the_page_would_be_noticed(layer: str) -> None:
    assert len(listed(layer)) >= 5
    assert set(listed(layer).values()) == {True, False}
