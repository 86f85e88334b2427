"""Work under a lease: one at a time, taken over from the dead, and done anyway when nobody keeps the leases."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lakehouse_assets.errors import LeaseHeldError
from lakehouse_assets.pipeline.absorb import store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.state import schema
from lakehouse_assets_tests.lakes import retail_environment, shop_lake
from lakehouse_assets_tests.repository import ROOT

NAME = "derive silver/customers"
_DEADLINE = 20.0

_HOLDER = """
import os, sys
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.settings import load_settings
with held(open_lake(load_settings(os.environ)), sys.argv[1], seconds=float(sys.argv[2])) as lease:
    print(lease.fence, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    return shop_lake(tmp_path)


def holder(lake: Lake, seconds: float) -> subprocess.Popen[str]:
    """Start another process that holds the lease until it is told or killed."""
    folder = Path(lake.root).parent
    environment = retail_environment(lake.root, folder, LAKEHOUSE_CONFIG_DIR=str(folder / "config"))
    command = [sys.executable, "-c", _HOLDER, NAME, str(seconds)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, text=True, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    return process


def test_a_second_holder_is_told_who_works(shop: Lake) -> None:
    with held(shop, NAME) as lease, pytest.raises(LeaseHeldError, match=lease.holder), held(shop, NAME):
        pass


def test_a_lease_is_free_when_its_block_ends(shop: Lake) -> None:
    with held(shop, NAME) as first:
        pass
    with held(shop, NAME) as second:
        pass

    assert (first.fence, second.fence) == (1, 2)


def test_leases_of_other_names_do_not_meet(shop: Lake) -> None:
    with held(shop, NAME), held(shop, "derive silver/products") as other:
        assert other.fence == 1


def test_a_lease_is_renewed_for_as_long_as_the_work_takes(shop: Lake) -> None:
    process = holder(shop, seconds=0.6)
    try:
        with pytest.raises(LeaseHeldError), held(shop, NAME, wait_seconds=2.0):
            pass
    finally:
        process.communicate("\n")


def test_the_lease_of_a_killed_process_is_taken_over_with_a_greater_fence(shop: Lake) -> None:
    process = holder(shop, seconds=1.0)
    process.kill()
    process.communicate()

    with held(shop, NAME, wait_seconds=_DEADLINE) as lease:
        assert lease.fence == 2


def test_a_holder_learns_that_it_was_overtaken(shop: Lake) -> None:
    with held(shop, NAME, seconds=0.3) as lease:
        with store_of(shop) as store, store.transaction() as connection:
            connection.execute(schema.leases.update().values(holder="other", fence=2))
        with pytest.raises(LeaseHeldError), held(shop, NAME):
            pass
        lost = lease.lost.wait(_DEADLINE)

    assert (lost, lease.is_lost) == (True, True)


def test_a_store_out_of_reach_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("no database")
    lake = shop_lake(tmp_path, environ={"LAKEHOUSE_STATE_URL": f"sqlite:///{blocked}"})

    with caplog.at_level(logging.WARNING), held(lake, NAME) as lease:
        assert (lease.fence, lease.is_lost) == (None, False)

    assert "working without the lease" in caplog.text


def test_a_store_that_goes_away_meanwhile_does_not_stop_the_work(shop: Lake, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), held(shop, NAME, seconds=0.3) as lease:
        with store_of(shop) as store, store.transaction() as connection:
            schema.leases.drop(connection)
        heard = threading.Event()
        for _ in range(200):
            if "working without" in caplog.text:
                break
            heard.wait(0.1)

    assert not lease.is_lost
    assert "working without the lease" in caplog.text
