"""One module commits, one room knows Delta; a second way to write would be a second set of bugs."""

import ast
from pathlib import Path

import pytest

from lakehouse_assets_tests.repository import PACKAGE, modules

COMMITTER = PACKAGE / "storage/commit.py"
WRITERS = {"create_write_transaction", "write_deltalake", "merge", "optimize", "vacuum", "restore", "sink_delta"}
# `merge` and `restore` are words of other libraries too, so they count only on what comes from Delta.
ANYWHERE = {"create_write_transaction", "write_deltalake", "sink_delta", "write_delta"}


def calls(tree: ast.Module, names: set[str]) -> set[str]:
    """Return which of these functions a module calls, by name or as an attribute."""
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in called}
    return found & names


def imports(tree: ast.Module, library: str) -> bool:
    """Whether a module imports a library, anywhere in it."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == library for name in names):
            return True
    return False


def second_writers(folder: Path) -> list[str]:
    return [
        path.relative_to(folder).as_posix()
        for path, tree in modules(folder)
        if path != COMMITTER and (calls(tree, ANYWHERE) or (imports(tree, "deltalake") and calls(tree, WRITERS)))
    ]


def rooms_that_know_delta(folder: Path) -> set[str]:
    return {path.relative_to(folder).parts[0] for path, tree in modules(folder) if imports(tree, "deltalake")}


def test_only_one_module_commits() -> None:
    assert second_writers(PACKAGE) == []


def test_only_storage_knows_delta() -> None:
    assert rooms_that_know_delta(PACKAGE) == {"storage"}


@pytest.mark.parametrize(
    "line",
    [
        "table.create_write_transaction([], 'append', schema, [])",
        "frame.write_delta('somewhere')",
        "from deltalake import DeltaTable\nDeltaTable('x').optimize.compact()\nDeltaTable('x').vacuum()",
    ],
)
def test_a_second_writer_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "mutant.py").write_text(f'"""A module."""\n\n{line}\n')

    assert second_writers(tmp_path) == ["mutant.py"]
