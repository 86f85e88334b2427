"""What a stranger at the command line gets wrong, and what disks do: one sentence, an exit code, and nothing lost."""

import contextlib
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import pytest

from lakehouse_assets.cli.main import main
from lakehouse_assets.naming import META_FOLDER
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    refresh,
    retail_environment,
    rows_of,
    run,
    shop_lake,
    stored,
)
from lakehouse_assets_tests.repository import ROOT, SCRIPTS

pytestmark = pytest.mark.integration

Said = subprocess.CompletedProcess[str]


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    """Return a shop with one published day and another one that waits."""
    lake = shop_lake(tmp_path)
    for day in (DAY, NEXT):
        deliver(lake, day, [order(number) for number in range(5)])
    refresh(lake, DAY)
    return lake


def lakehouse(lake: Lake, *arguments: str, **variables: str) -> Said:
    """Run the command in this process, in the environment of a lake."""
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.chdir(lake.settings.config_dir.parent)
        for name, value in (environment_of(lake) | variables).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["lakehouse", *arguments])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(sys.argv, code, output.getvalue(), errors.getvalue())


def environment_of(lake: Lake) -> dict[str, str]:
    return retail_environment(lake.root, lake.settings.config_dir, LAKEHOUSE_CONFIG_DIR=str(lake.settings.config_dir))


def as_process(lake: Lake, *arguments: str, before: Callable[[], None] | None = None, **variables: str) -> Said:
    """Run the command in a process of its own, which calls `before` first."""
    command, environment = [str(SCRIPTS / "lakehouse"), *arguments], environment_of(lake) | variables
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, preexec_fn=before)


def system(*command: str | Path) -> None:
    """Run a command that only root may run."""
    subprocess.run([shutil.which(command[0]) or command[0], *command[1:]], check=True)


