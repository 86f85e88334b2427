"""A rule that leaves its contract takes its incident along: nobody can ever make it hold again."""

import dataclasses
from pathlib import Path

from lakehouse_assets.contracts.loading import Gate
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets_tests.retail_files import DAYS, retail_row, retail_rows, write_day
from lakehouse_assets_tests.soak.kills import lake_at

BRONZE, SILVER = TableName.parse("bronze/retail/order_lines"), TableName.parse("silver/retail_order_lines")


def open_rules(lake: Lake) -> set[str]:
    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            return {incident.rule_id for incident in list_incidents(connection)}


def without_rule(lake: Lake, rule_id: str) -> Lake:
    contract = lake.contract(SILVER)
    rules = tuple(rule for rule in contract.rules if rule.id != rule_id)
    lighter = dataclasses.replace(contract, rules=rules, rule_set="lighter", gate=Gate())
    catalog = dataclasses.replace(lake.catalog, contracts={**lake.catalog.contracts, SILVER: lighter})
    return Lake(lake.root, catalog, lake.settings)


def test_an_incident_closes_when_its_rule_is_gone_and_the_partition_ran_again(tmp_path: Path) -> None:
    rows = [*retail_rows(DAYS[0], 40), retail_row(DAYS[0], 41, Quantity="0")]
    write_day(tmp_path / "drop", DAYS[0], rows)
    lake = lake_at(tmp_path / "lake", tmp_path / "drop")
    for table in (BRONZE, SILVER):
        list(materialise(lake, table, [DAYS[0]], run_id="first"))
    before = open_rules(lake)

    lighter = without_rule(lake, "quantity_is_not_zero")
    list(materialise(lighter, SILVER, [DAYS[0]], run_id="second"))

    assert "quantity_is_not_zero" in before
    assert "quantity_is_not_zero" not in open_rules(lighter)
