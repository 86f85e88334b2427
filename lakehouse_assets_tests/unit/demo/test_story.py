"""The story is fixed, covers every mistake, and leaves nothing owed."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from lakehouse_assets.demo.check import compare
from lakehouse_assets.demo.desk_check import FoundChanges
from lakehouse_assets.demo.desk_files import PlantedChanges
from lakehouse_assets.demo.desk_truth import accounts_now, versions
from lakehouse_assets.demo.dirt import MISTAKES
from lakehouse_assets.demo.found import TABLES, Found, TableSummary
from lakehouse_assets.demo.story import FIRST, LAST, Story, write_story
from lakehouse_assets.results import Ledger


@pytest.fixture(scope="module")
def story() -> Story:
    return write_story()


def test_the_same_seed_writes_the_same_files(story: Story) -> None:
    again = write_story()

    assert again.mornings == story.mornings
    assert again.planted == story.planted


def test_every_open_day_is_run_and_no_saturday(story: Story) -> None:
    days = {FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1)}

    assert [morning.day for morning in story.mornings] == sorted(day for day in days if day.weekday() != 5)


def test_what_goes_wrong_is_announced_before_it_does(story: Story) -> None:
    quiet = [morning.title for morning in story.mornings if not morning.announcement]

    assert quiet == ["An ordinary Friday", "The last day of the season"]


def test_every_kind_of_mistake_is_planted_but_the_one_that_breaks_a_whole_day(story: Story) -> None:
    rules = {rule for name, mistake in MISTAKES.items() if name != "comma" for rule in mistake.rules}

    assert rules <= set(story.planted.rules)


def test_every_day_has_a_complete_file_in_the_end(story: Story) -> None:
    last = {delivery.name: delivery.content for morning in story.mornings for delivery in morning.deliveries}

    for morning in story.mornings:
        content = last[f"{morning.day}.csv"]
        assert content.endswith(b"\n")
        assert len(list(csv.reader(io.StringIO(content.decode())))) > 500


def faithful_accounts(planted: PlantedChanges) -> FoundChanges:
    return FoundChanges(
        changes=len(planted.changes),
        deletions=planted.deletions,
        repeated=planted.repeated,
        again=planted.again,
        earlier_days=planted.late + planted.again,
        out_of_order=planted.out_of_order,
        bad=planted.bad,
        rules=planted.rules.copy(),
        now=frozenset(accounts_now(planted.changes)),
        versions=frozenset(versions(planted.changes)),
    )


def faithful(story: Story) -> Found:
    planted = story.planted
    silver = Ledger(read=10_000, published=10_000 - planted.bad_rows, quarantined=planted.bad_rows)
    bronze = Ledger(read=10_000 + planted.repeated_rows, published=10_000, deduplicated=planted.repeated_rows)
    known = {"bronze/retail/order_lines": bronze, "silver/retail_order_lines": silver}
    return Found(
        tables=tuple(TableSummary(str(name), 13, known.get(str(name), Ledger()), 100.0) for name in TABLES),
        dimensions={},
        rules=planted.rules.copy(),
        rejected=planted.rejected.copy(),
        blocked={day: (rule,) for day, rule in planted.blocked.items()},
        low_scores=frozenset(planted.low_scores),
        unknown_columns=frozenset(planted.unknown_columns),
        late_rows=planted.late_rows,
        revenue=story.true_revenue - planted.lost_amount,
        accounts=faithful_accounts(story.planted_changes),
    )


def test_finding_everything_leaves_no_difference(story: Story) -> None:
    assert compare(story, faithful(story)) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"late_rows": 24}, "late rows: planted 25, found 24"),
        ({"low_scores": frozenset()}, "days with a low score: planted ['bronze 2011-11-29'], found []"),
        ({"unknown_columns": frozenset()}, "unexpected columns: planted ['Discount'], found []"),
        ({"blocked": {}}, "days kept back: planted"),
        ({"revenue": Decimal(0)}, "net revenue: planted"),
        ({"rejected": {}}, "refused files: planted"),
    ],
)
def test_missing_anything_is_told(story: Story, change: dict[str, Any], sentence: str) -> None:
    found = replace(faithful(story), **change)

    assert any(difference.startswith(sentence) for difference in compare(story, found))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"again": 0}, "changes that came again another day: planted 11, found 0"),
        ({"out_of_order": 0}, "changes after a newer one: planted"),
        ({"deletions": 0}, "closed accounts: planted"),
        ({"rules": {}}, "rules that changes broke: planted"),
        ({"now": frozenset()}, "accounts: 252 of 252 are not there, 0 are too many"),
        ({"versions": frozenset({("x",)})}, "versions of accounts: 361 of 361 are not there, 1 are too many"),
    ],
)
def test_anything_else_about_accounts_is_told(story: Story, change: dict[str, Any], sentence: str) -> None:
    found = faithful(story)

    differences = compare(story, replace(found, accounts=replace(found.accounts, **change)))

    assert [difference[: len(sentence)] for difference in differences] == [sentence]


def test_a_rule_that_reports_one_row_too_many_is_told(story: Story) -> None:
    found = faithful(story)
    found.rules["quantity.between"] += 1

    assert compare(story, found) == ["rows reported by quantity.between: planted 1, found 2"]
