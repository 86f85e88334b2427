"""Tests whose tool is missing are named with the command that adds it, and fail the run in CI."""

import os
from pathlib import Path

import pytest

from lakehouse_assets_tests.repository import ROOT, run, tool

CONFTEST = """
from lakehouse_assets_tests import tiers
from lakehouse_assets_tests.tiers import *

tiers.TIERS = (tiers.Tier("unicorn", lambda: False, "apt-get install unicorn", is_required_in_ci={required}),)
"""
TESTS = """
import pytest

@pytest.mark.unicorn
def test_unicorn(): raise AssertionError

def test_horse(): pass
"""


def judge(folder: Path, *options: str, required: bool = True, ci: str = "") -> tuple[int, str]:
    """Run a test that needs a unicorn beside one that does not."""
    (folder / "conftest.py").write_text(CONFTEST.format(required=required))
    (folder / "test_animals.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = unicorn\naddopts = -p no:cacheprovider\n")
    env = os.environ | {"PYTHONPATH": str(ROOT), "CI": ci}
    env = {name: value for name, value in env.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = run(tool("python"), "-m", "pytest", *options, cwd=folder, env=env)
    return done.returncode, done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_missing_tool_is_named_with_its_remedy(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = judge(tmp_path, *options)
    assert code == 0
    assert "unicorn: 1 tests not run. To add them: apt-get install unicorn" in said
    assert "1 passed" in said.splitlines()[-1]


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_missing_tool_fails_the_run_in_ci(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = judge(tmp_path, *options, ci="true")
    assert code == 1
    assert "FAILED, required in CI" in said


def test_missing_public_data_never_fails_the_run(tmp_path: Path) -> None:
    code, _ = judge(tmp_path, required=False, ci="true")
    assert code == 0


def test_tests_that_were_not_chosen_are_no_gap(tmp_path: Path) -> None:
    code, said = judge(tmp_path, "-k", "horse", ci="true")
    assert code == 0
    assert "unicorn" not in said
