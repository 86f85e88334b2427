"""What the factory makes of a contract."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, Place, RuleKind, RuleSpec
from lakehouse_assets.defs.assets import to_asset
from lakehouse_assets.defs.build import assemble
from lakehouse_assets.results import Dimension, OnFailure, Severity
from lakehouse_assets_tests.scripted import BRONZE, ORDERS, SALES, Script, lake, shop, snapshot, table

AMOUNT = Column(
    "amount",
    ColumnType(Kind.DECIMAL, 18, 4),
    required=True,
    description="Price of the line.",
    classification="internal",
    sources=("bronze.shop.orders.Amount",),
    line=20,
)
BETWEEN = RuleSpec(
    "amount.between", "between", RuleKind.ROW, Dimension.CONFORMITY, Severity.ERROR, OnFailure.QUARANTINE, "f",
    column="amount", arguments={"min": 0},
)  # fmt: skip


def asset(contract: Contract, tmp_path: Path) -> dg.AssetSpec:
    definition = to_asset(contract, lake(tmp_path, Script(), *shop()))
    (spec,) = definition.specs
    return spec


@pytest.fixture
def rich() -> Contract:
    return replace(
        table(ORDERS, BRONZE),
        columns=(AMOUNT,),
        rules=(BETWEEN,),
        description="Order lines.",
        owner="sales@example.com",
        domain="Sales",
        tier=1,
        tags=("pii", "core data"),
        place=Place("config/contracts/silver/orders.odcs.yaml", 3),
    )


def test_name_group_owner_kinds_and_tags_come_from_the_contract(rich: Contract, tmp_path: Path) -> None:
    spec = asset(rich, tmp_path)

    assert (spec.key.path, spec.group_name, spec.description) == (["silver", "orders"], "silver", "Order lines.")
    assert (list(spec.owners), spec.kinds) == (["sales@example.com"], {"delta", "polars"})
    own = {"lakehouse/layer": "silver", "lakehouse/tier": "1", "lakehouse/domain": "Sales", "pii": "", "core-data": ""}
    assert own.items() <= dict(spec.tags).items()


def test_columns_are_shown_with_types_descriptions_and_rules(rich: Contract, tmp_path: Path) -> None:
    schema: Any = asset(rich, tmp_path).metadata["dagster/column_schema"]

    (column,) = schema.columns
    assert (column.name, column.type, column.description) == ("amount", "decimal(18,4)", "Price of the line.")
    assert (column.constraints.nullable, column.constraints.other) == (False, ["amount.between: between(min=0)"])
    assert column.tags == {"classification": "internal"}


def test_the_asset_links_to_its_contract(rich: Contract, tmp_path: Path) -> None:
    references: Any = asset(rich, tmp_path).metadata["dagster/code_references"]

    (reference,) = references.code_references
    assert reference.file_path == str(tmp_path / "config/contracts/silver/orders.odcs.yaml")
    assert (reference.line_number, reference.label) == (3, "contract")


def test_metadata_uses_dagsters_own_keys(rich: Contract, tmp_path: Path) -> None:
    metadata = asset(rich, tmp_path).metadata

    assert metadata["dagster/table_name"] == "silver.orders"
    assert metadata["dagster/uri"] == f"{tmp_path}/silver/orders"


def test_every_asset_is_run_in_single_runs_has_checks_freshness_and_automation(tmp_path: Path) -> None:
    contracts = [*shop(), snapshot(replace(SALES, path=("customers",)), ORDERS)]
    definitions = assemble(lake(tmp_path, Script(), *contracts))

    graph = definitions.resolve_asset_graph()

    assert len(graph.get_all_asset_keys()) == len(contracts)
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        assert {check.name for check in node.check_keys} >= {"Completeness", "Validity", "Consistency"}
        assert node.freshness_policy == dg.FreshnessPolicy.time_window(timedelta(hours=24), timedelta(hours=12))
        assert node.automation_condition is not None
        assert node.pools == {"_".join(key.path)}


def test_dimensions_can_hold_back_the_score_cannot_and_all_are_partitioned_like_their_table(tmp_path: Path) -> None:
    definition = to_asset(table(ORDERS), lake(tmp_path, Script(), *shop()))

    for check in definition.check_specs:
        assert check.blocking is (check.name != "Score")
        assert check.partitions_def == definition.partitions_def


def test_a_bare_owner_is_a_team_and_no_owner_is_none(tmp_path: Path) -> None:
    contract = table(ORDERS)

    assert asset(replace(contract, owner="Sales Data"), tmp_path).owners == ["team:Sales-Data"]
    assert asset(replace(contract, owner=""), tmp_path).owners == []


def test_dependencies_are_the_upstreams_that_exist(tmp_path: Path) -> None:
    contract = table(SALES, ORDERS, replace(ORDERS, path=("unknown",)))

    assert [dep.asset_key.path for dep in asset(contract, tmp_path).deps] == [["silver", "orders"]]
