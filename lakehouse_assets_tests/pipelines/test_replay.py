"""What extracting a partition again does, for each meaning a source may give to it: exact, state, snapshot."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.naming import META_FOLDER
from lakehouse_assets.pipeline.intent import Difference, Intent
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import BLOCKED, PUBLISHED, UNCHANGED
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.lakes import DAY, NEXT, RAW, deliver, order, rows_of, run, shop_lake, statuses, stored
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.repository import SCRIPTS
from lakehouse_assets_tests.repository import run as command

pytestmark = pytest.mark.integration

LakeOf = Callable[[str], Lake]


@pytest.fixture
def lake_of(tmp_path: Path) -> LakeOf:
    return lambda meaning: shop_lake(tmp_path, source_also=f"replay: {meaning}\n")


def landed(lake: Lake, day: str = DAY) -> dict[str, str]:
    """Return the amount of every row of a day by its record number, as readers see it."""
    rows = rows_of(lake, RAW).filter(_proc_date=datetime.fromisoformat(day).date())
    return {row_id.rsplit("#")[-1].lstrip("0"): amount for row_id, amount in rows.select("_row_id", "amount").rows()}


def ask_again(lake: Lake, *days: str) -> dict[str, Difference]:
    """Run days, the first one unless others are named, with `re_extract` and return what was said about each."""
    told: list[Difference] = []
    list(materialise(lake, RAW, days or [DAY], run_id="again", intent=Intent(re_extract=True, tell=told.append)))
    return {difference.partition: difference for difference in told}


def amounts(*values: int) -> list[list[str]]:
    return [order(number, amount=value) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        ("exact", {"1": "10", "2": "99"}),
        ("state", {"1": "10", "2": "99", "3": "30"}),
        ("snapshot", {"1": "10", "2": "20", "3": "30"}),
    ],
)
def test_a_shorter_and_corrected_file_means_what_its_source_says(
    meaning: str, expected: Mapping[str, str], lake_of: LakeOf
) -> None:
    lake = lake_of(meaning)
    deliver(lake, DAY, amounts(10, 20, 30))
    run(lake, RAW, DAY)
    deliver(lake, DAY, amounts(10, 99))

    run(lake, RAW, DAY)

    assert landed(lake) == expected


@pytest.mark.parametrize("meaning", ["exact", "state", "snapshot"])
def test_extracting_the_same_again_makes_no_commit(meaning: str, lake_of: LakeOf) -> None:
    lake = lake_of(meaning)
    deliver(lake, DAY, amounts(10, 20))
    deliver(lake, NEXT, [])
    run(lake, RAW, DAY, NEXT)
    before = stored(Path(lake.root))

    again = run(lake, RAW, DAY, NEXT)

    assert statuses(again) == {DAY: UNCHANGED, NEXT: UNCHANGED}
    assert stored(Path(lake.root)) == before


@pytest.mark.parametrize("meaning", ["exact", "state", "snapshot"])
def test_asked_for_by_hand_the_source_replaces_what_landed_and_the_difference_is_told(
    meaning: str, lake_of: LakeOf
) -> None:
    lake = lake_of(meaning)
    deliver(lake, DAY, amounts(10, 20, 30))
    run(lake, RAW, DAY)
    deliver(lake, DAY, amounts(10, 99))
    run(lake, RAW, DAY)
    was = sorted(landed(lake))
    deliver(lake, DAY, [order(0, amount=11)])

    [difference] = ask_again(lake).values()

    assert landed(lake) == {"1": "11"}
    assert (difference.added.rows, difference.changed.rows, difference.withdrawn.rows) == (0, 1, len(was) - 1)
    assert difference.changed.ids == (f"{DAY}.csv#000000001",)
    assert difference.withdrawn.ids == tuple(f"{DAY}.csv#{number:>09}" for number in was[1:])


def test_a_union_and_its_replacement_are_the_same_wherever_the_lake_lies(tmp_path: Path, place: Place) -> None:
    lake = shop_lake(tmp_path, source_also="replay: state\n", environ=place.environ)
    deliver(lake, DAY, amounts(10, 20, 30))
    run(lake, RAW, DAY)
    deliver(lake, DAY, amounts(10, 99))

    run(lake, RAW, DAY)
    joined = landed(lake)
    [difference] = ask_again(lake).values()

    assert joined == {"1": "10", "2": "99", "3": "30"}
    assert difference.withdrawn.ids == (f"{DAY}.csv#000000003",)
    assert landed(lake) == {"1": "10", "2": "99"}


def test_a_day_that_is_empty_now_is_told_as_withdrawn_whole(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    deliver(lake, DAY, amounts(10, 20))
    run(lake, RAW, DAY)
    deliver(lake, DAY, [])

    [difference] = ask_again(lake).values()

    assert difference.withdrawn.rows == 2
    assert landed(lake) == {}


def test_days_that_are_asked_for_together_are_told_each_for_itself(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    deliver(lake, DAY, amounts(10, 20))
    deliver(lake, NEXT, amounts(30, 40, 50))
    run(lake, RAW, DAY, NEXT)
    deliver(lake, DAY, amounts(10, 99))
    deliver(lake, NEXT, amounts(30))

    told = ask_again(lake, DAY, NEXT)

    counted = {day: (one.added.rows, one.changed.rows, one.withdrawn.rows) for day, one in told.items()}
    assert counted == {DAY: (0, 1, 0), NEXT: (0, 0, 2)}
    assert (landed(lake), landed(lake, NEXT)) == ({"1": "10", "2": "99"}, {"1": "30"})


def test_nothing_is_replaced_when_telling_fails(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    deliver(lake, DAY, amounts(10, 20))
    run(lake, RAW, DAY)
    before = stored(Path(lake.root))
    deliver(lake, DAY, amounts(10))

    def refuse(difference: Difference) -> None:
        raise InterruptedError(difference.partition)

    with pytest.raises(InterruptedError):
        list(materialise(lake, RAW, [DAY], run_id="again", intent=Intent(re_extract=True, tell=refuse)))

    assert stored(Path(lake.root)) == before


def test_a_rejected_extraction_keeps_what_landed(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    file = deliver(lake, DAY, amounts(10, 20))
    run(lake, RAW, DAY)
    file.unlink()

    again = run(lake, RAW, DAY)

    assert statuses(again) == {DAY: BLOCKED}
    assert landed(lake) == {"1": "10", "2": "20"}


def test_a_past_snapshot_is_not_even_looked_at_again(lake_of: LakeOf) -> None:
    lake = lake_of("snapshot")
    file = deliver(lake, DAY, amounts(10))
    run(lake, RAW, DAY)
    file.unlink()

    again = run(lake, RAW, DAY)

    assert statuses(again) == {DAY: UNCHANGED}


def test_a_past_snapshot_is_judged_by_todays_rules_and_keeps_what_was_said_about_its_arrival(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="replay: snapshot\n")
    deliver(lake, DAY, amounts(10)).rename(tmp_path / f"drop/{DAY}-a.csv")
    deliver(lake, DAY, amounts(10))
    run(lake, RAW, DAY)
    before = served(lake, RAW)[DAY].of
    file = tmp_path / "config/sources/shop.yaml"
    file.write_text(file.read_text().replace("minRows: 0", "minRows: 1"), encoding="utf-8")
    lake = open_lake(load_settings({"LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_RUN_LOG": "off"}, tmp_path / "config"))

    again = run(lake, RAW, DAY)

    after = served(lake, RAW)[DAY].of
    assert statuses(again) == {DAY: PUBLISHED}
    assert len(before.objects) == 2
    assert (after.objects, after.measures, after.ledger) == (before.objects, before.measures, before.ledger)


def test_of_many_rows_the_first_ids_are_listed_and_all_are_counted(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    deliver(lake, DAY, amounts(*range(30)))
    run(lake, RAW, DAY)
    deliver(lake, DAY, [])

    [difference] = ask_again(lake).values()

    assert difference.withdrawn.rows == 30
    assert difference.withdrawn.ids == tuple(f"{DAY}.csv#{number:09}" for number in range(1, 21))


def test_every_changed_row_is_told_whichever_of_its_hashes_is_greater(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    deliver(lake, DAY, amounts(*range(30)))
    run(lake, RAW, DAY)
    deliver(lake, DAY, amounts(*range(1, 31)))

    [difference] = ask_again(lake).values()

    assert (difference.changed.rows, difference.added.rows, difference.withdrawn.rows) == (30, 0, 0)


def test_a_past_snapshot_whose_record_is_damaged_is_published_as_it_landed(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="replay: snapshot\n")
    deliver(lake, DAY, amounts(10, 20))
    run(lake, RAW, DAY)
    for path in (Path(lake.root_of(RAW)) / META_FOLDER).glob("*.zst"):
        path.write_bytes(b"not what was written")
    deliver(lake, DAY, amounts(99))

    run(lake, RAW, DAY)

    assert landed(lake) == {"1": "10", "2": "20"}


def test_the_open_day_of_a_snapshot_is_extracted_as_often_as_it_runs(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="replay: snapshot\n")
    file = tmp_path / "config/sources/shop.yaml"
    file.write_text(file.read_text().replace(', ends: "2010-12-31"', ""), encoding="utf-8")
    lake = open_lake(load_settings({"LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_RUN_LOG": "off"}, tmp_path / "config"))
    today = datetime.now(UTC).date().isoformat()
    deliver(lake, today, amounts(10))
    run(lake, RAW, today)
    deliver(lake, today, amounts(20))

    again = run(lake, RAW, today)

    assert statuses(again) == {today: PUBLISHED}
    assert landed(lake, today) == {"1": "20"}


def test_rows_kept_of_a_state_source_keep_the_columns_they_landed_with(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, unknown="evolve", source_also="replay: state\n")
    header = ("order_id", "customer", "amount", "changed_at", "note", "colour")
    deliver(lake, DAY, [[*order(1), "red"], [*order(2), "blue"]], header=header)
    run(lake, RAW, DAY)
    deliver(lake, DAY, [order(1)])

    run(lake, RAW, DAY)

    rows = dict(rows_of(lake, RAW).select("order_id", "colour").rows())
    assert rows == {"1": None, "2": "blue"}


def test_the_ledger_of_a_union_balances_and_says_what_was_read_from_the_source(lake_of: LakeOf) -> None:
    lake = lake_of("state")
    deliver(lake, DAY, amounts(10, 20, 30))
    run(lake, RAW, DAY)
    deliver(lake, DAY, amounts(11))

    run(lake, RAW, DAY)

    of = served(lake, RAW)[DAY].of
    assert of.ledger.is_balanced
    assert (of.ledger.read, of.ledger.published, of.measures["rows"]) == (3, 3, 1)


DELIVERIES = st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=5)


@settings(max_examples=15)
@given(deliveries=DELIVERIES)
def test_a_state_source_holds_the_newest_word_on_every_row_it_ever_delivered(
    deliveries: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = shop_lake(tmp_path_factory.mktemp("state"), source_also="replay: state\n")
    newest: dict[str, str] = {}

    for values in deliveries:
        deliver(lake, DAY, amounts(*values))
        run(lake, RAW, DAY)
        newest |= {str(number): str(value) for number, value in enumerate(values, 1)}

    assert landed(lake) == newest


def test_the_command_prints_the_difference_before_it_replaces(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="replay: state\n")
    environ = {**os.environ, "LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "config")}
    deliver(lake, DAY, amounts(10, 20))
    run(lake, RAW, DAY)
    deliver(lake, DAY, [order(0, note="confidential")])

    said = command(SCRIPTS / "lakehouse", "run", str(RAW), "-p", DAY, "--re-extract", "--json", env=environ)

    assert said.returncode == 0, said.stderr
    assert f"{DAY}: 1 rows withdrawn: {DAY}.csv#000000002" in said.stderr
    assert f"{DAY}: 1 rows changed: {DAY}.csv#000000001" in said.stderr
    assert "confidential" not in said.stderr + said.stdout
    [result] = json.loads(said.stdout)
    assert result["difference"]["withdrawn"] == {"rows": 1, "ids": [f"{DAY}.csv#000000002"]}


def test_a_dry_run_prints_the_difference_and_replaces_nothing(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="replay: snapshot\n")
    environ = {**os.environ, "LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "config")}
    deliver(lake, DAY, amounts(10, 20))
    run(lake, RAW, DAY)
    before = stored(Path(lake.root))
    deliver(lake, DAY, amounts(10))

    said = command(SCRIPTS / "lakehouse", "run", str(RAW), "-p", DAY, "--re-extract", "--dry-run", env=environ)
    plain = command(SCRIPTS / "lakehouse", "run", str(RAW), "-p", DAY, env=environ)

    assert f"{DAY}: 1 rows withdrawn: {DAY}.csv#000000002" in said.stderr
    assert "the source was not asked (replay: snapshot); --re-extract replaces them." in plain.stderr
    assert stored(Path(lake.root)) == before


def test_only_bronze_is_extracted(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    environ = {**os.environ, "LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "config")}

    said = command(SCRIPTS / "lakehouse", "run", "silver/orders", "-p", DAY, "--re-extract", env=environ)

    assert said.returncode == 1
    assert "silver/orders is not extracted from a source" in said.stderr
