"""What waivers and overrides in force accept of one partition's results, and which rows they leave uncounted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind
from lakehouse_assets.contracts.model import Catalog, RuleKind, RuleSpec
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refused.exempt import accept, expiry_note, is_as_accepted, is_unwaived
from lakehouse_assets.pipeline.step import Step, open_step
from lakehouse_assets.quality.judge import RowRule
from lakehouse_assets.results import (
    AppliedExemption,
    Dimension,
    OnFailure,
    Outcome,
    PartitionRecord,
    RuleResult,
    Severity,
)
from lakehouse_assets_tests.builders import partition_record, rule_result
from lakehouse_assets_tests.entity_lakes import CHANGES, entity_lake

DAY, NEXT = "2026-01-01", "2026-01-02"
TODAY = date(2026, 1, 5)
NEVER = date(2999, 1, 1)


def exemption(
    kind: ExemptionKind, *rules: str, days: Iterable[str] = (), expires: date = NEVER, owner: str = "ada"
) -> Exemption:
    return Exemption(kind, rules, tuple(days), owner, "known", expires, "orders.yaml:3")


def waiver(*rules: str, days: Iterable[str] = (), expires: date = NEVER, owner: str = "ada") -> Exemption:
    return exemption(ExemptionKind.WAIVER, *rules, days=days, expires=expires, owner=owner)


def override(*rules: str, days: Iterable[str] = (), expires: date = NEVER) -> Exemption:
    return exemption(ExemptionKind.OVERRIDE, *rules, days=days, expires=expires)


def lake_with(folder: Path, *entries: Exemption) -> Lake:
    lake = entity_lake(folder)
    return replace(lake, catalog=Catalog(lake.catalog.contracts, waivers={CHANGES: entries} if entries else {}))


def step_with(folder: Path, *entries: Exemption, days: Iterable[str] = (DAY, NEXT)) -> Step:
    lake = lake_with(folder, *entries)
    opened = open_step(lake, lake.contract(CHANGES), list(days), run_id="r", chunk=0)
    return replace(opened, started_at=datetime(2026, 1, 5, 12, tzinfo=UTC))


def refusing(rule_id: str, outcome: Outcome = Outcome.FAIL) -> RuleResult:
    return rule_result(rule_id, outcome=outcome)


def blocking(rule_id: str, outcome: Outcome = Outcome.FAIL) -> RuleResult:
    return rule_result(rule_id, outcome=outcome, on_failure=OnFailure.BLOCK)


FAILED = [refusing("b"), refusing("a"), refusing("held", Outcome.PASS), blocking("z"), blocking("y")]


def test_without_entries_nothing_is_accepted(tmp_path: Path) -> None:
    found = accept(lake_with(tmp_path), CHANGES, DAY, FAILED, TODAY)
    assert (found.waived, found.overridden, found.exemptions) == ((), (), ())


def test_a_waiver_accepts_rules_that_refused_rows_and_an_override_those_that_would_block(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, waiver("b", "a", "held", "z"), override("y", "z", "a"))
    found = accept(lake, CHANGES, DAY, FAILED, TODAY)
    assert found.waived == ("a", "b")
    assert found.overridden == ("y", "z")
    assert found.exemptions == (
        AppliedExemption("waiver", ("b", "a"), "ada", "known", "2999-01-01"),
        AppliedExemption("override", ("y", "z"), "ada", "known", "2999-01-01"),
    )


def test_entries_of_which_nothing_was_needed_are_not_told(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, waiver("held"), waiver("a", "held", owner="bob"), override("held"))
    assert [(one.rules, one.owner) for one in accept(lake, CHANGES, DAY, FAILED, TODAY).exemptions] == [(("a",), "bob")]


@pytest.mark.parametrize(
    ("entry", "accepts"),
    [
        (waiver("a", days=[DAY]), True),
        (waiver("a", days=[NEXT]), False),
        (waiver("a", expires=TODAY), True),
        (waiver("a", expires=date(2026, 1, 4)), False),
        (override("a"), False),
    ],
)
def test_an_entry_is_about_its_days_until_it_expires(tmp_path: Path, entry: Exemption, *, accepts: bool) -> None:
    assert bool(accept(lake_with(tmp_path, entry), CHANGES, DAY, [refusing("a")], TODAY).waived) is accepts


def test_a_rule_that_was_not_judged_is_not_accepted(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, waiver("a"), override("z"))
    found = accept(lake, CHANGES, DAY, [refusing("a", Outcome.ERROR), blocking("z", Outcome.ERROR)], TODAY)
    assert (found.waived, found.overridden, found.exemptions) == ((), (), ())


@pytest.mark.parametrize(
    ("waived", "overridden", "same"),
    [(("a",), ("z",), True), ((), ("z",), False), (("a",), (), False), (("a", "b"), ("z",), False)],
)
def test_a_partition_stands_as_accepted_while_exactly_the_same_rules_are(
    tmp_path: Path, waived: tuple[str, ...], overridden: tuple[str, ...], *, same: bool
) -> None:
    lake = lake_with(tmp_path, waiver("a"), override("z"))
    record: PartitionRecord = replace(
        partition_record(DAY, refusing("a"), blocking("z")), waived=waived, overridden=overridden
    )
    assert is_as_accepted(lake, CHANGES, record) is same


def test_expired_entries_that_would_have_helped_are_named(tmp_path: Path) -> None:
    gone = date(2026, 1, 4)
    step = step_with(
        tmp_path,
        waiver("b", "a", "held", expires=gone),
        override("z", expires=gone, days=[DAY]),
        override("y", expires=TODAY),
        waiver("a", expires=gone, days=[NEXT]),
        waiver("held", expires=gone),
    )
    assert expiry_note(step, DAY, FAILED) == (
        " The waiver of a, b expired on 2026-01-04 (orders.yaml:3)."
        " The override of z expired on 2026-01-04 (orders.yaml:3)."
    )


def test_there_is_no_note_where_nothing_expired_or_nothing_is_written(tmp_path: Path) -> None:
    assert not expiry_note(step_with(tmp_path / "a"), DAY, FAILED)
    assert not expiry_note(step_with(tmp_path / "b", waiver("a")), DAY, FAILED)


def rule(rule_id: str, on_failure: OnFailure = OnFailure.QUARANTINE, error: str = "") -> RowRule:
    spec = RuleSpec(rule_id, "any", RuleKind.ROW, Dimension.CONFORMITY, Severity.ERROR, on_failure, "fp")
    return RowRule(spec, nw.lit(value=True), error)


def unwaived(step: Step, rules: list[RowRule], rows: Mapping[str, list[object]]) -> list[bool] | None:
    found = is_unwaived(step, rules)
    if found is None:
        return None
    return nw.from_native(pl.DataFrame(rows)).with_columns(found.alias("found"))["found"].to_list()


ROWS: dict[str, list[object]] = {
    "_proc_date": [DAY, DAY, DAY, NEXT, DAY],
    "__v0": [True, False, True, True, False],
    "__v1": [False, True, True, False, False],
}


def test_where_nothing_is_waived_there_is_nothing_to_leave_out(tmp_path: Path) -> None:
    rules = [rule("a"), rule("b")]
    assert unwaived(step_with(tmp_path / "none"), rules, ROWS) is None
    assert unwaived(step_with(tmp_path / "other", override("a")), rules, ROWS) is None
    assert unwaived(step_with(tmp_path / "old", waiver("a", expires=date(2026, 1, 4))), rules, ROWS) is None
    assert unwaived(step_with(tmp_path / "day", waiver("a", days=["2026-01-09"])), rules, ROWS) is None


def test_a_row_counts_while_it_breaks_a_rule_that_nobody_waived_on_its_day(tmp_path: Path) -> None:
    step = step_with(tmp_path, waiver("a", days=[DAY]))
    assert unwaived(step, [rule("a"), rule("b")], ROWS) == [False, True, True, True, False]


def test_a_row_whose_reasons_are_all_waived_does_not_count(tmp_path: Path) -> None:
    step = step_with(tmp_path, waiver("a"), waiver("b", days=[DAY]))
    assert unwaived(step, [rule("a"), rule("b")], ROWS) == [False] * 5


def test_only_rules_that_refuse_rows_and_could_run_make_a_row_count(tmp_path: Path) -> None:
    step = step_with(tmp_path, waiver("a"))
    assert unwaived(step, [rule("a"), rule("b", OnFailure.KEEP)], ROWS) == [False] * 5
    assert unwaived(step, [rule("a"), rule("b", error="it broke")], ROWS) == [False] * 5
    assert unwaived(step, [rule("b", OnFailure.KEEP)], ROWS) == [False] * 5
