"""How the derivation of many keys is cut: by rows, by buckets and by parts of a bucket, with each key in one pass."""

from collections import Counter

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.pipeline.entities.entity import Entity, entity_of
from lakehouse_assets.pipeline.entities.passes import (
    MOST_PASSES,
    ROWS_PER_PASS,
    SPILL_PARTS,
    Pass,
    cut,
    grouped,
    inside,
    passes_for,
    spill_part,
    spill_parts_of,
    with_bucket,
)
from lakehouse_assets_tests.entity_oracle import customers

MOST = ROWS_PER_PASS
KEYS = [f"customer {number}" for number in range(500)]


def entity(buckets: int) -> Entity:
    return entity_of(customers(buckets=buckets)[-1])


def keys() -> nw.LazyFrame:
    return nw.from_native(pl.LazyFrame({"id": KEYS}))


def rows(frame: nw.LazyFrame) -> pl.DataFrame:
    found: pl.DataFrame = frame.collect(backend="polars").to_native()
    return found


@pytest.mark.parametrize(
    ("count", "passes"), [(0, 1), (1, 1), (MOST - 1, 1), (MOST, 1), (MOST + 1, 2), (2 * MOST, 2), (2 * MOST + 1, 3)]
)
def test_there_are_as_many_passes_as_rows_need(count: int, passes: int) -> None:
    assert passes_for(count) == passes


def test_buckets_share_a_pass_until_its_rows_are_full() -> None:
    sizes = {"0": MOST // 2, "1": MOST // 2, "2": 1, "10": MOST - 1, "9": 0}
    assert grouped(sizes) == [("0", "1"), ("2", "9", "10")]
    assert grouped({**sizes, "2": 2}) == [("0", "1"), ("2", "9"), ("10",)]


def test_a_bucket_behind_a_full_pass_begins_with_nothing_held() -> None:
    assert grouped({"0": MOST, "1": MOST - 1, "2": 1, "3": 1}) == [("0",), ("1", "2"), ("3",)]


def test_no_buckets_are_no_passes() -> None:
    assert not grouped({})
    assert not cut({})


def test_an_engine_that_spills_takes_everything_at_once() -> None:
    assert cut({"0": 5 * MOST, "1": 1}, whole=True) == [Pass(("0", "1"))]
    assert not cut({}, whole=True)


def test_whole_buckets_that_fit_are_one_part() -> None:
    assert cut({"0": 1, "1": MOST - 1, "2": MOST}) == [Pass(("0", "1"), 0, 1), Pass(("2",), 0, 1)]


def test_empty_buckets_are_one_pass() -> None:
    assert cut({"0": 0, "1": 0}) == [Pass(("0", "1"), 0, 1)]


def test_a_bucket_that_is_too_large_is_cut_into_parts_and_is_alone() -> None:
    assert cut({"0": MOST + 1, "1": 1}) == [Pass(("0",), 0, 2), Pass(("0",), 1, 2), Pass(("1",), 0, 1)]
    assert [one.parts for one in cut({"0": 2 * MOST})] == [2, 2]


def test_passes_grow_before_there_are_too_many() -> None:
    sizes = {str(bucket): 2 * MOST for bucket in range(MOST_PASSES)}
    assert cut(sizes) == [Pass((str(bucket),), 0, 1) for bucket in range(MOST_PASSES)]


def test_a_bucket_is_the_number_of_one_of_the_buckets_and_all_are_used() -> None:
    buckets = rows(with_bucket(keys(), entity(7)))["_bucket"]
    assert buckets.dtype == pl.String
    assert set(buckets) == {str(bucket) for bucket in range(7)}


@pytest.mark.parametrize(("buckets", "parts"), [(1, 1), (4, 1), (4, 3), (1, 2)])
def test_every_key_is_in_exactly_one_pass_and_in_its_own_bucket(buckets: int, parts: int) -> None:
    one = entity(buckets)
    found: Counter[str] = Counter()
    for bucket in map(str, range(buckets)):
        for part in range(parts):
            held = rows(with_bucket(inside(keys(), one, Pass((bucket,), part, parts)), one))
            assert set(held["_bucket"]) == {bucket}
            found.update(held["id"])
    assert found == Counter(KEYS)


def test_a_part_of_all_buckets_holds_a_part_of_all_keys() -> None:
    one = entity(4)
    parts = [set(rows(inside(keys(), one, Pass(("0", "1", "2", "3"), part, 2)))["id"]) for part in range(2)]
    assert parts[0] | parts[1] == set(KEYS)
    assert not parts[0] & parts[1]
    assert min(map(len, parts)) > len(KEYS) / 4


def test_a_pass_of_everything_asks_nothing_of_rows() -> None:
    assert rows(inside(keys(), entity(2), Pass(("0", "1")))).columns == ["id"]
    asked = inside(nw.from_native(pl.LazyFrame({"other": ["a"]})), entity(2), Pass(("0", "1")))
    assert rows(asked)["other"].to_list() == ["a"]


@pytest.mark.parametrize("buckets", [4, SPILL_PARTS, 3 * SPILL_PARTS])
def test_the_keys_of_a_pass_are_in_the_spilled_parts_it_names(buckets: int) -> None:
    one = entity(buckets)
    spilled = rows(with_bucket(keys(), one).with_columns(spill_part(one).alias("part")))
    for bucket, part in spilled.select("_bucket", "part").unique().iter_rows():
        assert spill_parts_of(Pass((bucket,))) == {str(part)}
    assert spilled["part"].n_unique() == min(buckets, SPILL_PARTS)


def test_a_pass_of_several_buckets_names_all_of_their_parts() -> None:
    assert spill_parts_of(Pass(("0", "3", str(SPILL_PARTS)))) == {"0", "3"}
