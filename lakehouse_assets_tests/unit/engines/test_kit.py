"""Operations in the engine's own language: equal to an independent oracle, and clear where an engine lacks them."""

import json
import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError

TEXT = nw.String()


def test_the_row_hash_is_what_its_definition_says_for_every_type() -> None:
    moment = datetime(2010, 12, 1, 8, 26, 0, 5, tzinfo=UTC)
    frame = pl.LazyFrame(
        {
            "text": ["é\u200b", None],
            "whole": [-7, None],
            "money": pl.Series([Decimal("1.5"), None], dtype=pl.Decimal(18, 4)),
            "flag": [True, None],
            "day": [date(1970, 1, 11), None],
            "at": pl.Series([moment, None], dtype=pl.Datetime("us", "UTC")),
        }
    )
    micros = int(moment.timestamp()) * 1_000_000 + 5

    hashes = _hashes(frame)

    assert hashes == [_oracle(["é\u200b", "-7", "1.5000", "1", "10", str(micros)]), _oracle([None] * 6)]


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text())] * 3), min_size=1))
def test_the_row_hash_of_any_texts_is_what_its_definition_says(rows: list[tuple[str | None, ...]]) -> None:
    frame = pl.LazyFrame(rows, schema={"a": pl.String, "b": pl.String, "c": pl.String}, orient="row")

    assert _hashes(frame) == [_oracle(row) for row in rows]


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, unique=True))
def test_different_rows_have_different_hashes(rows: list[tuple[str, str]]) -> None:
    frame = pl.LazyFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")

    assert len(set(_hashes(frame))) == len(rows)


@given(st.text(), st.text())
def test_swapping_the_values_of_two_columns_changes_the_hash(one: str, other: str) -> None:
    swapped = _hashes(pl.LazyFrame({"a": [one, other], "b": [other, one]}))

    assert (swapped[0] == swapped[1]) is (one == other)


def test_null_and_empty_text_hash_differently() -> None:
    null, empty = _hashes(pl.LazyFrame({"a": [None, ""]}, schema={"a": pl.String}))

    assert null != empty


def test_both_zeros_of_a_double_hash_equally() -> None:
    plus, minus, _ = _hashes(pl.LazyFrame({"a": [0.0, -0.0, 1.5]}))

    assert plus == minus


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.text(max_size=5))), st.text(max_size=5))
def test_a_field_of_a_json_object_is_what_python_reads(fields: dict[str, str | None], name: str) -> None:
    frame = pl.LazyFrame({"text": [json.dumps(fields | {name: "found"}), json.dumps({}), None]})

    found = nw.from_native(frame).select(kit.json_field(nw.col("text"), name)).collect()

    assert found.to_native().to_series().to_list() == ["found", None, None]


@pytest.mark.parametrize(
    ("value", "text"), [(None, None), ("", ""), (5, "5"), (True, "true"), ({"a": [1]}, '{"a":[1]}')], ids=str
)
def test_a_field_that_is_no_text_is_its_json(value: object, text: str | None) -> None:
    frame = pl.LazyFrame({"text": [json.dumps({"x": value}), json.dumps({"y": 1})]})

    found = nw.from_native(frame).select(kit.json_field(nw.col("text"), "x")).collect()

    assert found.to_native().to_series().to_list() == [text, None]


def test_totals_split_each_hash_into_two_unsigned_halves() -> None:
    frame = nw.from_native(pl.LazyFrame({"h": [-1, 5, 2**32]}))

    totals = frame.select(*kit.content_totals("h")).collect("polars").row(0)

    assert totals == (0xFFFFFFFF + 5, 0xFFFFFFFF + 1)


def test_totals_of_chosen_rows_leave_the_others_out() -> None:
    frame = nw.from_native(pl.LazyFrame({"h": [1, 2, 4], "keep": [True, False, True]}))

    assert frame.select(*kit.content_totals("h", where="keep", prefix="x")).collect("polars").row(0) == (5, 0)


@given(st.permutations([(1, "a"), (2, "b"), (3, None), (4, "d")]))
def test_the_content_of_a_partition_does_not_depend_on_the_order_of_its_rows(rows: Sequence[tuple[int, str]]) -> None:
    frame = nw.from_native(pl.LazyFrame(rows, schema={"a": pl.Int64, "b": pl.String}, orient="row"))

    totals = frame.with_columns(kit.row_hash({"a": nw.Int64(), "b": TEXT}).alias("h")).select(*kit.content_totals("h"))

    hashes = [_oracle([str(number), text]) % 2**64 for number, text in rows]
    halves = sum(each % 2**32 for each in hashes), sum(each >> 32 for each in hashes)
    assert totals.collect("polars").row(0) == halves


def test_the_content_hash_tells_counts_and_halves_apart() -> None:
    hashes = {
        kit.content_hash(1, 2, 3),
        kit.content_hash(1, 3, 2),
        kit.content_hash(12, 3, 0),
        kit.content_hash(1, 23, 0),
    }

    assert len(hashes) == 4


def test_a_row_as_json_keeps_nulls_and_exact_numbers() -> None:
    frame = pl.LazyFrame(
        {
            "a": ['x"\n\u0000'],
            "b": [None],
            "c": [2**53 + 1],
            "d": pl.Series([Decimal("0.10")], dtype=pl.Decimal(18, 4)),
        },
        schema_overrides={"b": pl.String},
    )

    text = nw.from_native(frame).select(raw=kit.row_as_json({"A": "a", "B": "b", "C": "c", "D": "d"})).collect("polars")

    assert json.loads(text["raw"][0]) == {"A": 'x"\n\u0000', "B": None, "C": 2**53 + 1, "D": "0.1000"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("+7", 7), ("-0", 0), ("007", 7), (" 7", None), ("7.0", None), ("", None), ("2147483648", None)],
)
def test_text_is_read_as_an_integer_exactly_when_it_looks_like_one(text: str, expected: int | None) -> None:
    frame = nw.from_native(pl.LazyFrame({"x": [text]}))

    assert frame.select(kit.read_number(nw.col("x"), nw.Int32())).collect("polars")["x"].to_list() == [expected]


def test_a_step_survives_further_steps_and_nesting() -> None:
    frame = nw.from_native(pl.LazyFrame({"x": ["1", "b"]}))
    number = kit.read_number(nw.col("x"), nw.Int64())

    found = frame.select(y=nw.when((number + 1).is_null()).then(nw.lit(0)).otherwise(number * 10)).collect("polars")

    assert found["y"].to_list() == [10, 0]


def test_another_engine_is_refused_instead_of_guessed_at() -> None:
    relation = nw.from_native(duckdb.connect().sql("select '1' as x"))

    with pytest.raises(LakehouseError, match="no DUCKDB half"):
        relation.select(kit.read_number(nw.col("x"), nw.Int32()))


def _hashes(frame: pl.LazyFrame) -> list[int]:
    rows = nw.from_native(frame)
    found = rows.select(h=kit.row_hash(dict(rows.collect_schema()))).collect("polars")
    return list(found["h"])


def _oracle(texts: Sequence[Any]) -> int:
    combined = 0
    for position, text in enumerate(texts):
        seed = xxhash.xxh64_intdigest(struct.pack("<i", position), 42)
        combined ^= seed if text is None else xxhash.xxh64_intdigest(text.encode(), seed)
    return _signed(xxhash.xxh64_intdigest(str(_signed(combined)).encode(), 42))


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
