"""What a pull request is told about the contracts it changes: against a revision of a real git repository."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets_tests.configuration import FILES, ORDERS
from lakehouse_assets_tests.repository import run

pytestmark = pytest.mark.integration

READER = "consumers\n        value: [{name: board, kind: dashboard, columns: [order_id, line_amount]}]"
TWO = READER[:-1] + ", {name: crm, kind: team, columns: [state]}]"
Edit = Callable[..., None]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commit the small configuration and let commands read its working tree."""
    for path, text in FILES.items():
        (tmp_path / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / path).write_text(text)
    monkeypatch.setenv("LAKEHOUSE_CONFIG_DIR", str(tmp_path / "config"))
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    done = run("git", "-C", folder, *words)
    assert done.returncode == 0, done.stderr


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "contracts")


def edit(folder: Path, *pairs: tuple[str, str]) -> None:
    path = folder / "config" / ORDERS
    text = path.read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text)


def ask(*words: str) -> Result:
    return CliRunner().invoke(build_app(), ["contract", "diff", *words])


def test_nothing_changed_is_nothing_to_tell(repository: Path) -> None:
    told = ask("--against", "HEAD")

    assert (told.exit_code, told.output) == (0, "No contract changed.\n")


def test_a_breaking_change_without_a_version_is_refused_and_names_its_readers(repository: Path) -> None:
    edit(repository, (READER, TWO))
    commit(repository)
    edit(repository, ("'[A-Z]?[0-9]+'", "'[0-9]+'"))

    told = ask("--against", "HEAD", "--json")

    (found,) = json.loads(told.stdout)
    (change,) = found["changes"]
    assert (change["kind"], change["compatibility"], change["columns"]) == ("breaking", "none", ["order_id"])
    assert [(one["name"], one["is_broken"]) for one in found["reached"]] == [("board", True), ("gold/sales", True)]
    assert isinstance(told.exception, LakehouseError)
    assert "a major version after 1.2.0 is due" in str(told.exception)
    assert f"config/{ORDERS}" in str(told.exception)


def test_a_version_that_says_so_is_accepted_and_every_broken_consumer_gets_a_notice(repository: Path) -> None:
    edit(repository, ("maximum: 5000", "maximum: 10"), ("version: 1.2.0", "version: 2.0.0"))

    told = ask("--against", "HEAD", "--notices", str(repository / "notices"))

    (notice,) = (repository / "notices").iterdir()
    said = json.loads(notice.read_text())
    assert told.exit_code == 0
    assert notice.name == "silver.orders-2.0.0-board.json"
    assert (said["consumer"], said["sentences"]) == ("board", ["line_amount.between is narrower."])


def test_an_additive_change_has_no_notice(repository: Path) -> None:
    edit(repository, ("maximum: 5000", "maximum: 6000"), ("version: 1.2.0", "version: 1.3.0"))

    told = ask("--against", "HEAD", "--notices", str(repository / "notices"))

    assert "additive" in told.output
    assert list((repository / "notices").iterdir()) == []


def test_a_table_that_is_gone_while_it_is_read_is_refused_until_it_is_retired(repository: Path) -> None:
    (repository / "config" / ORDERS).unlink()

    told = ask("--against", "HEAD")

    assert "is gone while board read the table" in str(told.exception)


def test_a_new_table_is_additive(repository: Path) -> None:
    text = FILES[ORDERS].replace("name: orders", "name: returns").replace("silver.orders", "silver.returns")
    (repository / "config" / "contracts" / "silver" / "returns.odcs.yaml").write_text(text)

    told = ask("--against", "HEAD")

    assert told.exit_code == 0
    assert "is new." in told.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--against", "no-such-branch"], "git fetch origin main"),
        (["--against", "HEAD", "a.yaml", "b.yaml"], "Leave the two files out"),
        ([], "Name two files, or --against REVISION"),
        (["--against", "--upload-pack=x"], "git rev-parse failed at '--upload-pack=x^{commit}'"),
    ],
)
def test_what_cannot_be_compared_is_told_with_a_remedy(repository: Path, words: list[str], sentence: str) -> None:
    assert sentence in str(ask(*words).exception)
