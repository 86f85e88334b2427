"""What rules said over a window of partitions, on each database."""

import pytest

from lakehouse_assets.results import Outcome
from lakehouse_assets.state.rule_reports import looks, said_in
from lakehouse_assets.state.store import Store
from lakehouse_assets_tests.builders import partition_record, publish_record, rule_result

pytestmark = pytest.mark.integration

FINE, BAD = rule_result("a.required"), rule_result("a.required", outcome=Outcome.FAIL, failed_rows=3)
TABLE = "silver/orders"


def absorb(store: Store) -> None:
    """Store three days, the second of which was published twice."""
    for number, (day, result) in enumerate([("2010-12-01", FINE), ("2010-12-02", BAD), ("2010-12-03", FINE)]):
        at = f"2010-12-09T06:0{number}:00+00:00"
        store.absorb_record(publish_record(f"run-{number:04d}-1", partition_record(day, result), at=at))
    again = publish_record("again-0000-1", partition_record("2010-12-02", FINE), at="2010-12-09T07:00:00+00:00")
    store.absorb_record(again)


def test_the_window_is_the_newest_partitions_with_every_attempt_at_them(store: Store) -> None:
    absorb(store)

    with store.reading() as connection:
        window = looks(connection, TABLE, last=2, by_publish=False)
        said = said_in(connection, TABLE, window)

    assert [(look.name, look.publishes) for look in window] == [
        ("2010-12-02", ("run-0001-1", "again-0000-1")),
        ("2010-12-03", ("run-0002-1",)),
    ]
    assert sorted((one.look, one.publish, one.outcome, one.failed_rows) for one in said) == [
        ("2010-12-02", "again-0000-1", "pass", 0),
        ("2010-12-02", "run-0001-1", "fail", 3),
        ("2010-12-03", "run-0002-1", "pass", 0),
    ]


def test_of_a_table_without_partitions_the_window_is_its_newest_publishes(store: Store) -> None:
    absorb(store)

    with store.reading() as connection:
        window = looks(connection, TABLE, last=2, by_publish=True)
        said = said_in(connection, TABLE, window)

    assert [look.name for look in window] == ["run-0002-1", "again-0000-1"]
    assert sorted(one.look for one in said) == ["again-0000-1", "run-0002-1"]


def test_of_an_unknown_table_nothing_was_said(store: Store) -> None:
    with store.reading() as connection:
        assert said_in(connection, TABLE, looks(connection, TABLE, last=9, by_publish=False)) == ()
