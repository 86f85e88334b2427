"""A log that lost its last commits is noticed before anything is read or written; writers that meet are no alarm."""

import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.errors import LostCommitsError
from lakehouse_assets.naming import VERSIONS_FOLDER
from lakehouse_assets.storage.commit import Change, commit
from lakehouse_assets.storage.table import OpenTable, accept_loss, create_table, open_table
from lakehouse_assets.storage.versions import known_version, note_version

COLUMNS = {"amount": "long", "_proc_date": "date"}
ROUNDS = 10


@pytest.fixture
def table(tmp_path: Path) -> OpenTable:
    return made(str(tmp_path / "t"))


def made(root: str) -> OpenTable:
    return create_table(root, {}, COLUMNS, partition_column="_proc_date", description="")


def publish(table: OpenTable, name: str, day: str, amount: int) -> OpenTable:
    frame = pl.LazyFrame({"amount": [amount], "_proc_date": [day]})
    (files,), _ = PolarsEngine().stage([Branch(nw.from_native(frame), Target(table.root, "_proc_date", name))])
    return commit(table, Change(tuple(files), (day,), COLUMNS, {}))


def entry(root: str, version: int) -> Path:
    return Path(root, "_delta_log", f"{version:020}.json")


def write(root: str, writer: int) -> int:
    for number in range(ROUNDS):
        publish(made(root), f"w{writer}-0000-{number}", f"2026-01-0{writer + 1}", number)
    return 0


def read(root: str, reader: int) -> int:
    """Open the newest version again and again while others write; an alarm would raise."""
    del reader
    versions = [made(root).version for _ in range(40 * ROUNDS)]
    assert versions == sorted(versions)
    return versions[-1]


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("lose", [Path.unlink, empty], ids=["deleted", "emptied"])
def test_a_lost_last_commit_is_noticed_and_the_error_says_what_to_do(
    table: OpenTable, lose: Callable[[Path], None]
) -> None:
    after = publish(publish(table, "a-0000-1", "2026-01-05", 1), "b-0000-1", "2026-01-05", 2)
    lose(entry(table.root, after.version))

    with pytest.raises(LostCommitsError, match=r"version 2\b.*lakehouse rollback <table> --accept-loss"):
        open_table(table.root, {})


def test_a_writer_that_opened_before_the_loss_is_stopped_after_it(table: OpenTable) -> None:
    after = publish(table, "a-0000-1", "2026-01-05", 1)
    later = publish(after, "b-0000-1", "2026-01-06", 2)
    entry(table.root, later.version).unlink()
    entry(table.root, after.version).unlink()

    with pytest.raises(LostCommitsError):
        publish(table, "c-0000-1", "2026-01-07", 3)


def test_a_lost_log_is_noticed_and_no_new_table_takes_its_place(table: OpenTable) -> None:
    publish(table, "a-0000-1", "2026-01-05", 1)
    shutil.rmtree(Path(table.root, "_delta_log"))

    with pytest.raises(LostCommitsError, match="its log is gone"):
        open_table(table.root, {})


def test_an_earlier_version_can_still_be_read_when_the_last_one_is_lost(table: OpenTable) -> None:
    after = publish(publish(table, "a-0000-1", "2026-01-05", 1), "b-0000-1", "2026-01-05", 2)
    entry(table.root, after.version).unlink()

    assert open_table(table.root, {}, version=1).version == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("lose", [Path.unlink, empty], ids=["deleted", "emptied"])
def test_an_accepted_loss_goes_on_with_what_is_left(table: OpenTable, lose: Callable[[Path], None]) -> None:
    after = publish(publish(table, "a-0000-1", "2026-01-05", 1), "b-0000-1", "2026-01-05", 2)
    lose(entry(table.root, after.version))

    assert accept_loss(table.root, {}) == (2, 1)
    left = open_table(table.root, {})

    assert left is not None
    assert publish(left, "c-0000-1", "2026-01-05", 3).version == 2
    assert pl.read_delta(table.root)["amount"].to_list() == [3]


def test_accepting_a_loss_that_did_not_happen_changes_nothing(table: OpenTable) -> None:
    publish(table, "a-0000-1", "2026-01-05", 1)

    assert accept_loss(table.root, {}) == (1, 1)
    assert open_table(table.root, {}).version == 1  # type: ignore[union-attr]


def test_a_whole_log_that_is_gone_may_be_accepted_too(table: OpenTable) -> None:
    shutil.rmtree(Path(table.root, "_delta_log"))

    assert accept_loss(table.root, {}) == (0, None)
    assert open_table(table.root, {}) is None


def test_the_greatest_known_version_never_goes_back(table: OpenTable) -> None:
    note_version(table.root, {}, 7)
    note_version(table.root, {}, 6)

    assert known_version(table.root, {}) == 7


def test_markers_do_not_pile_up(table: OpenTable) -> None:
    for number in range(5):
        table = publish(table, f"a-0000-{number}", "2026-01-05", number)

    assert [path.name for path in Path(table.root, VERSIONS_FOLDER).iterdir()] == [f"{5:020}"]


def test_looking_at_a_table_that_does_not_exist_creates_nothing(tmp_path: Path) -> None:
    assert open_table(str(tmp_path / "none"), {}) is None
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_a_marker_opens_and_gets_one_with_its_next_commit(table: OpenTable) -> None:
    shutil.rmtree(Path(table.root, VERSIONS_FOLDER))

    opened = open_table(table.root, {})
    assert opened is not None
    publish(opened, "a-0000-1", "2026-01-05", 1)

    assert known_version(table.root, {}) == 1


def test_writers_and_readers_in_several_processes_raise_no_alarm(table: OpenTable) -> None:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        writers = [pool.submit(write, table.root, number) for number in range(2)]
        readers = [pool.submit(read, table.root, number) for number in range(2)]
        done = [one.result() for one in (*writers, *readers)]

    assert (len(done), known_version(table.root, {})) == (4, 2 * ROUNDS)
