"""Rows that are judged beside the others of their partition, and rows without a reference, from file to quarantine."""

from pathlib import Path

import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.naming import ROW_ID, TableName, bronze
from lakehouse_assets.pipeline import refine
from lakehouse_assets.pipeline.content import served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import BLOCKED, PUBLISHED
from lakehouse_assets_tests.lakes import (
    CUSTOMERS_COLUMNS,
    CUSTOMERS_SOURCE,
    DAY,
    NEXT,
    ORDERS,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
)

pytestmark = pytest.mark.integration

AGREES = """
      - {id: one_note, type: custom, engine: lakehouse, severity: SEVERITY,
         implementation: {rule: agrees_with_most, column: note, columns: [customer]}}
"""
RULE = AGREES.replace("SEVERITY", "error")


def refused(lake: Lake) -> dict[str, list[str]]:
    """Return the rules that refused each quarantined row, by the number of its record."""
    rows = served_quarantine(lake, ORDERS)
    assert rows is not None
    found = lake.engine.collect(rows.select("_proc_date", ROW_ID, "reasons"))
    return {
        f"{day} {row_id.rpartition('#')[2].lstrip('0')}": [reason["rule_id"] for reason in reasons]
        for day, row_id, reasons in found.sort(ROW_ID).iter_rows()
    }


def test_the_row_that_disagrees_is_quarantined_and_days_do_not_vote_together(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(quality=RULE))
    deliver(lake, DAY, [order(1, note="a"), order(2, note="b"), order(3, note="a"), order(4), order(5, customer="bob")])
    deliver(lake, NEXT, [order(6, note="b")])

    results = refresh(lake, DAY, NEXT)

    assert statuses(results) == {DAY: PUBLISHED, NEXT: PUBLISHED}
    assert refused(lake) == {f"{DAY} 2": ["one_note"]}
    assert all(one.record.ledger.is_balanced for one in results.values())
    assert sorted(rows_of(lake, ORDERS)["order_id"].to_list()) == ["1", "3", "4", "5", "6"]


def test_a_row_that_breaks_other_rules_too_is_told_all_of_them_and_votes(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(quality=RULE))
    deliver(lake, DAY, [order(1, note="a", amount="-1"), order(2, note="a"), order(3, note="b", amount="-1")])

    refresh(lake, DAY)

    assert refused(lake) == {f"{DAY} 1": ["amount.between"], f"{DAY} 3": ["amount.between", "one_note"]}


def test_the_verdict_does_not_depend_on_the_pass_a_row_is_computed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = shop_lake(tmp_path, orders_contract(quality=RULE))
    vars(lake)["engine"] = PolarsEngine(lake.options, rows_per_file=2)
    monkeypatch.setattr(refine.passes, "__defaults__", (2,))
    deliver(lake, DAY, [order(number, note="b" if number == 3 else "a") for number in range(1, 8)])

    assert statuses(refresh(lake, DAY)) == {DAY: PUBLISHED}

    assert refused(lake) == {f"{DAY} 3": ["one_note"]}


def test_a_partition_is_blocked_where_the_rule_is_critical(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(quality=AGREES.replace("SEVERITY", "critical")))
    deliver(lake, DAY, [order(1, note="a"), order(2, note="b"), order(3, note="a")])

    (result,) = refresh(lake, DAY).values()

    assert result.status == BLOCKED
    assert "one_note" in result.message


@pytest.mark.parametrize(("nulls", "expected"), [("allow", {}), ("refuse", {f"{DAY} 2": ["customer.foreign_key"]})])
def test_a_row_without_a_reference_breaks_the_rule_only_where_the_contract_says_so(
    tmp_path: Path, nulls: str, expected: dict[str, list[str]]
) -> None:
    policy = f"[{{property: lakehouse.nulls, value: {nulls}}}]"
    relationship = f"[{{type: foreignKey, to: customers.customer, customProperties: {policy}}}]"
    customers = contract("customers", CUSTOMERS_COLUMNS, load="{}")
    silver = orders_contract(relationships=relationship)
    lake = shop_lake(tmp_path, silver, source_also=CUSTOMERS_SOURCE, contracts={"silver/customers": customers})
    folder = Path(lake.catalog.sources["shop"].connection["location"]) / "customers"
    folder.mkdir()
    (folder / f"{DAY}.csv").write_text("customer\nann\n")
    deliver(lake, DAY, [order(1), order(2, customer="")])
    run(lake, bronze("shop", "customers"), DAY)
    run(lake, TableName.parse("silver/customers"), DAY)

    refresh(lake, DAY)

    assert (refused(lake) if nulls == "refuse" else {}) == expected
    assert rows_of(lake, ORDERS).height == 2 - len(expected)
