"""`lakehouse profile`: a run is rehearsed and accounted for stage by stage; the lake stays byte for byte as it was."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakehouse_assets.cli.main import main
from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import EngineStage
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.profiling.rehearsal import Profile, profile
from lakehouse_assets_tests.customers import CURRENT, customers_lake
from lakehouse_assets_tests.lakes import DAY, ORDERS, RAW, run, variables_of
from lakehouse_assets_tests.three_days import everything, three_days


def profiled(lake: Lake, table: TableName = ORDERS) -> Profile:
    (one,) = profile(lake, table, [DAY])
    return one


def seconds_by_depth(one: Profile) -> Mapping[int, float]:
    return {depth: sum(lap.seconds for lap in one.laps if lap.depth == depth) for depth in (0, 1)}


def test_a_profile_leaves_the_lake_as_it_was(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    before = everything(lake)

    one = profiled(lake)

    assert everything(lake) == before
    assert not Path(lake.root, ".rehearsals").exists()
    assert one.outcome == "published"


def test_a_profile_counts_what_a_run_counts(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    real = run(lake, ORDERS, DAY)[DAY].record.ledger

    one = profiled(lake)

    assert one.ledger == real
    assert one.rows_read == real.read
    bronze = lake.open(RAW)
    assert bronze is not None
    assert one.bytes_read == sum(Path(bronze.root, file.path).stat().st_size for file in bronze.files_of([DAY]))


def test_stages_are_told_in_their_order_and_what_is_inside_is_no_longer_than_the_whole(tmp_path: Path) -> None:
    one = profiled(three_days(tmp_path))

    assert [lap.name for lap in one.laps if not lap.depth] == ["open and pin", "compute", "publish"]
    inside = [lap.name for lap in one.laps if lap.depth]
    assert inside.index("audit") < inside.index("write record") < inside.index("commit table")
    assert "read, parse, judge, hash, write" in inside
    assert seconds_by_depth(one)[1] <= seconds_by_depth(one)[0]
    assert all(lap.peak_bytes > 0 for lap in one.laps)
    assert [lap.name for lap in one.alone] == ["read and decode", "read, parse, judge, hash"]


def test_bronze_is_profiled_from_its_source(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    before = everything(lake)

    one = profiled(lake, RAW)

    assert one.ledger.published == one.ledger.read > 0
    assert everything(lake) == before


class Accounting(PolarsEngine):
    """An engine that knows its stages, as Spark does."""

    def last_stages(self) -> list[EngineStage]:
        return [EngineStage("shuffle", 0.5, tasks=2)]


def test_an_engine_that_knows_its_stages_is_asked_for_them(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    accounting = Lake(lake.root, lake.catalog, lake.settings, Accounting())

    assert EngineStage("shuffle", 0.5, tasks=2) in profiled(accounting).engine_stages


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Typed":
    return Typed(monkeypatch, capsys)


class Typed:
    """The command as somebody types it: how it ends and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, lake: Lake, *words: str) -> tuple[int, str, str]:
        for name, value in variables_of(lake).items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.setattr(sys, "argv", ["lakehouse", "profile", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(str(ended.value.code or 0)), *self.capsys.readouterr())


def test_the_command_prints_json_for_machines(tmp_path: Path, typed: Typed) -> None:
    code, out, _ = typed(three_days(tmp_path), str(ORDERS), "--partition", DAY, "--json")

    (told,) = json.loads(out)
    assert (code, told["table"], told["partition"], told["engine"]) == (0, str(ORDERS), DAY, "polars")
    assert {"name", "seconds", "cpu_seconds", "peak_bytes"} <= set(told["laps"][0])


def test_the_command_prints_a_table_for_people(tmp_path: Path, typed: Typed) -> None:
    code, out, _ = typed(three_days(tmp_path), str(ORDERS), "--partition", DAY)

    assert code == 0
    for words in ("commit table", "peak MiB", "read and decode", "Nothing was published."):
        assert words in out


def test_a_partition_has_to_be_named_where_there_are_several(tmp_path: Path, typed: Typed) -> None:
    code, _, err = typed(three_days(tmp_path), str(ORDERS))

    assert code == 1
    assert "--partition" in err


def test_a_table_whose_cost_depends_on_its_past_has_no_rehearsal(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    with pytest.raises(LakehouseError, match="no rehearsal"):
        profile(lake, CURRENT, ["0"])
