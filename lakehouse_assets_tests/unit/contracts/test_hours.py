"""Calendars whose partitions are hours."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from lakehouse_assets.contracts.calendar import Calendar, day_of, hour_key

DAYS = Calendar(date(2026, 1, 5), date(2026, 1, 7), closed_dates=(date(2026, 1, 6),))
HOURS = Calendar(date(2026, 1, 5), date(2026, 1, 7), closed_dates=(date(2026, 1, 6),), is_hourly=True)


def test_each_hour_of_an_open_day_is_a_partition() -> None:
    found = HOURS.partitions(date(2026, 2, 1))

    assert len(found) == 48
    assert (found[0], found[23], found[24], found[-1]) == (
        "2026-01-05-00:00",
        "2026-01-05-23:00",
        "2026-01-07-00:00",
        "2026-01-07-23:00",
    )
    assert found == sorted(found)


def test_up_to_a_moment_the_open_hour_is_the_last() -> None:
    assert HOURS.partitions(datetime(2026, 1, 5, 2, 30, tzinfo=UTC)) == [f"2026-01-05-0{hour}:00" for hour in range(3)]


def test_days_up_to_a_moment_are_those_up_to_its_day() -> None:
    assert DAYS.partitions(datetime(2026, 1, 7, 0, 0, tzinfo=UTC)) == DAYS.partitions(date(2026, 1, 7))


@pytest.mark.parametrize(("calendar", "hours"), [(DAYS, 24), (HOURS, 1)])
def test_partitions_begin_where_the_one_before_ends(calendar: Calendar, hours: int) -> None:
    for partition in calendar.partitions(date(2026, 1, 7)):
        start = calendar.start_of(partition)
        assert calendar.end_of(partition) - start == timedelta(hours=hours)
        assert calendar.partition_at(start) == calendar.partition_at(calendar.end_of(partition) - timedelta(seconds=1))
        assert calendar.partition_at(start) == partition


@pytest.mark.parametrize(
    ("calendar", "text"),
    [(HOURS, "2026-01-05"), (HOURS, "2026-01-05-24:00"), (HOURS, "2026-01-05-01:30"), (DAYS, "2026-01-05-01:00")],
)
def test_what_is_written_otherwise_names_no_partition(calendar: Calendar, text: str) -> None:
    assert not calendar.names(text)


def test_hours_of_closed_days_are_no_partitions() -> None:
    assert [HOURS.holds(f"2026-01-0{day}-09:00") for day in (4, 5, 6, 7, 8)] == [False, True, False, True, False]


def test_hours_are_those_of_utc() -> None:
    moment = datetime(2026, 1, 5, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert (hour_key(moment), HOURS.partition_at(moment)) == ("2026-01-04-20:00", "2026-01-04-20:00")
    assert day_of("2026-01-04-20:00") == day_of("2026-01-04") == date(2026, 1, 4)
