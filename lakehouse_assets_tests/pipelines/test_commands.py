"""What the commands about partitions answer on a lake that has been running for a few days."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import UnknownPartitionError
from lakehouse_assets_tests.recipes import checkout

pytestmark = pytest.mark.integration

TABLE = "silver/retail_order_lines"


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build_app()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_ENV", "demo")
    monkeypatch.setenv("LAKEHOUSE_RUN_LOG", "stdout")
    return tmp_path


def ask(app: typer.Typer, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_json_is_all_that_stands_on_stdout_also_where_the_run_log_goes_there(app: typer.Typer, folder: Path) -> None:
    said = ask(app, "run", TABLE, "--partition", "2011-12-09", "--json")

    assert [one["status"] for one in json.loads(said.stdout)] == ["unchanged"]
    assert json.loads(said.stderr.splitlines()[-1])["table"] == TABLE


@pytest.mark.parametrize(
    ("day", "answer"), [("2011-12-03", "closed days have none"), ("2011-12-01", f"lakehouse run {TABLE}")]
)
def test_a_closed_day_is_told_apart_from_one_that_never_ran(
    app: typer.Typer, folder: Path, day: str, answer: str
) -> None:
    error = ask(app, "partition", TABLE, day).exception

    assert isinstance(error, UnknownPartitionError)
    assert answer in error.fix


def test_records_are_absorbed_once(app: typer.Typer, folder: Path) -> None:
    (folder / ".lake/demo/state.db").unlink()

    said = [ask(app, "state", "absorb").stdout.strip() for _ in range(2)]

    assert said == ["4 new records absorbed.", "0 new records absorbed."]
