"""What the contract of a derived table says about its entity: which columns changes have, and how rows follow."""

from dataclasses import replace
from typing import Any

import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import Column, ColumnType, Kind
from lakehouse_assets.pipeline.entities.entity import Entity, entity_of
from lakehouse_assets_tests.entity_oracle import customers

CHANGE = {"id", "name", "score", "at", "_deleted", "_row_id", "_raw_hash"}
SHAPES: dict[str, dict[str, Any]] = {
    "newest values": {},
    "deletions marked": {"soft_deletes": True},
    "first and previous values": {"types": {"name": 0, "score": 3}},
    "versions": {"history": History.SCD2},
    "versions, deletions marked": {"history": History.SCD2, "soft_deletes": True},
    "versions with previous values": {"history": History.SCD2, "types": {"score": 3}},
    "versions with current values": {"history": History.SCD6},
    "a table of versions beside the current one": {"history": History.SCD4, "types": {"score": 3}},
}
VERSION_COLUMNS = {"customers_sk", "valid_from", "valid_to", "is_current"}


def entity(history: History = History.NONE, **load: Any) -> Entity:  # noqa: ANN401 - of `Load`
    return entity_of(customers(history, **load)[-1])


@pytest.mark.parametrize("shape", SHAPES)
def test_changes_have_the_columns_that_nobody_derives(shape: str) -> None:
    for contract in customers(**SHAPES[shape])[1:]:
        assert set(entity_of(contract).changed) == CHANGE


@pytest.mark.parametrize(
    ("shape", "added"),
    [
        ("newest values", set()),
        ("deletions marked", {"is_deleted", "deleted_at"}),
        ("first and previous values", {"previous_score"}),
        ("versions", VERSION_COLUMNS),
        ("versions, deletions marked", {*VERSION_COLUMNS, "is_deleted", "deleted_at"}),
        ("versions with previous values", {*VERSION_COLUMNS, "previous_score"}),
        ("versions with current values", {*VERSION_COLUMNS, "current_name", "current_score"}),
    ],
)
def test_derived_rows_have_what_deriving_adds_and_do_not_tell_of_deletions(shape: str, added: set[str]) -> None:
    assert set(entity_of(customers(**SHAPES[shape])[-1]).stored) == (CHANGE - {"_deleted"}) | added


def test_a_column_that_is_only_named_like_a_derived_one_is_a_column_of_changes() -> None:
    contract = customers(History.SCD2)[-1]
    column = Column("current_name", ColumnType(Kind.STRING))
    assert "current_name" in entity_of(replace(contract, columns=(*contract.columns, column))).changed


def test_versions_are_identified_by_a_key_that_is_named_after_the_entity() -> None:
    _, current, history = customers(History.SCD4)
    assert [entity_of(current).surrogate, entity_of(history).surrogate] == ["", "customers_sk"]
    assert [entity_of(current).is_history, entity_of(history).is_history] == [False, True]


def test_only_versions_of_type_6_tell_current_values_and_never_of_the_sequence() -> None:
    assert not entity(History.SCD2).currents
    assert entity(History.SCD2).tracked == ["name", "score"]
    later = replace(entity(History.SCD6), types={"an earlier name": 2, "at": 2, "name": 2, "score": 1})
    assert later.tracked == ["an earlier name", "at", "name"]
    assert later.currents == ["an earlier name", "name"]


def test_only_newest_values_can_be_folded() -> None:
    assert entity().can_fold
    assert replace(entity(), types={}).can_fold
    assert not entity(soft_deletes=True).can_fold
    assert not entity(types={"name": 0}).can_fold
    assert not entity(types={"name": 3}).can_fold
    assert not replace(entity(History.SCD2), types={"name": 1}).can_fold


def test_of_equal_moments_the_raw_hash_and_then_the_row_id_decide() -> None:
    assert entity().order == ("at", "_raw_hash", "_row_id")


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": ("id", "name")},
        {"sequence_by": "score"},
        {"types": {"name": 0, "score": 1}},
        {"changed": {"id": "string"}},
        {"stored": {"id": "string"}},
        {"is_history": True},
        {"with_current": True},
        {"soft_deletes": True},
        {"buckets": 5},
    ],
)
def test_rows_are_derived_again_whatever_changed_about_their_entity(changed: dict[str, Any]) -> None:
    assert replace(entity(), **changed).meaning != entity().meaning


def test_the_order_in_which_columns_have_their_types_means_nothing() -> None:
    told = entity()
    assert replace(told, types=dict(sorted(told.types.items(), reverse=True))).meaning == told.meaning
