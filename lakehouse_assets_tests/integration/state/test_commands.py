"""What operators see of runs, incidents and the store, as text and as JSON, and with errors that say what to do."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner, Result

from lakehouse_assets.cli import incidents, runs, state
from lakehouse_assets.errors import LakehouseError, StateError
from lakehouse_assets.incidents.book import list_incidents, track
from lakehouse_assets.incidents.routing import Routing
from lakehouse_assets.incidents.tracker import Policy
from lakehouse_assets.observability.run_log import entries_of_record
from lakehouse_assets.results import BLOCKED
from lakehouse_assets.state import schema
from lakehouse_assets.state.absorb import write_run_log
from lakehouse_assets.state.store import open_store
from lakehouse_assets_tests.builders import fact, partition_record, publish_record

pytestmark = pytest.mark.integration

AT = datetime(2011, 1, 1, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a store that the commands use; it holds two runs and an incident."""
    url = f"sqlite:///{tmp_path}/state.db"
    environments = tmp_path / "config" / "environments"
    environments.mkdir(parents=True)
    for name in ("base", "local"):
        (environments / f"{name}.yaml").write_text("runLog: stdout\n")
    monkeypatch.setenv("LAKEHOUSE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("LAKEHOUSE_STATE_URL", url)
    monkeypatch.delenv("LAKEHOUSE_ENV", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    good = publish_record("a-0000-1", partition_record("2011-01-01"), run_id="first", at="2011-01-02T06:00:00Z")
    bad = publish_record(
        "b-0000-1", partition_record("2011-01-02", status=BLOCKED), run_id="second", at="2011-01-03T06:00:00Z"
    )
    told = fact("2011-01-02", at=AT, failed_rows=3, checked_rows=100, message="value lies outside its bounds")
    with open_store(url) as store, store.transaction() as connection:
        write_run_log(connection, [entry.to_row() for record in (good, bad) for entry in entries_of_record(record)])
        track(connection, [told], Routing(Policy("local")))
    return url


def _run(arguments: Sequence[str]) -> Result:
    app = typer.Typer()
    for module in (incidents, runs, state):
        module.register(app)
    return CliRunner().invoke(app, arguments)


def _read(arguments: Sequence[str]) -> str:
    result = _run(arguments)
    assert result.exception is None, result.output
    return result.output


def test_runs_are_listed_newest_first(url: str) -> None:
    listed = json.loads(_read(["runs", "list", "--json"]))

    assert [(run["run_id"], run["status"]) for run in listed] == [("second", "failed"), ("first", "success")]
    assert "second" in _read(["runs", "list"])


def test_a_run_shows_its_lines(url: str) -> None:
    shown = json.loads(_read(["runs", "show", "first", "--json"]))

    [line] = shown["lines"]
    assert (line["partition"], line["rows_loaded"], line["stage"]) == ("2011-01-01", 10, "refine")
    assert "2011-01-01" in _read(["runs", "show", "first"])


def test_a_run_nobody_recorded_is_an_error_that_names_the_command(url: str) -> None:
    error = _run(["runs", "show", "other"]).exception

    assert isinstance(error, LakehouseError)
    assert error.fix == "`lakehouse runs list` shows the ids."


def test_open_incidents_are_listed_with_what_they_hold(url: str) -> None:
    [incident] = json.loads(_read(["incidents", "list", "--json"]))

    assert (incident["priority"], incident["rule_id"], incident["failing_partitions"]) == ("P3", "quantity.between", 1)
    assert incident["id"] in _read(["incidents", "list"])


def test_an_incident_shows_what_to_try_first(url: str) -> None:
    [listed] = json.loads(_read(["incidents", "list", "--json"]))

    text = _read(["incidents", "show", listed["id"][:5]])

    assert "[P3] silver/orders: quantity.between fails in 1 partition" in text
    assert "3 of 100 failed" in text
    assert "Look at the quarantined rows" in text


def test_an_incident_as_json_has_partitions_and_history(url: str) -> None:
    [listed] = json.loads(_read(["incidents", "list", "--json"]))

    shown = json.loads(_read(["incidents", "show", listed["id"], "--json"]))

    assert [one["partition"] for one in shown["partitions"]] == ["2011-01-02"]
    assert [event["type"] for event in shown["events"]] == ["opened"]


def test_taking_an_incident_on_says_by_whom(url: str) -> None:
    with open_store(url) as store, store.reading() as connection:
        [incident] = list_incidents(connection)

    said = _read(["incidents", "acknowledge", incident.id, "--by", "ada"])

    again = _run(["incidents", "acknowledge", incident.id, "--by", "ada"]).exception
    assert said == f"{incident.id} is acknowledged by ada.\n"
    assert "is acknowledged already" in str(again)


def test_closing_an_incident_by_hand_says_by_whom_and_why(url: str) -> None:
    with open_store(url) as store, store.reading() as connection:
        [incident] = list_incidents(connection)

    said = _read(["incidents", "resolve", incident.id, "--reason", "false_positive", "--by", "ada"])

    assert said == f"{incident.id} is resolved by ada: false_positive.\n"
    assert _read(["incidents", "list"]) == "No open incident.\n"


def test_delivering_empties_the_outbox(url: str) -> None:
    assert _read(["incidents", "deliver"]) == "1 sent, 0 failed, 0 waiting.\n"


def test_a_store_of_an_older_revision_is_refused_by_commands_and_brought_up_by_migrate(url: str) -> None:
    with open_store(url) as store, store.transaction() as connection:
        schema.metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE alembic_version"))
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))

    before = json.loads(_read(["state", "show", "--json"]))
    migrated = _read(["state", "migrate"])

    assert (before["revision"], before["needed"]) == ("none", schema.HEAD)
    assert migrated.endswith(f"from revision none to {schema.HEAD}\n")
    assert _read(["incidents", "list"]) == "No open incident.\n"


def test_commands_refuse_a_newer_store(url: str) -> None:
    with open_store(url) as store, store.transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    assert isinstance(_run(["incidents", "list"]).exception, StateError)
