"""What the factory makes of an entity: one asset a table, the derived ones without partitions."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.contracts.model import Catalog
from lakehouse_assets.defs.assets import to_asset
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.settings import Settings
from lakehouse_assets_tests.configuration import load
from lakehouse_assets_tests.entity_files import ENTITY_FILES
from lakehouse_assets_tests.scripted import Script

CHANGES, CURRENT, HISTORY = "silver/customers_changes", "silver/customers", "silver/customers_history"


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dg.AssetSpec]:
    catalog: Catalog = load(ENTITY_FILES)[0]
    root, script = tmp_path_factory.mktemp("lake"), Script()
    settings = Settings("local", Path("config"), str(root), "sqlite://")
    lake = LakeResource(Lake(str(root), catalog, settings), script, script.totals)
    made = (to_asset(contract, lake) for contract in catalog.contracts.values())
    return {spec.key.to_user_string(): spec for definition in made for spec in definition.specs}


def test_every_table_is_an_asset(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert {CHANGES, CURRENT, HISTORY} <= set(specs)


def test_only_the_change_log_has_partitions(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert isinstance(specs[CHANGES].partitions_def, dg.DailyPartitionsDefinition)
    assert specs[CURRENT].partitions_def is None
    assert specs[HISTORY].partitions_def is None


@pytest.mark.parametrize("table", [CURRENT, HISTORY])
def test_a_derived_table_depends_on_all_partitions_of_its_change_log(
    table: str, specs: Mapping[str, dg.AssetSpec]
) -> None:
    (dependency,) = specs[table].deps

    assert dependency.asset_key.to_user_string() == CHANGES
    assert dependency.partition_mapping is None


@pytest.mark.parametrize("table", [CHANGES, CURRENT, HISTORY])
def test_every_table_follows_its_input_and_has_a_freshness_policy(
    table: str, specs: Mapping[str, dg.AssetSpec]
) -> None:
    condition = specs[table].automation_condition

    assert condition is not None
    assert condition.get_label() == "inputs_changed"
    assert specs[table].freshness_policy is not None


def test_columns_that_derivation_adds_are_shown(specs: Mapping[str, dg.AssetSpec]) -> None:
    schema = specs[HISTORY].metadata["dagster/column_schema"]

    assert isinstance(schema, dg.TableSchema)
    types = {column.name: column.type for column in schema.columns}
    assert (types["valid_from"], types["is_current"], types["customers_sk"]) == ("timestamp", "boolean", "long")
