"""A lake on an API: killed and resumed, failing and kept from asking, never telling a secret."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import PassingSourceError, SourceError
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import PAGES_FOLDER
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.state.circuits import reset_circuit
from lakehouse_assets_tests.doubles.api import Api, Asked, Told, as_json, orders, serving
from lakehouse_assets_tests.doubles.api_lake import ORDERS, api_lake, environment
from lakehouse_assets_tests.lakes import rows_of, run, statuses

pytestmark = pytest.mark.integration
DAY, NEXT = "2026-01-05", "2026-01-06"
CANARY = "canary-7f3a9b"
_RUN = (
    "import os; from lakehouse_assets.pipeline.lake import open_lake;"
    "from lakehouse_assets.settings import load_settings;"
    "from lakehouse_assets.pipeline.run import materialise; from lakehouse_assets.naming import TableName;"
    f"list(materialise(open_lake(load_settings(os.environ)), TableName.parse('{ORDERS}'), ['{DAY}'], run_id='killed'))"
)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api(orders(9))) as served:
        yield served


def pages(lake: Lake) -> list[str]:
    return lake.objects_of(ORDERS).names(PAGES_FOLDER)


def down(*_: object) -> Told:
    return Told(status=503)


def test_a_killed_extraction_goes_on_where_it_was_and_ends_the_same(api: Api, tmp_path: Path) -> None:
    killed, undisturbed = api_lake(tmp_path / "killed", api.url), api_lake(tmp_path / "other", api.url)
    (expected,) = run(undisturbed, ORDERS, DAY).values()
    victims: list[subprocess.Popen[bytes]] = []

    def strike(served: Api, asked: Asked) -> Told:
        victims[0].send_signal(signal.SIGKILL)
        victims[0].wait()
        return served.list(asked)

    asked_before = len(api.asked)
    api.faults[asked_before + 4] = strike
    victims.append(subprocess.Popen([sys.executable, "-c", _RUN], env=os.environ | environment(tmp_path / "killed")))
    assert victims[0].wait() == -signal.SIGKILL
    kept = len(pages(killed))

    (found,) = run(killed, ORDERS, DAY).values()

    assert kept == 3
    assert found.record.content_hash == expected.record.content_hash
    assert [one.query.get("cursor") for one in api.asked[asked_before:]] == [None, "2", "4", "6", "6", "8"]
    assert pages(killed) == []


def test_a_run_that_failed_goes_on_where_it_was(api: Api, tmp_path: Path) -> None:
    lake = api_lake(tmp_path, api.url)
    api.faults = dict.fromkeys((3, 4, 5), down)

    first, second = run(lake, ORDERS, DAY), run(lake, ORDERS, DAY)

    assert (statuses(first), statuses(second)) == ({DAY: "blocked"}, {DAY: "published"})
    assert len(api.asked) == 2 + 3 + 3


def test_pages_that_do_not_agree_are_asked_for_again(api: Api, tmp_path: Path) -> None:
    lake = api_lake(tmp_path, api.url)
    api.total = 8
    run(lake, ORDERS, DAY)
    api.total = None

    assert statuses(run(lake, ORDERS, DAY)) == {DAY: "published"}
    assert len(api.asked) == 5 + 5


def test_a_second_run_asks_again_and_changes_nothing(api: Api, tmp_path: Path) -> None:
    lake = api_lake(tmp_path, api.url)

    first, second = run(lake, ORDERS, DAY), run(lake, ORDERS, DAY)

    assert (statuses(first), statuses(second)) == ({DAY: "published"}, {DAY: "unchanged"})
    assert len(api.asked) == 10


def test_a_source_that_is_down_is_an_incident_and_is_not_asked_on_and_on(api: Api, tmp_path: Path) -> None:
    lake = api_lake(tmp_path, api.url, policy="touchy")
    api.answer = down

    found = run(lake, ORDERS, DAY, NEXT)
    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            incidents = list_incidents(connection)

    reasons = {one.partition: one.record.results[0].reason for one in found.values()}
    assert "unavailable: " in reasons[DAY]
    assert "circuit_open: webshop failed 2 times in a row" in reasons[NEXT]
    assert "lakehouse source circuit reset webshop" in reasons[NEXT]
    assert len(api.asked) == 2
    assert [(one.rule_id, one.failing_partitions, one.failure_class) for one in incidents] == [
        ("arrival", 2, "connection")
    ]


def test_an_open_circuit_is_seen_and_closed_from_the_command_line(api: Api, tmp_path: Path) -> None:
    lake = api_lake(tmp_path, api.url, policy="touchy")
    api.answer = down
    run(lake, ORDERS, DAY)
    api.answer = None

    shown = lakehouse(tmp_path, "source", "circuit", "show")
    closed = lakehouse(tmp_path, "source", "circuit", "reset", "webshop")
    again = lakehouse(tmp_path, "source", "circuit", "reset", "webshop")

    assert "webshop" in shown.stdout
    assert "open" in shown.stdout
    assert (closed.exit_code, again.exit_code) == (0, 1)
    assert statuses(run(lake, ORDERS, DAY)) == {DAY: "published"}


def lakehouse(folder: Path, *words: str) -> Result:
    return CliRunner(env=environment(folder)).invoke(build_app(), words)


@pytest.mark.parametrize(
    ("on_error", "expected"), [("fail-fast", PassingSourceError), ("retry", PassingSourceError), ("dead-letter", None)]
)
def test_what_a_fault_that_passes_ends_in_is_what_the_source_says(
    on_error: str, expected: type[SourceError] | None, api: Api, tmp_path: Path
) -> None:
    lake = api_lake(tmp_path, api.url, on_error=on_error)
    api.answer = down

    if expected is None:
        assert statuses(run(lake, ORDERS, DAY)) == {DAY: "blocked"}
    else:
        with pytest.raises(expected):
            run(lake, ORDERS, DAY)
    assert len(api.asked) == (1 if on_error == "fail-fast" else 3)


@pytest.mark.parametrize(("on_error", "kept"), [("dead-letter", 1), ("skip-and-alert", 0), ("retry", 1)])
def test_what_could_not_be_read_is_kept_unless_the_source_says_otherwise(
    on_error: str, kept: int, api: Api, tmp_path: Path
) -> None:
    lake = api_lake(tmp_path, api.url, on_error=on_error)
    api.answer = lambda *_: as_json({"error": "no"})

    found = run(lake, ORDERS, DAY, NEXT)

    assert statuses(found) == {DAY: "blocked", NEXT: "blocked"}
    letters = (
        list(Path(lake.root, "dead_letters").rglob("*.parquet")) if Path(lake.root, "dead_letters").exists() else []
    )
    assert bool(letters) == bool(kept)


def test_a_check_says_what_came_and_lands_nothing(api: Api, tmp_path: Path) -> None:
    lake = api_lake(tmp_path, api.url)
    api.records[0]["coupon"] = "x"

    told = lakehouse(tmp_path, "source", "check", "webshop", "--partition", DAY)

    assert told.exit_code == 0, told.exception
    assert "bronze/webshop/orders of 2026-01-05: 2 rows" in told.stdout
    assert "added: coupon" in told.stdout
    assert "9.99" in told.stdout
    assert "no row has a value of note" in told.stdout
    assert lake.open(ORDERS) is None


def test_a_check_fails_with_the_reason_when_a_source_cannot_be_read(api: Api, tmp_path: Path) -> None:
    api_lake(tmp_path, api.url)
    api.answer = lambda *_: Told(status=403)

    told = lakehouse(tmp_path, "source", "check", "webshop")

    assert told.exit_code == 1
    assert "permission: " in told.stdout
    assert "1 of 1 tables cannot be read" in str(told.exception)


def test_a_secret_is_nowhere_to_be_found(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", CANARY)
    caplog.set_level("DEBUG")
    lake = api_lake(tmp_path, api.url, connection='auth: bearer, token: "${SHOP_TOKEN}"', policy="touchy")
    echoed = as_json({"error": f"not for Bearer {CANARY}"})
    api.faults = {1: lambda *_: Told(status=401), 6: lambda *_: echoed, 7: down, 8: down}

    for _ in range(3):
        run(lake, ORDERS, DAY, NEXT)
        with store_of(lake) as store:
            absorb(lake, store)
            with store.transaction() as connection:
                reset_circuit(connection, "webshop", at=datetime.now(UTC))

    everything = b"".join(file.read_bytes() for file in Path(lake.root).rglob("*") if file.is_file())
    texts = [text for _, text in unpacked(lake)]
    assert api.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY.encode() not in everything
    assert not any(CANARY in text for text in texts)
    assert CANARY not in caplog.text
    assert rows_of(lake, ORDERS).height == 18


def unpacked(lake: Lake) -> Iterator[tuple[str, str]]:
    """Yield everything that is kept compressed: records, pages, and the bytes of dead letters."""
    import polars as pl  # noqa: PLC0415
    import zstandard  # noqa: PLC0415

    for file in Path(lake.root).rglob("*"):
        if file.suffix == ".zst":
            yield file.name, zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes()).decode()
        elif file.suffix == ".parquet":
            yield file.name, str(pl.read_parquet(file).rows())
