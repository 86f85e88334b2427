"""What a person and a script read when a contract evolves: outdated, dry run, restate, drift."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError, PartitionBlockedError
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
    NEXT,
    deliver,
    order,
    orders_contract,
    refresh,
    shop_lake,
    stored,
    variables_of,
)

pytestmark = pytest.mark.integration

TABLE = "silver/orders"
BOUND = "maximum: 1000"


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build_app()


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Return a shop with two published days, each with a column nobody declared; commands work on it."""
    lake = shop_lake(tmp_path)
    for day in (DAY, NEXT):
        deliver(lake, day, [[*order(n, amount=100 * n), "x"] for n in (1, 2, 3)], header=(*HEADER, "coupon"))
    refresh(lake, DAY, NEXT)
    for name, value in variables_of(lake).items():
        monkeypatch.setenv(name, value)
    return lake


def ask(app: typer.Typer, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def told(app: typer.Typer, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    said = ask(app, *arguments, "--json")
    assert said.exception is None, said.exception
    return json.loads(said.stdout)


def stricter(gate: str = "{emptyPartition: allow}") -> str:
    """Return a contract that refuses one row a day."""
    return orders_contract(version="1.1.0", gate=gate).replace(BOUND, "maximum: 250")


def test_nothing_is_outdated_at_first(app: typer.Typer, lake: Lake) -> None:
    assert told(app, "outdated") == []
    assert "Nothing is outdated." in ask(app, "outdated").stdout
    assert [one["outdated"] for one in told(app, "tables")] == [0, 0]


def test_another_folder_is_tried_out_and_the_one_in_place_stays(app: typer.Typer, lake: Lake, tmp_path: Path) -> None:
    shop_lake(tmp_path / "other", stricter())
    before = stored(lake.root)

    (one,) = told(app, "run", TABLE, "-p", DAY, "--dry-run", "--config-dir", str(tmp_path / "other/config"))

    assert (one["outcome"], one["version_before"], one["version_after"]) == ("published", "1.0.0", "1.1.0")
    assert one["rows"] == {"added": 0, "withdrawn": 1, "changed": 0}
    assert stored(lake.root) == before
    assert told(app, "outdated") == []


def test_another_folder_without_a_dry_run_is_refused(app: typer.Typer, lake: Lake, tmp_path: Path) -> None:
    error = ask(app, "run", TABLE, "-p", DAY, "--config-dir", str(tmp_path / "config")).exception

    assert isinstance(error, LakehouseError)
    assert "only goes with --dry-run" in str(error)


def test_outdated_partitions_are_listed_and_restated(app: typer.Typer, lake: Lake, tmp_path: Path) -> None:
    shop_lake(tmp_path, stricter())

    listed = told(app, "outdated", TABLE)
    forecast = told(app, "restate", TABLE, "--outdated", "--dry-run")
    done = told(app, "restate", TABLE, "--outdated")

    assert [(one["partition"], one["why"]) for one in listed] == [(day, "version 1.0.0 → 1.1.0") for day in (DAY, NEXT)]
    assert [one["rows"]["withdrawn"] for one in forecast] == [1, 1]
    assert [(one["partition"], one["status"], one["is_changed"]) for one in done] == [
        (NEXT, "published", True),
        (DAY, "published", True),
    ]
    assert told(app, "outdated") == told(app, "restate", TABLE, "--outdated") == []


def test_a_restatement_may_be_limited_to_a_range(app: typer.Typer, lake: Lake, tmp_path: Path) -> None:
    shop_lake(tmp_path, stricter())

    done = told(app, "restate", TABLE, "--outdated", "--to", DAY)

    assert [one["partition"] for one in done] == [DAY]
    assert [one["partition"] for one in told(app, "outdated")] == [NEXT]


def test_a_restatement_asks_which_partitions(app: typer.Typer, lake: Lake) -> None:
    error = ask(app, "restate", TABLE).exception

    assert isinstance(error, LakehouseError)
    assert "--outdated, or --from and --to" in str(error)


def test_a_blocked_restatement_ends_with_the_sentence_of_its_partition(
    app: typer.Typer, lake: Lake, tmp_path: Path
) -> None:
    shop_lake(tmp_path, stricter(gate="{emptyPartition: allow, maxQuarantineRatio: 0.1}"))

    error = ask(app, "restate", TABLE, "--from", DAY).exception

    assert isinstance(error, PartitionBlockedError)
    assert "quarantine_ratio" in str(error)
    assert "and 1 more partitions" in str(error)


def test_drift_is_shown_once_it_was_absorbed(app: typer.Typer, lake: Lake) -> None:
    before = ask(app, "drift").stdout
    ask(app, "state", "absorb")

    events = told(app, "drift", "bronze/shop/orders")

    assert "lakehouse state absorb" in before
    assert [(one["partition"], one["type"], one["added"]) for one in events] == [
        (DAY, "added", ["coupon"]),
        (NEXT, "added", ["coupon"]),
    ]
    assert told(app, "drift", TABLE) == []
    assert "added" in ask(app, "drift").stdout


def test_a_change_of_a_contract_is_judged_before_it_is_merged(app: typer.Typer, lake: Lake, tmp_path: Path) -> None:
    old, new = tmp_path / "config/contracts/silver/orders.odcs.yaml", tmp_path / "new.yaml"
    new.write_text(stricter())

    said = ask(app, "contract", "diff", str(old), str(new))
    same = ask(app, "contract", "diff", str(old), str(old))

    assert "amount.between" in said.stdout
    assert "a major version after 1.0.0 is due" in str(said.exception)
    assert (same.exit_code, same.stdout.strip()) == (0, "The contracts promise the same.")


def test_a_file_that_is_no_contract_is_told(app: typer.Typer, lake: Lake, tmp_path: Path) -> None:
    error = ask(app, "contract", "diff", str(tmp_path / "config/schedules.yaml"), str(tmp_path / "nope")).exception

    assert isinstance(error, LakehouseError)
