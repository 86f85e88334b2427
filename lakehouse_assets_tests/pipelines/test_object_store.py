"""The whole chain with its lake in an object store: the content it has on a disk, and the same guarantees."""

import os
import sys
from pathlib import Path

import pytest

from lakehouse_assets.cli.main import main
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import blocked
from lakehouse_assets_tests.lakes import (
    DAY,
    ORDERS,
    RAW,
    deliver,
    order,
    orders_contract,
    refresh,
    retail_environment,
    retail_lake,
    rows_of,
    run,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.places import Place, S3Server, bucket_name, options_of
from lakehouse_assets_tests.retail_files import DAYS, write_days
from lakehouse_assets_tests.soak.chain import CHAIN, SILVER, run_chain
from lakehouse_assets_tests.soak.kills import hashes

pytestmark = pytest.mark.integration


@pytest.fixture(params=["moto", pytest.param("versitygw", marks=pytest.mark.versitygw)])
def bucket(request: pytest.FixtureRequest) -> Place:
    """Return a root in each of the S3 servers."""
    server: S3Server = request.getfixturevalue(request.param)
    return server.place(bucket_name(request.node.nodeid))


def files_of(lake: Lake) -> dict[str, list[str]]:
    """Return the versions and active files of every table of the chain."""
    opened = {str(table): lake.open(table) for table in CHAIN}
    return {name: [str(one.version), *(file.path for file in one.files)] for name, one in opened.items() if one}


def test_the_chain_has_the_content_it_has_on_a_disk_and_a_second_run_changes_nothing(
    bucket: Place, tmp_path: Path
) -> None:
    write_days(tmp_path / "drop", 200, DAYS[:2])
    disk = retail_lake(tmp_path / "lake", tmp_path / "drop")
    run_chain(disk, DAYS[:2])
    lake = retail_lake(bucket.root, tmp_path / "drop", **bucket.environ)

    run_chain(lake, DAYS[:2])
    first = files_of(lake)
    run_chain(lake, DAYS[:2])

    assert hashes(lake) == hashes(disk)
    assert files_of(lake) == first
    assert not (tmp_path / "s3:").exists()


def test_a_blocked_day_keeps_serving_and_recovers(place: Place, tmp_path: Path) -> None:
    gate = "{maxQuarantineRatio: 0.2, emptyPartition: allow}"
    lake = shop_lake(tmp_path, orders_contract(gate=gate), environ=place.environ)
    good = [order(number) for number in range(4)]
    deliver(lake, DAY, good)
    refresh(lake, DAY)
    deliver(lake, DAY, [*good, order(5, amount="x"), order(6, amount="y")])

    failed = refresh(lake, DAY)
    assert (statuses(failed), rows_of(lake, ORDERS).height) == ({DAY: "blocked"}, 4)
    assert blocked(lake, ORDERS)[DAY].of.ledger.quarantined == 2

    deliver(lake, DAY, good)
    assert statuses(refresh(lake, DAY)) == {DAY: "unchanged"}
    assert blocked(lake, ORDERS) == {}


def test_an_empty_day_and_a_refused_file_reach_the_store(place: Place, tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, environ=place.environ)
    deliver(lake, DAY, [])
    empty = refresh(lake, DAY)
    deliver(lake, DAY, [], header=["something", "else"])

    refused = run(lake, RAW, DAY)

    assert (statuses(empty), statuses(refused)) == ({DAY: "published"}, {DAY: "blocked"})
    table = lake.open(RAW)
    assert table is not None
    assert table.partitions == (DAY,)


def test_a_store_that_does_not_answer_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = retail_environment(
        "", tmp_path, **Place("s3://bucket/lake", options_of("http://127.0.0.1:1")).environ
    )
    for name, value in environment.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["lakehouse", "hash", str(SILVER)])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith(f"s3://bucket/lake/{SILVER}")
    assert ": storage failed: " in said
    assert "Check space, permissions and the endpoint" in said
