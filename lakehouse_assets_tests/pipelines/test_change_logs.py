"""The change log of an entity: every version stays, deletions are told, and order and repetition decide nothing."""

import itertools
from pathlib import Path

import pytest

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.frame import publish_frame
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import Ledger, Outcome, PartitionResult
from lakehouse_assets_tests.customers import CHANGES, COLUMNS, CURRENT, LOAD, bring, change, customers_lake, gone
from lakehouse_assets_tests.lakes import DAY, NEXT, rows_of, run, statuses

EARLY, NOON, LATE = (f"{DAY} {hour}:00:00" for hour in ("08", "12", "20"))


def log(lake: Lake) -> list[tuple[str, str, str, bool]]:
    """Return key, time, city and whether it is a deletion, of every published change."""
    rows = rows_of(lake, CHANGES)
    times = rows["changed_at"].dt.strftime("%H")
    return sorted(zip(rows["id"], times, rows["city"].fill_null(""), rows["_deleted"], strict=True))


def refused(lake: Lake) -> dict[str, list[str]]:
    """Return the rules that each quarantined record broke, by record number."""
    rows = served_quarantine(lake, CHANGES)
    found = lake.engine.collect(rows).sort("_row_id") if rows is not None else None
    if found is None:
        return {}
    told = zip(found["_row_id"], found["reasons"].to_list(), strict=True)
    return {row_id.rsplit("#")[-1].lstrip("0"): [reason["rule_id"] for reason in reasons] for row_id, reasons in told}


def ledger(results: dict[str, PartitionResult], day: str = DAY) -> Ledger:
    return results[day].record.ledger


