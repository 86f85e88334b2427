"""Every contract in `config/` is one for others, too: for the official schema, and for `datacontract lint`.

The files are found, not listed; each check is shown that it can fail.
"""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from lakehouse_assets_tests.datacontract import LINTER, lint
from lakehouse_assets_tests.repository import ROOT

pytestmark = pytest.mark.integration

CONTRACTS = sorted((ROOT / "config/contracts").rglob("*.odcs.yaml"))
SCHEMA = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))


def deviations(path: Path) -> list[str]:
    """Return what the schema of the standard says against a file, read as any tool would read it."""
    validator = jsonschema_rs.Draft201909Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))]


def wrong(tmp_path: Path, old: str, new: str) -> Path:
    text = CONTRACTS[0].read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "wrong.odcs.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_there_are_contracts() -> None:
    assert CONTRACTS != []


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_every_contract_keeps_to_the_official_schema(path: Path) -> None:
    assert deviations(path) == []


def test_a_contract_that_does_not_is_found(tmp_path: Path) -> None:
    assert deviations(wrong(tmp_path, "kind: DataContract", "kind: Promise")) != []


@pytest.mark.datacontract
def test_every_contract_passes_datacontract_lint(tmp_path: Path) -> None:
    broken = wrong(tmp_path, "kind: DataContract", "kind: Promise")

    told = lint([*CONTRACTS, broken])

    assert {path: said for path, said in told.items() if said != "passed"} == {str(broken): told[str(broken)]}
    assert set(told) == {str(path) for path in (*CONTRACTS, broken)}


@pytest.mark.datacontract
def test_the_linter_is_the_one_that_is_locked() -> None:
    (wanted,) = [
        line.split("==")[1]
        for line in (ROOT / "requirements/datacontract/requirements.in").read_text().splitlines()
        if line.startswith("datacontract-cli==")
    ]

    assert list(LINTER.glob(f"lib/*/site-packages/datacontract_cli-{wanted}.dist-info")) != []
