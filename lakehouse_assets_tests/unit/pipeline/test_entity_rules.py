"""The built-in rules of derived tables, each against literal rows: what they find, and what they say of it."""

from collections import Counter

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.pipeline.entities.entity import Entity, entity_of
from lakehouse_assets.pipeline.entities.rules import entity_results, entity_rules, judge_computed, judge_rows
from lakehouse_assets.results import Dimension, OnFailure, Outcome, Severity
from lakehouse_assets_tests.entity_oracle import customers

Version = tuple[str | None, int | None, int | None, bool]
Change = tuple[str, int, bool]
CURRENT = {"one_row_per_key", "rows_carried"}
VERSIONS = {"no_overlap", "no_gap", "one_current_version", "rows_carried"}


def entity(history: History = History.NONE, *, soft_deletes: bool = False) -> Entity:
    return entity_of(customers(history, soft_deletes=soft_deletes)[-1])


def collect(frame: nw.LazyFrame) -> pl.DataFrame:
    rows: pl.DataFrame = frame.collect(backend="polars").to_native()
    return rows


def ids(*keys: str | None) -> nw.LazyFrame:
    return nw.from_native(pl.LazyFrame({"id": keys}, schema={"id": pl.String}))


def versions(*rows: Version) -> nw.LazyFrame:
    schema = {"id": pl.String, "valid_from": pl.Int64, "valid_to": pl.Int64, "is_current": pl.Boolean}
    return nw.from_native(pl.LazyFrame(list(rows), schema=schema, orient="row"))


def changes(*rows: Change) -> nw.LazyFrame:
    schema = {"id": pl.String, "at": pl.Int64, "_deleted": pl.Boolean}
    frame = pl.LazyFrame(list(rows), schema=schema, orient="row")
    return nw.from_native(frame.with_columns(_raw_hash=pl.lit(0), _row_id=pl.lit("file#1")))


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        (("a", "b"), 0),
        (("a", "a", "b"), 1),
        (("a", "a", "a"), 1),
        (("a", "a", "b", "b"), 2),
        (("a", None), 1),
        (("a", "a", None), 2),
        ((), 0),
    ],
)
def test_a_key_with_two_rows_and_a_row_without_a_key_are_wrong(keys: tuple[str | None, ...], wrong: int) -> None:
    assert judge_rows(ids(*keys), entity(), collect)["one_row_per_key"] == wrong


@pytest.mark.parametrize(
    ("rows", "overlaps"),
    [
        ([("a", 0, 5, False), ("a", 5, None, True)], 0),
        ([("a", 0, 3, False), ("a", 5, None, True)], 0),
        ([("a", 0, 6, False), ("a", 5, None, True)], 1),
        ([("a", 5, None, True), ("a", 0, 6, False)], 1),
        ([("a", 0, None, True), ("a", 5, None, True)], 1),
        ([("a", 0, 6, False), ("b", 5, None, True)], 0),
        ([("a", 5, 3, False)], 1),
        ([("a", 5, 5, False)], 1),
        ([("a", 5, 6, False)], 0),
        ([("a", None, None, True)], 1),
        ([(None, 0, None, True)], 1),
        ([("a", 5, 3, False), ("b", None, None, True)], 2),
    ],
)
def test_versions_that_overlap_or_do_not_advance_are_wrong(rows: list[Version], overlaps: int) -> None:
    assert judge_rows(versions(*rows), entity(History.SCD2), collect)["no_overlap"] == overlaps


@pytest.mark.parametrize(
    ("rows", "torn"),
    [
        ([("a", 0, 5, False), ("a", 5, None, True)], 0),
        ([("a", 0, 5, False)], 0),
        ([("a", 0, None, True), ("a", 5, None, True)], 1),
        ([("a", 0, 5, True)], 1),
        ([("a", 0, 5, True), ("a", 5, 6, True)], 1),
        ([("a", 0, None, False)], 1),
        ([("a", 0, 5, True), ("a", 5, None, False)], 1),
        ([("a", 0, 5, True), ("b", 0, None, False)], 2),
        ([("a", 0, None, True), ("b", 0, None, True)], 0),
    ],
)
def test_a_key_has_one_current_version_at_most_and_that_is_the_open_one(rows: list[Version], torn: int) -> None:
    assert judge_rows(versions(*rows), entity(History.SCD2), collect)["one_current_version"] == torn


@pytest.mark.parametrize(
    ("present", "log", "wrong"),
    [
        (("a",), [("a", 0, False)], 0),
        ((), [("a", 0, False)], 1),
        ((), [("a", 0, False), ("b", 0, False)], 2),
        ((), [("a", 0, False), ("a", 1, True)], 0),
        (("a",), [("a", 0, False), ("a", 1, True)], 1),
        (("a",), [("a", 0, True), ("a", 1, False)], 0),
        (("a", "b"), [("a", 0, False)], 1),
        (("b",), [("a", 0, False)], 2),
    ],
)
def test_computed_rows_are_those_of_all_that_live(present: tuple[str, ...], log: list[Change], wrong: int) -> None:
    assert judge_computed(ids(*present), changes(*log), entity(), collect) == Counter({"one_row_per_key": wrong})


