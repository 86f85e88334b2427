"""`lakehouse rollback` as typed: what it prints, what it refuses, and going on after a lost commit."""

import json
import sys
from pathlib import Path

import pytest

from lakehouse_assets.cli.main import main
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.intent import Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets_tests.lakes import (
    DAY,
    ORDERS,
    RAW,
    deliver,
    order,
    refresh,
    rows_of,
    run,
    shop_lake,
    variables_of,
)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    lake = shop_lake(tmp_path)
    for name, value in variables_of(lake).items():
        monkeypatch.setenv(name, value)
    for numbers in ((1, 2), (3,)):
        deliver(lake, DAY, [order(number) for number in numbers])
        refresh(lake, DAY)
    return lake


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Typed":
    return Typed(monkeypatch, capsys)


class Typed:
    """A command line: what it says and how it ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        self.monkeypatch.setattr(sys, "argv", ["lakehouse", "rollback", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(str(ended.value.code)), out + err


def test_without_a_version_it_lists_them(lake: Lake, typed: Typed) -> None:
    del lake
    code, said = typed("silver/orders", "--json")

    assert (code, [one["version"] for one in json.loads(said)]) == (0, [2, 1, 0])


def test_a_dry_run_says_what_would_change_and_changes_nothing(lake: Lake, typed: Typed) -> None:
    code, said = typed("silver/orders", "--to-version", "1", "--dry-run")

    assert (code, rows_of(lake, ORDERS).height) == (0, 1)
    assert "Dry run: 1 partition would change; nothing was written." in said


def test_it_says_how_it_is_undone(lake: Lake, typed: Typed) -> None:
    code, said = typed("silver/orders", "--to-version", "1")

    assert (code, rows_of(lake, ORDERS).height) == (0, 2)
    assert "1 partition changed; `--to-version 2` undoes it." in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["silver/orders", "--to-version", "9"], "there is no version 9; the newest is 2"),
        (["silver/orders", "--to-version", "2"], "holds exactly what is served now"),
        (["silver/nothing", "--to-version", "1"], "there is no table 'silver/nothing'"),
        (["silver/nothing", "--accept-loss"], "there is no table 'silver/nothing'"),
        (["silver/orders", "--accept-loss", "--to-version", "1"], "--accept-loss stands alone"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(lake: Lake, typed: Typed, words: list[str], sentence: str) -> None:
    del lake
    code, said = typed(*words)

    assert (code, sentence in said) == (1, True)


def test_a_loss_is_accepted_and_the_next_run_goes_on(lake: Lake, typed: Typed) -> None:
    Path(lake.root_of(ORDERS), "_delta_log", f"{2:020}.json").unlink()

    code, said = typed("silver/orders", "--accept-loss")
    run(lake, ORDERS, DAY)

    assert (code, rows_of(lake, ORDERS)["order_id"].to_list()) == (0, ["3"])
    assert "version 2 was published and is lost; going on from version 1." in said


def test_nothing_is_lost_where_nothing_is_lost(lake: Lake, typed: Typed) -> None:
    del lake
    assert typed("silver/orders", "--accept-loss") == (0, "silver/orders: nothing is lost.\n")


def test_a_table_that_is_appended_once_is_not_extracted_again(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="    load: append_once\n")
    deliver(lake, DAY, [order(1)])

    with pytest.raises(LakehouseError, match="is never replaced"):
        list(materialise(lake, RAW, [DAY], run_id="x", intent=Intent(re_extract=True)))
