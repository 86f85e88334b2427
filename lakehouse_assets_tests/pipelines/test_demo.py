"""The demo as a newcomer runs it: everything planted is found, nothing ends in a stack trace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse_assets_tests.tiers import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "lake"


@pytest.fixture(scope="module")
def played(root: Path) -> subprocess.CompletedProcess[str]:
    return demo(root)


def demo(root: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "LAKEHOUSE_ROOT": str(root)}
    command = [sys.executable, "-c", "from lakehouse_assets.cli.main import main; main()", "demo"]
    return subprocess.run(command, env=environ, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_demo_finds_everything_it_planted(played: subprocess.CompletedProcess[str], root: Path) -> None:
    summary = json.loads((root / "summary.json").read_text())

    assert played.returncode == 0, played.stdout + played.stderr
    assert summary["differences"] == []
    assert summary["found"]["bad_rows"] == summary["planted"]["bad_rows"] > 0


def test_accounts_are_what_the_desk_knows_although_its_exports_were_not(
    played: subprocess.CompletedProcess[str], root: Path
) -> None:
    summary = json.loads((root / "summary.json").read_text())
    planted, found = summary["planted"]["accounts"], summary["found"]["accounts"]

    assert {name: found[name] for name in planted} == planted
    assert all(planted[name] for name in ("deletions", "repeated", "again", "out_of_order", "bad"))


def test_every_ledger_in_the_summary_balances(played: subprocess.CompletedProcess[str], root: Path) -> None:
    tables = json.loads((root / "summary.json").read_text())["tables"]

    assert len(tables) == 9
    for table in tables:
        accounted = sum(table[name] for name in ("published", "quarantined", "deduplicated", "filtered"))
        assert table["read"] == accounted > 0


def test_nothing_ends_in_a_stack_trace(played: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in played.stdout + played.stderr
    assert "dagster" not in played.stderr.lower()


def test_what_was_kept_back_closes_when_the_data_is_right_again(
    played: subprocess.CompletedProcess[str], root: Path
) -> None:
    incidents = json.loads((root / "summary.json").read_text())["incidents"]

    assert incidents["opened"] > incidents["closed"] >= 2
    assert "is kept back: arrival" in played.stdout
    assert "is kept back: quarantine_ratio" in played.stdout


def test_the_last_lines_say_what_to_type_next(played: subprocess.CompletedProcess[str]) -> None:
    assert "make dev" in played.stdout.partition("Next:")[2]


def test_a_folder_that_no_demo_made_is_never_removed(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")

    refused = demo(tmp_path)

    assert refused.returncode == 1
    assert precious.read_text() == "mine"
    assert "a lake that no demo made" in refused.stderr
