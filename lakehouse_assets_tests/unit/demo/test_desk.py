"""The customer desk is repeatable, its exports are counted, and what follows from changes is told right: by hand."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from lakehouse_assets.demo.desk import Change, changes_of
from lakehouse_assets.demo.desk_files import COLUMNS, Export, PlantedChanges, write_exports
from lakehouse_assets.demo.desk_truth import NOW, VERSIONS, accounts_now, versions

DAYS = [date(2011, 11, 25) + timedelta(number) for number in range(15) if number not in {1, 8}]
NOON = datetime(2011, 11, 25, 12, tzinfo=UTC)
OPENED = Change("17850", NOON, "Ada Hill", "ada@example.com", "France", "basic", True, date(2010, 1, 2))  # noqa: FBT003


def later(hours: int, **values: object) -> Change:
    return replace(OPENED, changed_at=NOON + timedelta(hours=hours), **values)  # type: ignore[arg-type]


def now(*changes: Change) -> dict[str, object]:
    (row,) = accounts_now(changes)
    return dict(zip(NOW, row, strict=True))


def spans(*changes: Change) -> list[tuple[object, object, object]]:
    """Return country, first and last hour of every version."""
    rows = [dict(zip(VERSIONS, row, strict=True)) for row in versions(changes)]
    return sorted((_hour(row["valid_from"]), _hour(row["valid_to"]), row["country"]) for row in rows)


def _hour(moment: object) -> int:
    return (moment - NOON) // timedelta(hours=1) if isinstance(moment, datetime) else 99


@pytest.fixture(scope="module")
def written() -> tuple[dict[str, Export], PlantedChanges]:
    planted = PlantedChanges()
    return write_exports(1, DAYS, planted), planted


def test_the_same_seed_keeps_the_same_accounts() -> None:
    assert list(changes_of(1, DAYS)) == list(changes_of(1, DAYS))


def test_no_account_changes_twice_at_one_moment() -> None:
    moments = [(one.customer_id, one.changed_at) for _, changes in changes_of(1, DAYS) for one in changes]

    assert len(moments) == len(set(moments))


def test_everything_that_can_go_wrong_does(written: tuple[dict[str, Export], PlantedChanges]) -> None:
    planted = written[1]

    assert min(planted.deletions, planted.repeated, planted.again, planted.late, planted.out_of_order, planted.bad) > 0
    assert sum(planted.rules.values()) == planted.bad


def test_every_change_is_in_some_file(written: tuple[dict[str, Export], PlantedChanges]) -> None:
    exports, planted = written
    bodies = [export.files[""].decode() for export in exports.values()]
    rows = [row for body in bodies for row in csv.DictReader(io.StringIO(body))]

    told = {(row["CustomerNo"], row["ChangedAt"]) for row in rows}
    assert {(one.customer_id, str(one.changed_at)[:19]) for one in planted.changes} <= told
    assert len(rows) == len(planted.changes) + planted.repeated + planted.again + planted.bad
    assert tuple(rows[0]) == COLUMNS


def test_what_is_wrong_is_told_and_nothing_else(written: tuple[dict[str, Export], PlantedChanges]) -> None:
    exports = written[0]

    assert exports["2011-11-25"].sentence == exports["2011-12-09"].sentence == ""
    assert exports["2011-11-28"].files[""] == exports["2011-11-28"].files["_resent"]
    assert exports["2011-12-01"].sentence == "The customer desk writes them in no order, brings 9 that it forgot."


def test_the_newest_change_is_what_holds_in_whatever_order_they_come() -> None:
    changes = [later(2, country="Spain"), OPENED, later(1, email="new@example.com")]

    assert (now(*changes)["country"], now(*changes)["email"]) == ("Spain", "ada@example.com")


def test_the_level_before_and_the_first_joining_are_kept() -> None:
    row = now(OPENED, later(1, loyalty_level="gold", joined_date=date(2011, 1, 1)), later(2, loyalty_level="gold"))

    assert (row["loyalty_level"], row["previous_loyalty_level"]) == ("gold", "basic")
    assert row["joined_date"] == date(2010, 1, 2)


def test_a_closed_account_stays_and_is_marked() -> None:
    row = now(OPENED, later(3, is_deletion=True))

    assert (row["is_deleted"], row["deleted_at"]) == (True, NOON + timedelta(hours=3))


def test_a_change_from_before_the_closing_does_not_open_it_again() -> None:
    row = now(OPENED, later(3, is_deletion=True), later(2, country="Spain"))

    assert (row["is_deleted"], row["country"]) == (True, "Spain")


def test_an_account_that_nobody_opened_is_none() -> None:
    assert accounts_now([later(1, is_deletion=True)]) == versions([later(1, is_deletion=True)]) == set()


def test_only_country_and_newsletter_make_a_version() -> None:
    assert spans(OPENED, later(1, email="x@example.com"), later(2, country="Spain"), later(3, country="Spain")) == [
        (0, 2, "France"),
        (2, 99, "Spain"),
    ]


def test_closing_ends_a_version_and_opening_again_begins_one() -> None:
    assert spans(OPENED, later(2, is_deletion=True), later(5)) == [(0, 2, "France"), (5, 99, "France")]


def test_other_values_are_those_of_the_newest_version() -> None:
    rows = [
        dict(zip(VERSIONS, row, strict=True))
        for row in versions([OPENED, later(1, country="Spain"), later(2, country="Spain", email="x@example.com")])
    ]

    assert {(row["country"], row["email"]) for row in rows} == {
        ("France", "x@example.com"),
        ("Spain", "x@example.com"),
    }
