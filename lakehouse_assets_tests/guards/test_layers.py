"""Rooms import downwards only; only Dagster's own rooms know Dagster. The contracts are in pyproject.toml."""

import shutil
from pathlib import Path

import pytest

from lakehouse_assets_tests.repository import PACKAGE, ROOT, run, tool


def judge(folder: Path) -> tuple[int, str]:
    """Run import-linter on the packages in `folder`."""
    judged = run(tool("python"), "-c", "from importlinter.cli import lint_imports_command as main; main()", cwd=folder)
    return judged.returncode, judged.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in (PACKAGE, ROOT / "lakehouse_assets_tests"):
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_goes_downwards() -> None:
    code, said = judge(ROOT)
    assert code == 0, said


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("storage/mutant.py", "import lakehouse_assets.quality"),
        ("naming.py", "import lakehouse_assets.pipeline"),
        ("pipeline/mutant.py", "import dagster"),
        ("state/mutant.py", "import lakehouse_assets_tests"),
        ("cupboard.py", "import json"),
    ],
    ids=["sibling", "upward", "dagster", "tests", "room without a place"],
)
def test_an_import_that_breaks_a_layer_is_refused(copy: Path, module: str, line: str) -> None:
    target = copy / "lakehouse_assets" / module
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    target.write_text(f"{before}\n{line}\n", encoding="utf-8")

    code, said = judge(copy)

    assert code != 0
    assert "BROKEN" in said or "mutant" in said or "cupboard" in said


@pytest.mark.parametrize("library", ["boto3", "pandas", "pyspark", "snowflake.connector"])
def test_an_optional_library_at_module_level_is_refused(tmp_path: Path, library: str) -> None:
    (tmp_path / "thing.py").write_text(f'"""A module."""\n\nimport {library}\n\n__all__ = ["{library[:2]}"]\n')
    judged = run(tool("ruff"), "check", "--config", ROOT / "pyproject.toml", "--select", "TID", tmp_path / "thing.py")
    assert "TID253" in judged.stdout