def insist(said: Said, sentence: str, *, code: int = 1) -> None:
    """Insist on the exit code, on the sentence, and that nothing looks like a stack trace."""
    assert sentence in said.stderr, said.stderr
    assert said.returncode == code
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "silver/orders", "-p", "2010-13-45"), "silver/orders has no partition '2010-13-45'"),
        (("run", "silver/orders", "-p", "2011-01-01"), "31 partitions from 2010-12-01 to 2010-12-31"),
        (("run", "silver/orders", "-p", ""), "silver/orders has no partition ''"),
        (("run", "silver/orders"), "silver/orders has 31 partitions; say which"),
        (("run", "silver/orders", "--partition-range", "2010-12-05...2010-12-01"), "is no range of partitions"),
        (("run", "silver/order", "-p", DAY), "there is no table 'silver/order'"),
        (("run", "orders", "-p", DAY), "'orders' is not a table name"),
        (("hash", "silver/order"), "there is no table 'silver/order'"),
        (("partition", "silver/orders", NEXT), f"silver/orders {NEXT} was never attempted"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_name_or_date_is_one_sentence(shop: Lake, arguments: tuple[str, ...], sentence: str) -> None:
    before = stored(Path(shop.root))

    insist(lakehouse(shop, *arguments), sentence)

    assert stored(Path(shop.root)) == before


def test_a_closed_day_is_no_partition(shop: Lake) -> None:
    sentence = "bronze/retail/order_lines has no partition '2010-12-04'"

    insist(
        lakehouse(shop, "run", "bronze/retail/order_lines", "-p", "2010-12-04", LAKEHOUSE_CONFIG_DIR=f"{ROOT}/config"),
        sentence,
    )


def test_a_wrong_key_in_a_contract_is_named_with_its_line(shop: Lake) -> None:
    contract = shop.settings.config_dir / "contracts/silver/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("identicalRows", "identicalRow"))

    said = lakehouse(shop, "run", "silver/orders", "-p", DAY)

    insist(said, "config/contracts/silver/orders.odcs.yaml:24:44: error LH201: unknown key 'identicalRow'", code=2)


def test_a_missing_drop_folder_blocks_the_day_and_keeps_what_is_served(shop: Lake) -> None:
    (shop.settings.config_dir.parent / "drop").rename(shop.settings.config_dir.parent / "elsewhere")

    insist(lakehouse(shop, "run", "bronze/shop/orders", "-p", DAY), "does not exist. Create it or correct `location`")

    assert content_of(shop, RAW).rows == 5


def test_a_file_where_the_lake_should_be_is_named(shop: Lake, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = lakehouse(shop, "run", "bronze/shop/orders", "-p", DAY, LAKEHOUSE_ROOT=str(tmp_path / "file"))

    insist(said, "the folder of the table cannot be used. Check that no file lies in its place")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and everything in it unwritable, for root too where the file system knows how."""
    if os.geteuid() == 0:
        system("chattr", "-R", "+i", folder)
        try:
            yield
        finally:
            system("chattr", "-R", "-i", folder)
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


@pytest.mark.parametrize("part", ["", "silver/orders/_delta_log"], ids=["the whole lake", "only the log"])
def test_a_lake_that_cannot_be_written_keeps_serving_and_recovers(shop: Lake, part: str) -> None:
    deliver(shop, DAY, [order(number, note="new") for number in range(7)])
    assert lakehouse(shop, "run", "bronze/shop/orders", "-p", DAY).returncode == 0

    with locked(Path(shop.root) / part):
        insist(lakehouse(shop, "run", "silver/orders", "-p", DAY), "readers still see the previous version")
        assert content_of(shop, ORDERS).rows == 5

    assert lakehouse(shop, "run", "silver/orders", "-p", DAY).returncode == 0
    assert rows_of(shop, ORDERS)["note"].to_list() == ["new"] * 7


@contextlib.contextmanager
def tiny_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of 300 kB."""
    folder.mkdir(parents=True)
    system("mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder)
    try:
        yield
    finally:
        system("umount", folder)


def small_files() -> None:
    """Let a process write no file above 100 kB, and get an error instead of a signal when it tries."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(shop: Lake, tmp_path: Path) -> None:
    # Only root may mount; everybody may limit the size of a file.
    is_root = os.geteuid() == 0
    disk: AbstractContextManager[None] = tiny_disk(tmp_path / "disk") if is_root else contextlib.nullcontext()
    run = partial(as_process, shop, "run", "bronze/shop/orders", "-p", LAKEHOUSE_ROOT=str(tmp_path / "disk/lake"))
    with disk:
        assert run(DAY).returncode == 0
        before = stored(tmp_path / "disk/lake")
        deliver(shop, DAY, [order(f"{number * 7919 % 1_000_003}-{number:x}") for number in range(60_000)])

        insist(run(DAY, before=None if is_root else small_files), "cannot write: ")

        assert stored(tmp_path / "disk/lake") == before
        assert run(NEXT).returncode == 0


def test_a_run_that_is_told_to_stop_leaves_the_table_as_it_was(shop: Lake) -> None:
    deliver(shop, DAY, [order(number) for number in range(200_000)])
    before = content_of(shop, RAW).hash
    command = [sys.executable, "-m", "lakehouse_assets_tests.soak.racer", "1", str(RAW), DAY]
    pipe = subprocess.PIPE
    environment = environment_of(shop)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        child.stdin.write("\n")
        child.stdin.flush()
        while not fresh_files(shop) and child.poll() is None:
            pass
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate()

    assert "Traceback" not in errors
    assert content_of(shop, RAW).hash == before or child.returncode == 0
    assert lakehouse(shop, "run", "bronze/shop/orders", "-p", DAY).returncode == 0
    assert content_of(shop, RAW).rows == 200_000


def fresh_files(lake: Lake) -> list[Path]:
    """Return the staged files of bronze that no commit names."""
    table = lake.open(RAW)
    assert table is not None
    served = {Path(table.root, file.path) for file in table.files}
    return [path for path in Path(table.root).rglob("*.parquet") if path not in served]


def test_a_damaged_record_is_named_and_mended_by_the_next_run(shop: Lake) -> None:
    (record,) = (Path(shop.root_of(ORDERS)) / META_FOLDER).glob("*.zst")
    record.write_bytes(b"no record")

    insist(lakehouse(shop, "partition", "silver/orders", DAY), "the record of a publish is damaged")
    assert lakehouse(shop, "run", "silver/orders", "-p", DAY).returncode == 0
    assert lakehouse(shop, "partition", "silver/orders", DAY).returncode == 0


def test_a_log_that_ends_in_an_empty_file_is_refused_instead_of_rolled_back(shop: Lake) -> None:
    newest = max((Path(shop.root_of(ORDERS)) / "_delta_log").glob("*.json"))
    content = newest.read_bytes()
    newest.write_bytes(b"")

    for arguments in (("run", "silver/orders", "-p", DAY), ("hash", "silver/orders"), ("tables",)):
        insist(lakehouse(shop, *arguments), f"the newest entry of the Delta log, version {int(newest.stem)}, is empty")

    newest.write_bytes(content)
    assert content_of(shop, ORDERS).rows == 5


@pytest.mark.parametrize("content", [b'{"add": 1', b"\0" * 40], ids=["cut off", "zeros"])
def test_a_damaged_log_is_one_sentence(shop: Lake, content: bytes) -> None:
    newest = max((Path(shop.root_of(ORDERS)) / "_delta_log").glob("*.json"))
    newest.write_bytes(content)

    said = lakehouse(shop, "run", "silver/orders", "-p", DAY)

    insist(said, "silver/orders: the Delta log cannot be read: ")
    assert len(said.stderr.splitlines()) == 1


def test_a_data_file_that_somebody_deleted_comes_back_with_the_next_run(shop: Lake) -> None:
    (file,) = Path(shop.root_of(ORDERS)).rglob("*.parquet")
    file.unlink()

    insist(lakehouse(shop, "hash", "silver/orders"), f"a data file is missing (…/{file.parent.name}/{file.name})")
    assert lakehouse(shop, "run", "silver/orders", "-p", DAY).returncode == 0
    assert content_of(shop, ORDERS).rows == 5


def test_a_damaged_data_file_is_one_sentence_without_its_content(shop: Lake) -> None:
    deliver(shop, DAY, [order(77)])
    run(shop, RAW, DAY)
    newest = max(Path(shop.root_of(RAW)).rglob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
    newest.write_bytes(b"secret" * 100)

    said = lakehouse(shop, "run", "silver/orders", "-p", DAY)

    insist(said, "a Parquet file is damaged")
    assert "secret" not in said.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:////proc/nowhere/state.db", "the state store's folder cannot be made"),
        ("nonsense", "the state store's URL cannot be read."),
        ("mysql://host/state", "the state store cannot live in 'mysql'."),
        ("postgresql://x@127.0.0.1:1/y", "the state store cannot be used"),
    ],
)
def test_a_state_store_that_is_not_there_is_one_sentence_and_stops_no_publish(
    shop: Lake, url: str, sentence: str
) -> None:
    insist(lakehouse(shop, "state", "absorb", LAKEHOUSE_STATE_URL=url), sentence)

    assert lakehouse(shop, "run", "bronze/shop/orders", "-p", NEXT, LAKEHOUSE_STATE_URL=url).returncode == 0
