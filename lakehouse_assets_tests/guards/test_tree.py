"""Promises about the tree: small modules, no drawers, nothing of the machine it was written on, no swallowed errors."""

import ast
import re
from pathlib import Path

import pytest

from lakehouse_assets_tests.repository import PACKAGE, ROOT, kept_files, modules, run, texts, tool

TESTS = ROOT / "lakehouse_assets_tests"
MAX_LINES = 350
DRAWERS = {"util", "utils", "helper", "helpers", "common", "core", "misc"}
# Written so that this file does not match itself.
FOREIGN = re.compile(
    r"(?:^|[^\w.])/(?:work|farm|root|tmp)/"
    r"|p[y]pi\.org|python[h]osted\.org|re[p]o1?\.maven|npm[j]s\.(?:org|com)|crat[e]s\.io|prox[y]\.golang|de[b]\.debian"
)
DELTA_CALLS = {
    "merge",
    "optimize",
    "restore",
    "sink_delta",
    "to_pyarrow_dataset",
    "to_pyarrow_table",
    "write_delta",
    "write_deltalake",
}
REASON = re.compile(r"# noqa: BLE001 - \S+ \S+")


def long_modules(folder: Path) -> list[str]:
    """Return modules above the limit."""
    return [file.name for file, _ in modules(folder) if len(file.read_text(encoding="utf-8").splitlines()) > MAX_LINES]


def drawers(files: list[Path]) -> list[str]:
    """Return files whose path says nothing about what is in it."""
    return [
        str(file) for file in files if DRAWERS & {file.stem, *(part.name for part in file.relative_to(ROOT).parents)}
    ]


def foreign_places(files: list[Path]) -> list[str]:
    """Return lines that name a folder of one machine, or the address of a package registry."""
    return [
        f"{file.name}:{number}"
        for file, text in texts(files)
        for number, line in enumerate(text.splitlines(), start=1)
        if FOREIGN.search(line)
    ]


def broad_excepts(folder: Path) -> list[str]:
    """Return handlers that would swallow anything and do not say beside them why they must."""
    return [
        f"{file.name}:{node.lineno}"
        for file, tree in modules(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _has_reason(file, node.lineno)
    ]


def _has_reason(file: Path, number: int) -> bool:
    return REASON.search(file.read_text(encoding="utf-8").splitlines()[number - 1]) is not None


def _is_broad(caught: ast.expr | None) -> bool:
    names = {name.id for name in ast.walk(caught) if isinstance(name, ast.Name)} if caught else {"BaseException"}
    return bool(names & {"Exception", "BaseException"})


def delta_calls(folder: Path) -> list[str]:
    """Return uses of what writes to a Delta table beside the one write primitive, or can end the process."""
    return [
        f"{file.name}:{node.lineno}"
        for file, tree in modules(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and DELTA_CALLS & {getattr(node, "attr", ""), getattr(node, "id", "")}
    ]


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    assert long_modules(PACKAGE) == []
    assert long_modules(ROOT / "lakehouse_assets_tests") == []


def test_a_long_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 351)
    (tmp_path / "fine.py").write_text("x = 1\n" * 350)
    assert long_modules(tmp_path) == ["long.py"]


def test_no_folder_or_module_is_a_drawer() -> None:
    assert drawers(kept_files()) == []


@pytest.mark.parametrize("path", ["lakehouse_assets/storage/utils.py", "lakehouse_assets/common/paths.py"])
def test_a_drawer_is_found(path: str) -> None:
    assert drawers([ROOT / path]) == [str(ROOT / path)]


def test_nothing_names_the_machine_it_was_written_on() -> None:
    assert foreign_places(kept_files()) == []


@pytest.mark.parametrize("line", ["see /{}/lake".format("tmp"), "index = https://{}.org/simple".format("pypi")])
def test_a_place_of_one_machine_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "notes.md").write_text(f"fine\n{line}\n")
    assert foreign_places([tmp_path / "notes.md"]) == ["notes.md:2"]


def test_no_error_is_swallowed_without_a_reason_beside_it() -> None:
    assert broad_excepts(PACKAGE) == []


def test_only_an_attempt_to_deliver_takes_whatever_is_raised() -> None:
    found = [
        file.name
        for folder in (PACKAGE, TESTS)
        for file, tree in modules(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)
    ]
    assert found == ["dispatch.py"]


@pytest.mark.parametrize("clause", ["except:", "except Exception:", "except (OSError, BaseException):  # noqa: BLE001"])
def test_a_swallowed_error_is_found(tmp_path: Path, clause: str) -> None:
    (tmp_path / "edge.py").write_text(f"try:\n    pass\n{clause}\n    pass\n")
    assert broad_excepts(tmp_path) == ["edge.py:3"]


def test_nothing_writes_to_delta_beside_the_one_primitive() -> None:
    assert delta_calls(PACKAGE) == []


@pytest.mark.parametrize(
    "call",
    ["write_deltalake(t, f)", "table.merge(f)", "table.optimize.compact()", "dt.restore(1)", "dt.to_pyarrow_table()"],
)
def test_a_second_way_to_write_is_found(tmp_path: Path, call: str) -> None:
    (tmp_path / "writer.py").write_text(f"{call}\n")
    assert len(delta_calls(tmp_path)) == 1


def test_public_functions_without_a_docstring_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thing.py").write_text('"""A module."""\n\n\ndef public() -> None:\n    return None\n')
    judged = run(tool("ruff"), "check", "--config", ROOT / "pyproject.toml", "--select", "D", tmp_path / "thing.py")
    assert "D103" in judged.stdout
