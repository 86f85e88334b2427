"""The state store keeps what publishes said exactly once, equally on SQLite and PostgreSQL."""

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from lakehouse_assets.errors import StateError
from lakehouse_assets.results import BLOCKED, PUBLISHED, UNCHANGED, Outcome, Record
from lakehouse_assets.state import schema
from lakehouse_assets.state.absorb import absorb_record, write_run_log
from lakehouse_assets.state.migrate import migrate, migrations
from lakehouse_assets.state.reports import (
    late_arrivals,
    latest_partitions,
    list_runs,
    open_incidents,
    partition_results,
    run_lines,
    volume_history,
)
from lakehouse_assets.state.store import Store, open_store
from lakehouse_assets_tests.builders import partition_record, publish_record, rule_result, run_log_row

pytestmark = pytest.mark.integration

DAYS = [f"2010-12-{day:02d}" for day in range(1, 9)]
_OLD_PUBLISH = """
    INSERT INTO publishes (table_name, publish, upstreams, started_at, finished_at)
    VALUES ('silver/orders', 'a-0000-1', '{}', '2010-12-09 06:00:00', '2010-12-09 06:00:00')
"""
_OLD_LEDGER = """
    INSERT INTO partition_ledger (table_name, publish, partition, status, read, score, overridden, drift, finished_at)
    VALUES ('silver/orders', 'a-0000-1', '2010-12-01', 'published', 100, 100, '[]', '[]', '2010-12-09 06:00:00')
"""


def _records() -> list[Record]:
    partitions = [partition_record(day, rule_result("a.required"), rule_result("b.between")) for day in DAYS]
    return [publish_record(f"run-{number:04d}-1", *partitions[number * 2 : number * 2 + 2]) for number in range(4)]


def _content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str)
            for table in (schema.publishes, schema.partition_ledger, schema.rule_results)
        }


def _absorb_all(url: str, records: list[Record]) -> None:
    with open_store(url) as store:
        for record in records:
            store.absorb_record(record)


def _die_before_the_commit(url: str, record: Record) -> None:
    with open_store(url) as store, store.transaction() as connection:
        absorb_record(connection, record)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_record_absorbed_twice_is_stored_once(store: Store) -> None:
    record = _records()[0]

    first = store.absorb_record(record)
    once = _content(store)
    second = store.absorb_record(record)

    assert first == {"2010-12-01", "2010-12-02"}
    assert second == frozenset()
    assert _content(store) == once


def test_both_halves_of_a_publish_that_blocked_some_partitions_are_stored(store: Store) -> None:
    store.absorb_record(publish_record("a-0000-1", partition_record("2010-12-01")))

    blocked = store.absorb_record(publish_record("a-0000-1", partition_record("2010-12-02", status=BLOCKED)))

    with store.reading() as connection:
        statuses = {row.partition: row.status for row in latest_partitions(connection)}
    assert blocked == {"2010-12-02"}
    assert statuses == {"2010-12-01": PUBLISHED, "2010-12-02": BLOCKED}


