"""Running again changes nothing, and neither order nor chunks decide content."""

import random
from pathlib import Path

import pytest

from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
    deliver,
    order,
    orders_contract,
    refresh,
    retail_lake,
    run,
    shop_lake,
    statuses,
    stored,
)
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.retail_files import DAYS, write_days
from lakehouse_assets_tests.soak.chain import BRONZE, CHAIN, CUSTOMERS, DAILY, PRODUCTS, SILVER, run_chain
from lakehouse_assets_tests.soak.kills import hashes

SEEDS = (1, 2, 3, random.SystemRandom().randrange(10_000))
CLEAN, BAD = [order(1), order(2)], order(3, amount="many")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a retail lake after one run of everything, day by day."""
    folder = tmp_path_factory.mktemp("calm")
    write_days(folder / "drop", 200)
    lake = retail_lake(folder / "lake", folder / "drop")
    run_chain(lake)
    return lake


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    """Return a shop in which each of three days has a bad row."""
    lake = shop_lake(tmp_path)
    for day in (DAY, NEXT, THIRD):
        deliver(lake, day, [*CLEAN, BAD])
    refresh(lake, DAY, NEXT, THIRD)
    return lake


@pytest.fixture
def shop_anywhere(tmp_path: Path, place: Place) -> Lake:
    """Return the same shop, its lake in each kind of place."""
    lake = shop_lake(tmp_path, environ=place.environ)
    for day in (DAY, NEXT, THIRD):
        deliver(lake, day, [*CLEAN, BAD])
    refresh(lake, DAY, NEXT, THIRD)
    return lake


def digests(lake: Lake) -> dict[str, dict[str, tuple[int, str]]]:
    """Return rows and hash of every partition of the shop's tables and its quarantine."""
    return {str(table): content_of(lake, table).partitions for table in (RAW, ORDERS, quarantine_of(ORDERS))}


def refused_rows(lake: Lake) -> list[tuple[str, str]]:
    """Return day and row id of every row that is quarantined now."""
    rows = served_quarantine(lake, ORDERS)
    return [] if rows is None else sorted(lake.engine.collect(rows.select("_proc_date", "_row_id")).rows())


def test_a_second_run_adds_no_commit_no_file_and_no_record(calm: Lake) -> None:
    before = stored(Path(calm.root))

    run_chain(calm)

    assert stored(Path(calm.root)) == before


def test_a_second_run_of_a_shop_with_bad_rows_adds_nothing_wherever_it_lies(shop_anywhere: Lake, place: Place) -> None:
    before = stored(place)

    results = refresh(shop_anywhere, DAY, NEXT, THIRD)

    assert set(statuses(results).values()) == {"unchanged"}
    assert stored(place) == before


def test_a_second_run_says_unchanged_for_every_partition(calm: Lake) -> None:
    days = {str(table): set(statuses(run(calm, table, *DAYS)).values()) for table in (BRONZE, SILVER, DAILY)}

    assert days == {str(table): {"unchanged"} for table in (BRONZE, SILVER, DAILY)}
    assert [statuses(run(calm, table)) for table in (PRODUCTS, CUSTOMERS)] == [{"0": "unchanged"}] * 2


@pytest.mark.parametrize("seed", SEEDS, ids=["seed-1", "seed-2", "seed-3", "fresh-seed"])
def test_neither_order_nor_chunks_decide_content(calm: Lake, tmp_path: Path, seed: int) -> None:
    drop = calm.catalog.sources["retail"].connection["location"]
    lake = retail_lake(tmp_path / "lake", Path(drop))
    draw = random.Random(seed)  # noqa: S311 - a test must be repeatable

    for table in CHAIN:
        for chunk in chunks(draw) if lake.contract(table).is_partitioned else [["0"]]:
            run(lake, table, *chunk)

    assert hashes(lake) == hashes(calm), f"seed {seed}"


def chunks(draw: random.Random) -> list[list[str]]:
    """Cut the days into chunks of random size, in random order."""
    days = draw.sample(DAYS, len(DAYS))
    cuts = sorted(draw.sample(range(1, len(days)), draw.randrange(len(days))))
    return [days[first:last] for first, last in zip([0, *cuts], [*cuts, len(days)], strict=True)]


@pytest.mark.parametrize("size", [1, 2, 31])
def test_the_size_of_a_chunk_decides_nothing(shop: Lake, tmp_path: Path, size: int) -> None:
    other = tmp_path / "other"
    other.mkdir()
    lake = shop_lake(other, orders_contract(f"{{identicalRows: keep, partitionsPerChunk: {size}}}"))
    for day in (DAY, NEXT, THIRD):
        deliver(lake, day, [*CLEAN, BAD])

    refresh(lake, THIRD, DAY, NEXT)

    assert digests(lake) == digests(shop)


def test_corrected_input_changes_its_own_partition_only(shop_anywhere: Lake) -> None:
    before = digests(shop_anywhere)
    deliver(shop_anywhere, NEXT, [*CLEAN, order(3)])

    results = refresh(shop_anywhere, DAY, NEXT, THIRD)

    after = digests(shop_anywhere)
    moved = {table: {p for p in was if after[table].get(p) != was[p]} for table, was in before.items()}
    assert statuses(results) == {DAY: "unchanged", NEXT: "published", THIRD: "unchanged"}
    assert set(map(frozenset, moved.values())) == {frozenset({NEXT})}


def test_a_corrected_row_leaves_the_quarantine(shop: Lake) -> None:
    deliver(shop, NEXT, [*CLEAN, order(3)])

    refresh(shop, NEXT)

    assert refused_rows(shop) == [(day, f"{day}.csv#000000003") for day in (DAY, THIRD)]


def test_a_partition_that_ran_again_is_quarantined_once(shop: Lake) -> None:
    deliver(shop, NEXT, [*CLEAN, order(4), BAD])

    refresh(shop, NEXT)

    rows = [(DAY, f"{DAY}.csv#000000003"), (NEXT, f"{NEXT}.csv#000000004"), (THIRD, f"{THIRD}.csv#000000003")]
    assert refused_rows(shop) == rows


def test_going_back_to_the_old_input_restores_the_old_hash(shop: Lake) -> None:
    before = digests(shop)
    deliver(shop, NEXT, [order(7), BAD, BAD])
    refresh(shop, NEXT)
    changed = digests(shop)
    deliver(shop, NEXT, [*CLEAN, BAD])

    refresh(shop, NEXT)

    assert changed != before
    assert digests(shop) == before


def test_a_day_that_lost_its_file_keeps_what_is_served(shop: Lake) -> None:
    before = digests(shop)
    (Path(shop.catalog.sources["shop"].connection["location"]) / f"{NEXT}.csv").unlink()

    results = run(shop, RAW, NEXT)

    assert statuses(results) == {NEXT: "blocked"}
    assert digests(shop) == before