def test_rows_that_are_marked_as_deleted_may_stay() -> None:
    marked = entity(soft_deletes=True)
    assert not judge_computed(ids("a"), changes(("a", 0, False), ("a", 1, True)), marked, collect)["one_row_per_key"]
    assert judge_computed(ids(), changes(("a", 0, False)), marked, collect)["one_row_per_key"] == 1


def test_of_versions_only_the_current_ones_count_as_present_marked_deletions_or_not() -> None:
    gone = changes(("a", 0, False), ("a", 5, True))
    for soft in (False, True):
        judged = entity(History.SCD2, soft_deletes=soft)
        assert judge_computed(versions(("a", 0, None, True)), gone, judged, collect)["one_current_version"] == 1
        assert not judge_computed(versions(("a", 0, 5, False)), gone, judged, collect)["one_current_version"]
    lives, judged = changes(("a", 0, False)), entity(History.SCD2)
    assert (
        judge_computed(versions(("a", 0, 5, False)), lives, entity(History.SCD2), collect)["one_current_version"] == 1
    )


@pytest.mark.parametrize(
    ("rows", "log", "gaps"),
    [
        ([("a", 0, 5, False), ("a", 5, None, True)], [("a", 0, False), ("a", 5, False)], 0),
        ([("a", 0, 3, False), ("a", 5, None, True)], [("a", 0, False), ("a", 5, False)], 1),
        ([("a", 0, 3, False), ("a", 5, None, True)], [("a", 0, False), ("a", 3, True), ("a", 5, False)], 0),
        ([("a", 0, 3, False), ("a", 5, None, True)], [("a", 0, False), ("b", 3, True), ("a", 5, False)], 1),
        ([("a", 0, 3, False), ("a", 5, None, True)], [("a", 0, False), ("a", 4, True), ("a", 5, False)], 1),
        ([("a", 0, 3, False), ("a", 5, None, True)], [("a", 0, False), ("a", 3, False), ("a", 5, False)], 1),
        ([("a", 0, 3, False)], [("a", 0, False)], 1),
        ([("a", 0, 3, False)], [("a", 0, False), ("a", 3, True)], 0),
        ([("a", 0, 5, False), ("b", 5, None, True)], [("a", 0, False), ("b", 5, False)], 1),
        ([("a", 0, 3, False), ("b", 0, 4, False)], [("a", 0, False), ("b", 0, False)], 2),
    ],
)
def test_a_version_ends_where_the_next_begins_or_with_a_deletion(
    rows: list[Version], log: list[Change], gaps: int
) -> None:
    assert judge_computed(versions(*rows), changes(*log), entity(History.SCD2), collect)["no_gap"] == gaps


def test_a_derived_table_has_the_rules_of_its_kind() -> None:
    assert {rule.id for rule in entity_rules(entity())} == CURRENT
    assert {rule.id for rule in entity_rules(entity(History.SCD2))} == VERSIONS


def test_rules_of_derived_tables_keep_the_whole_publish_back() -> None:
    rules = [*entity_rules(entity()), *entity_rules(entity(History.SCD2))]
    assert {(one.kind, one.severity, one.on_failure) for one in rules} == {
        (RuleKind.TABLE, Severity.CRITICAL, OnFailure.BLOCK)
    }
    assert {one.id: one.dimension for one in rules} == {
        "one_row_per_key": Dimension.UNIQUENESS,
        "one_current_version": Dimension.UNIQUENESS,
        "no_overlap": Dimension.CONSISTENCY,
        "no_gap": Dimension.CONSISTENCY,
        "rows_carried": Dimension.CONSISTENCY,
    }
    assert len({one.fingerprint for one in rules}) == len({one.id for one in rules})


def test_results_count_what_was_found_and_name_it() -> None:
    results = {
        one.rule_id: one for one in entity_results(entity(History.SCD2), Counter({"no_gap": 2, "no_overlap": 0}), 9)
    }
    assert results.keys() == VERSIONS
    assert {name: one.outcome for name, one in results.items()} == dict.fromkeys(VERSIONS, Outcome.PASS) | {
        "no_gap": Outcome.FAIL
    }
    assert {name: (one.failed_rows, one.checked_rows) for name, one in results.items()} == dict.fromkeys(
        VERSIONS, (0, 9)
    ) | {"no_gap": (2, 9)}
    assert results["no_gap"].reason == "2 versions that end without a deletion or a next version"
    assert not results["no_overlap"].reason