def test_two_processes_absorbing_the_same_records_at_once_store_them_once(store_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    records = _records()
    workers = [spawn.Process(target=_absorb_all, args=(store_url, ordered)) for ordered in (records, records[::-1])]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    with open_store(store_url) as store:
        content = _content(store)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert [len(rows) for rows in content.values()] == [4, 8, 16]


def test_a_process_killed_while_absorbing_leaves_nothing_half_done(store_url: str, tmp_path: Path) -> None:
    record = _records()[0]
    victim = multiprocessing.get_context("spawn").Process(target=_die_before_the_commit, args=(store_url, record))
    victim.start()
    victim.join()

    with open_store(store_url) as store, open_store(f"sqlite:///{tmp_path}/untouched.db") as untouched:
        after_the_kill = _content(store)
        store.absorb_record(record)
        untouched.absorb_record(record)

        assert victim.exitcode == -signal.SIGKILL
        assert not any(after_the_kill.values())
        assert _content(store) == _content(untouched)


def test_a_record_that_comes_late_does_not_hide_a_newer_one(store: Store) -> None:
    old = publish_record("old-0000-1", partition_record("2010-12-01", status=BLOCKED), at="2010-12-02T06:00:00Z")
    new = publish_record("new-0000-1", partition_record("2010-12-01"), at="2010-12-02T09:00:00+02:00")

    store.absorb_record(new)
    current = store.absorb_record(old)

    with store.reading() as connection:
        [status] = latest_partitions(connection)
    assert current == frozenset()
    assert (status.publish, status.status) == ("new-0000-1", PUBLISHED)


def test_a_blocked_attempt_shows_what_is_still_served(store: Store) -> None:
    store.absorb_record(publish_record("a-0000-1", partition_record("2010-12-01"), at="2010-12-02T06:00:00Z"))
    store.absorb_record(
        publish_record("b-0000-1", partition_record("2010-12-01", status=UNCHANGED), at="2010-12-02T07:00:00Z")
    )
    store.absorb_record(
        publish_record("c-0000-1", partition_record("2010-12-01", status=BLOCKED), at="2010-12-02T08:00:00Z")
    )

    with store.reading() as connection:
        [status] = latest_partitions(connection, "silver/orders")
    assert (status.status, status.publish, status.served_publish) == (BLOCKED, "c-0000-1", "a-0000-1")


def test_results_of_a_partition_are_those_of_its_newest_publish(store: Store) -> None:
    failed = rule_result("a.required", outcome=Outcome.FAIL, failed_rows=3)
    passed = rule_result("a.required")
    store.absorb_record(publish_record("a-0000-1", partition_record("2010-12-01", failed), at="2010-12-02T06:00:00Z"))
    store.absorb_record(publish_record("b-0000-1", partition_record("2010-12-01", passed), at="2010-12-02T07:00:00Z"))

    with store.reading() as connection:
        [result] = partition_results(connection, "silver/orders", "2010-12-01")
    assert (result.rule_id, result.outcome) == ("a.required", "pass")


def test_volumes_leave_blocked_attempts_out(store: Store) -> None:
    store.absorb_record(publish_record("a-0000-1", partition_record("2010-12-01", read=100)))
    store.absorb_record(publish_record("b-0000-1", partition_record("2010-12-02", read=7, status=BLOCKED)))

    with store.reading() as connection:
        assert volume_history(connection, "silver/orders") == (("2010-12-01", 100),)


def test_volumes_leave_backfills_out(store: Store) -> None:
    ordinary = publish_record("a-0000-1", partition_record("2010-12-01", read=100))
    backfill = publish_record("b-0000-1", partition_record("2010-12-01", read=7), at="2010-12-10T06:00:00+00:00")
    store.absorb_record(ordinary)
    store.absorb_record(replace(backfill, purpose="backfill b"))

    with store.reading() as connection:
        assert volume_history(connection, "silver/orders") == (("2010-12-01", 100),)


def test_late_arrivals_are_those_of_the_newest_publish_that_measured_them(store: Store) -> None:
    too_late = rule_result("too_late", outcome=Outcome.FAIL, failed_rows=2)
    older = replace(partition_record("2010-12-01", read=50), measures={"late_rows": 9})
    newer = replace(partition_record("2010-12-01", too_late, read=20, quarantined=2), measures={"late_rows": 4})
    store.absorb_record(publish_record("a-0000-1", older, partition_record("2010-12-02")))
    store.absorb_record(publish_record("b-0000-1", newer, at="2010-12-10T06:00:00+00:00"))

    with store.reading() as connection:
        [found] = late_arrivals(connection)
    assert (found.partition, found.published, found.late, found.too_late) == ("2010-12-01", 18, 4, 2)
    assert found.rate == pytest.approx(6 / 20)


def test_a_store_of_the_first_revision_keeps_what_it_absorbed(store_url: str) -> None:
    old = Store(store_url)
    migrate(old, revision="0001")
    with old.transaction() as connection:
        connection.execute(sa.text(_OLD_PUBLISH))
        connection.execute(sa.text(_OLD_LEDGER))

    migrate(old)

    with open_store(store_url) as store, store.reading() as connection:
        assert volume_history(connection, "silver/orders") == (("2010-12-01", 100),)
        assert late_arrivals(connection) == ()


def test_a_run_with_good_and_bad_partitions_is_partial(store: Store) -> None:
    good = run_log_row("run", "2010-12-01", rows_loaded=10)
    bad = run_log_row("run", "2010-12-02", status="failed", rows_rejected=4)
    with store.transaction() as connection:
        write_run_log(connection, [good, bad])

    with store.reading() as connection:
        [run] = list_runs(connection)
        lines = run_lines(connection, "run")
    assert (run.status, run.partitions, run.rows_loaded, run.rows_rejected) == ("partial", 2, 10, 4)
    assert [line["partition"] for line in lines] == ["2010-12-01", "2010-12-02"]


def test_a_retried_step_replaces_its_line_of_the_run_log(store: Store) -> None:
    row = run_log_row("run", "2010-12-01", status="failed")
    with store.transaction() as connection:
        write_run_log(connection, [row])
        write_run_log(connection, [row | {"status": "success"}])

    with store.reading() as connection:
        assert [run.status for run in list_runs(connection)] == ["success"]


def test_a_new_store_has_exactly_the_schema_that_the_revisions_build(store_url: str) -> None:
    migrated = Store(store_url)
    migrate(migrated)

    with migrated.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    migrated.close()
    assert differences == []


def test_the_newest_revision_is_the_one_the_program_checks_for() -> None:
    assert ScriptDirectory.from_config(migrations()).get_current_head() == schema.HEAD


def test_a_migrated_store_opens_like_a_new_one(store_url: str) -> None:
    before, after = migrate(Store(store_url))

    with open_store(store_url) as store, store.reading() as connection:
        assert open_incidents(connection) == ()
    assert (before, after) == ("none", schema.HEAD)


@pytest.mark.parametrize(
    ("revision", "fix"), [("0000", "Back it up, then run `lakehouse state migrate`."), ("9999", "Install the newer")]
)
def test_a_store_of_another_version_is_refused_with_the_fix(store_url: str, revision: str, fix: str) -> None:
    with open_store(store_url) as store, store.transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :it"), {"it": revision})

    with pytest.raises(StateError, match=revision) as refused:
        open_store(store_url)
    assert refused.value.fix.startswith(fix)


def test_a_failed_transaction_stores_nothing(store: Store) -> None:
    record = _records()[0]
    twice = replace(record, partitions=record.partitions + record.partitions[:1])

    with pytest.raises(sa.exc.IntegrityError):
        store.absorb_record(twice)
    assert not any(_content(store).values())


def test_a_damaged_file_is_a_state_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database, but long enough to be looked at" * 50)

    with pytest.raises(StateError, match=r"state\.db: the state store cannot be used \(file is not a database\)"):
        open_store(f"sqlite:///{tmp_path}/state.db")


@pytest.mark.postgres
def test_an_unreachable_server_is_a_state_error_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StateError) as refused:
        open_store(f"postgresql://lake:opensesame@/state?host={tmp_path}")  # pragma: allowlist secret
    assert "cannot be used" in str(refused.value)
    assert "opensesame" not in str(refused.value)