def test_every_version_of_a_key_stays(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    counted = ledger(bring(lake, DAY, [change("c1", LATE, city="Bonn"), change("c1", EARLY), change("c2", NOON)]))

    assert counted == Ledger(read=3, published=3)
    assert log(lake) == [("c1", "08", "Ulm", False), ("c1", "20", "Bonn", False), ("c2", "12", "Ulm", False)]


def test_a_deletion_is_marked_and_needs_nothing_but_key_and_time(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    counted = ledger(bring(lake, DAY, [change("c1", EARLY), gone("c1", NOON)]))

    assert counted == Ledger(read=2, published=2)
    assert log(lake) == [("c1", "08", "Ulm", False), ("c1", "12", "", True)]


def test_a_deletion_without_a_usable_key_or_time_is_refused(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    counted = ledger(bring(lake, DAY, [gone("", EARLY), gone("17", EARLY), gone("c1", ""), gone("c1", "noon")]))

    assert counted == Ledger(read=4, quarantined=4)
    assert refused(lake) == {
        "1": ["id.required"],
        "2": ["id.matches"],
        "3": ["changed_at.required"],
        "4": ["changed_at.parse"],
    }


def test_a_deletion_is_not_judged_by_what_it_carries_besides(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    counted = ledger(bring(lake, DAY, [change("c1", EARLY, op="D", points="many", name="")]))

    assert counted == Ledger(read=1, published=1)


def test_a_live_change_is_judged_by_every_rule(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    bring(lake, DAY, [change("c1", EARLY, points="many"), change("c2", EARLY, name=""), change("c3", EARLY, points=-1)])

    assert refused(lake) == {"1": ["points.parse"], "2": ["name.required"], "3": ["points.between"]}


def test_a_malformed_line_is_no_deletion(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    bring(lake, DAY, [["D", "c1", EARLY]])

    assert refused(lake) == {"1": ["well_formed"]}


@pytest.mark.parametrize(("values", "expected"), [("[D]", [False, True]), ("[D, U]", [True, True])])
def test_which_values_are_deletions_is_told_by_the_source(tmp_path: Path, values: str, expected: list[bool]) -> None:
    lake = customers_lake(tmp_path, deletes=f"{{column: op, values: {values}}}")

    bring(lake, DAY, [change("c1", EARLY), gone("c1", NOON)])

    assert [deleted for *_, deleted in log(lake)] == expected


def test_another_word_for_deletions_makes_a_new_version_of_the_log(tmp_path: Path) -> None:
    before = customers_lake(tmp_path)
    bring(before, DAY, [change("c1", EARLY)])
    served = content_of(before, CHANGES).hash

    after = customers_lake(tmp_path, deletes="{column: op, values: [D, U]}")

    assert statuses(run(after, CHANGES, DAY)) == {DAY: "published"}
    assert content_of(after, CHANGES).hash != served


def test_of_changes_that_claim_the_same_time_the_same_one_stays_in_every_order(tmp_path: Path) -> None:
    versions = [change("c1", NOON, city=city) for city in ("Bonn", "Ulm", "Kiel")]
    kept = set()
    for number, order in enumerate(itertools.permutations(versions)):
        lake = customers_lake(tmp_path / str(number))
        counted = ledger(bring(lake, DAY, [*order, change("c1", LATE)]))
        assert counted == Ledger(read=4, published=2, deduplicated=2)
        kept.add(content_of(lake, CHANGES).hash)

    assert len(kept) == 1


def test_a_bad_change_does_not_win_over_a_good_one_of_the_same_time(tmp_path: Path) -> None:
    for number, order in enumerate(itertools.permutations([change("c1", NOON), change("c1", NOON, points="x")])):
        lake = customers_lake(tmp_path / str(number))
        assert ledger(bring(lake, DAY, order)) == Ledger(read=2, published=1, quarantined=1)


def test_the_order_of_rows_and_files_decides_nothing(tmp_path: Path) -> None:
    rows = [
        change("c1", EARLY),
        change("c1", LATE, city="Bonn"),
        gone("c2", NOON),
        change("c2", EARLY),
        gone("c1", LATE),
    ]
    one, other = customers_lake(tmp_path / "one"), customers_lake(tmp_path / "other")

    bring(one, DAY, rows)
    bring(other, DAY, rows[3:][::-1], "_b")
    bring(other, DAY, rows[:3][::-1], "_a")

    assert content_of(one, CHANGES).hash == content_of(other, CHANGES).hash
    assert log(one) == log(other)


def test_a_file_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)
    rows = [change("c1", EARLY), gone("c2", NOON)]
    bring(lake, DAY, rows)
    before = content_of(lake, CHANGES)

    again = bring(lake, DAY, rows, "_again")

    assert statuses(again) == {DAY: "unchanged"}
    assert content_of(lake, CHANGES) == before


def test_a_file_that_comes_again_next_day_is_in_the_log_of_both_days(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    bring(lake, DAY, [change("c1", EARLY)])
    bring(lake, NEXT, [change("c1", EARLY)])

    assert log(lake) == [("c1", "08", "Ulm", False)] * 2


def test_identical_rows_are_one_change(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    assert ledger(bring(lake, DAY, [change("c1", EARLY)] * 3)) == Ledger(read=3, published=1, deduplicated=2)


def test_a_change_is_stored_with_the_hash_of_what_was_received(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)

    bring(lake, DAY, [change("c1", EARLY)])

    received = rows_of(lake, lake.contract(CHANGES).upstreams[0])["_raw_hash"].to_list()
    assert rows_of(lake, CHANGES)["_raw_hash"].to_list() == received
    assert rows_of(lake, CHANGES).columns == [
        "id",
        "changed_at",
        "name",
        "city",
        "points",
        "_deleted",
        "_row_id",
        "_raw_hash",
        "_proc_date",
    ]


def test_a_share_of_missing_values_is_counted_among_live_changes(tmp_path: Path) -> None:
    quality = "quality: [{id: cities_known, metric: nullValues, mustBe: 0}]"
    lake = customers_lake(tmp_path, columns=COLUMNS.replace("people.city]", f"people.city], {quality}"))

    fine = bring(lake, DAY, [change("c1", EARLY), gone("c2", NOON)])
    bad = bring(lake, NEXT, [change("c1", EARLY, city=""), gone("c2", NOON)])

    assert _outcome(fine[DAY], "cities_known") is Outcome.PASS
    assert _outcome(bad[NEXT], "cities_known") is Outcome.FAIL


def test_rows_are_counted_with_their_deletions(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path, quality="[{id: row_count, metric: rowCount, mustBe: 2}]")

    assert statuses(bring(lake, DAY, [change("c1", EARLY), gone("c2", NOON)])) == {DAY: "published"}


def test_a_frame_of_somebody_else_never_becomes_part_of_an_entity(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)
    bring(lake, DAY, [change("c1", EARLY)])
    opened = lake.open(CHANGES)
    assert opened is not None

    for table, partition in ((CHANGES, DAY), (CURRENT, "0")):
        with pytest.raises(LakehouseError, match="source only"):
            publish_frame(lake, table, lake.scan(opened), [partition], run_id="r")


def test_without_a_word_about_deletions_there_are_none(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path, LOAD, deletes="null")

    assert ledger(bring(lake, DAY, [change("c1", EARLY, op="D")])) == Ledger(read=1, published=1)
    assert log(lake) == [("c1", "08", "Ulm", False)]


def _outcome(result: PartitionResult, rule_id: str) -> Outcome:
    return next(one.outcome for one in result.record.results if one.rule_id == rule_id)
