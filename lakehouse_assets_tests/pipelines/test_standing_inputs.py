"""The digest of what a partition is computed from, and which partitions stand because theirs is the same."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind
from lakehouse_assets.contracts.loading import History
from lakehouse_assets.naming import META_FOLDER, TableName
from lakehouse_assets.pipeline.intent import ORDINARY, Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.standing import inputs_of, standing
from lakehouse_assets.pipeline.step import Step, open_step
from lakehouse_assets.results import UNCHANGED
from lakehouse_assets_tests.entity_lakes import CHANGES, CUSTOMERS, entity_lake, publish_changes
from lakehouse_assets_tests.entity_oracle import customers
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    orders_contract,
    refresh,
    run,
    shop_lake,
)

PEOPLE = TableName.parse("silver/buyers")
BUYERS = (
    orders_contract()
    .replace("silver.orders", "silver.buyers")
    .replace("name: orders", "name: buyers")
    .replace("name: order_id,", "name: order_id, primaryKey: true,")
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a shop with two days whose orders refer to buyers, who were never published."""
    reference = orders_contract(relationships="[{type: foreignKey, to: buyers.order_id}]")
    lake = shop_lake(tmp_path, reference, contracts={"silver/buyers": BUYERS})
    for day in (DAY, NEXT):
        deliver(lake, day, [order(1), order("ann")])
    refresh(lake, DAY, NEXT)
    return lake


def opened(lake: Lake, table: TableName = ORDERS, *days: str, intent: Intent = ORDINARY) -> Step:
    partitions = list(days or (DAY, NEXT))
    return open_step(lake, lake.contract(table), partitions, run_id="r", chunk=0, intent=intent)


def digests(lake: Lake, table: TableName = ORDERS) -> Mapping[str, str]:
    return inputs_of(opened(lake, table))


def stand(lake: Lake, *, intent: Intent = ORDINARY) -> list[str]:
    step = opened(lake, intent=intent)
    return sorted(standing(step, inputs_of(step)))


def with_contract(lake: Lake, table: TableName, **changes: object) -> Lake:
    contract = replace(lake.contract(table), **changes)  # type: ignore[arg-type]
    catalog = replace(lake.catalog, contracts={**lake.catalog.contracts, table: contract})
    return Lake(lake.root, catalog, lake.settings)


def test_only_tables_that_are_computed_by_partition_have_a_digest(lake: Lake, tmp_path: Path) -> None:
    assert digests(lake, RAW) == {}
    assert set(digests(lake)) == {DAY, NEXT}
    entities = entity_lake(tmp_path / "entities", *customers(History.NONE))
    publish_changes(entities, DAY, [])
    assert inputs_of(opened(entities, CUSTOMERS, "0")) == {}
    assert set(inputs_of(opened(entities, CHANGES, DAY))) == {DAY}


def test_a_digest_is_the_same_while_nothing_changed_and_has_32_digits(lake: Lake) -> None:
    found = digests(lake)
    assert digests(lake) == found
    assert {len(digest) for digest in found.values()} == {32}
    assert found[DAY] != found[NEXT]


def test_a_new_publish_of_one_day_changes_the_digest_of_that_day(lake: Lake) -> None:
    before = digests(lake)
    deliver(lake, NEXT, [order(2)])
    run(lake, RAW, NEXT)
    after = digests(lake)
    assert after[DAY] == before[DAY]
    assert after[NEXT] != before[NEXT]


def test_every_publish_of_a_table_that_is_referred_to_changes_all_digests(lake: Lake) -> None:
    never = digests(lake)
    run(lake, PEOPLE, DAY)
    once = digests(lake)
    run(lake, PEOPLE, NEXT)
    twice = digests(lake)
    for day in (DAY, NEXT):
        assert len({never[day], once[day], twice[day]}) == 3


@pytest.mark.parametrize(("table", "changes"), [(ORDERS, {"version": "1.0.1"}), (RAW, {"version": "1.0.1"})])
def test_another_contract_of_the_table_or_of_its_input_is_another_digest(
    lake: Lake, table: TableName, changes: dict[str, object]
) -> None:
    assert digests(with_contract(lake, table, **changes))[DAY] != digests(lake)[DAY]


def test_what_a_contract_looks_like_as_a_document_is_no_input(lake: Lake) -> None:
    assert digests(with_contract(lake, ORDERS, odcs=None)) == digests(lake)


def test_another_way_to_read_the_source_is_another_digest(lake: Lake) -> None:
    source = lake.catalog.sources["shop"]
    read = source.tables["orders"].read
    assert read is not None
    table = replace(source.tables["orders"], read=replace(read, delimiter=";"))
    sources = {"shop": replace(source, tables={"orders": table})}
    other = Lake(lake.root, replace(lake.catalog, sources=sources), lake.settings)
    assert digests(other)[DAY] != digests(lake)[DAY]


def test_what_stands_is_told_as_readers_see_it(lake: Lake) -> None:
    step = opened(lake)
    found = standing(step, inputs_of(step))
    word = served(lake, ORDERS)[DAY]
    assert sorted(found) == [DAY, NEXT]
    result = found[DAY]
    assert (result.table, result.partition, result.status) == (str(ORDERS), DAY, UNCHANGED)
    assert (result.publish, result.version) == (word.publish, step.table.version)
    assert result.record == replace(word.of, status=UNCHANGED)


def test_only_partitions_with_the_same_digest_stand(lake: Lake) -> None:
    step = opened(lake)
    inputs = inputs_of(step)
    assert sorted(standing(step, {**inputs, DAY: "other"})) == [NEXT]
    assert standing(step, {}) == {}


def test_nothing_stands_where_somebody_wants_to_see_what_would_be_published(lake: Lake) -> None:
    assert stand(lake, intent=Intent(purpose="another")) == [DAY, NEXT]
    assert stand(lake, intent=Intent(approve=lambda *_: None)) == []


def test_a_partition_with_a_file_that_is_gone_does_not_stand(lake: Lake) -> None:
    table = lake.open(ORDERS)
    assert table is not None
    (Path(table.root) / table.files_of([DAY])[0].path).unlink()
    assert stand(lake) == [NEXT]


def test_partitions_whose_record_is_damaged_do_not_stand(lake: Lake) -> None:
    for path in (Path(lake.root_of(ORDERS)) / META_FOLDER).glob("*.zst"):
        path.write_bytes(b"not what was written")
    assert stand(lake) == []


def test_a_partition_that_other_entries_accept_does_not_stand(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [order(1), order(2, amount="many")])
    deliver(lake, NEXT, [order(1)])
    refresh(lake, DAY, NEXT)
    entry = Exemption(ExemptionKind.WAIVER, ("amount.parse",), (), "ada", "known", date(2999, 1, 1))
    waived = Lake(lake.root, replace(lake.catalog, waivers={ORDERS: (entry,)}), lake.settings)
    assert stand(lake) == [DAY, NEXT]
    assert stand(waived) == [NEXT]


def test_a_partition_with_a_blocked_attempt_does_not_stand(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(gate="{maxQuarantineRatio: 0.2, emptyPartition: allow}"))
    for day in (DAY, NEXT):
        deliver(lake, day, [order(1)])
    refresh(lake, DAY, NEXT)
    good = inputs_of(opened(lake))
    deliver(lake, DAY, [order(1, amount="many")])
    refresh(lake, DAY)
    assert sorted(standing(opened(lake), good)) == [NEXT]
