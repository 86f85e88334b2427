"""Raw text becomes exactly the value it names, or a null with the right reason; Python is the oracle."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, ParseOptions
from lakehouse_assets.quality.judge import flag, flag_of
from lakehouse_assets.quality.parse import parse_columns

INTEGER, LONG, DOUBLE = ColumnType(Kind.INTEGER), ColumnType(Kind.LONG), ColumnType(Kind.DOUBLE)
MONEY = ColumnType(Kind.DECIMAL, 18, 4)
STRING, BOOLEAN = ColumnType(Kind.STRING), ColumnType(Kind.BOOLEAN)
DATE, TIMESTAMP = ColumnType(Kind.DATE), ColumnType(Kind.TIMESTAMP)
PLAIN = ParseOptions()


@dataclass(frozen=True)
class Read:
    """What became of one raw value: the typed value and the codes of the rules it violates."""

    value: Any
    codes: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("text", "column_type", "options", "expected"),
    [
        pytest.param("1,5", MONEY, PLAIN, Read(None, ("parse",)), id="C25 decimal comma"),
        pytest.param("1,500.00", MONEY, PLAIN, Read(None, ("parse",)), id="C25 thousands separator"),
        pytest.param("$5", MONEY, PLAIN, Read(None, ("parse",)), id="C25 currency sign"),
        pytest.param(
            "1.234,56", MONEY, ParseOptions(decimal_comma=True), Read(Decimal("1234.5600")), id="C25 declared comma"
        ),
        pytest.param(
            "1.23,4", MONEY, ParseOptions(decimal_comma=True), Read(None, ("parse",)), id="C25 misplaced point"
        ),
        pytest.param("9223372036854775808", LONG, PLAIN, Read(None, ("overflow",)), id="C26 2^63"),
        pytest.param("2147483648", INTEGER, PLAIN, Read(None, ("overflow",)), id="C26 2^31"),
        pytest.param("1.0", INTEGER, PLAIN, Read(None, ("parse",)), id="C27 decimal point"),
        pytest.param("1e3", INTEGER, PLAIN, Read(None, ("parse",)), id="C27 exponent"),
        pytest.param("1.0", INTEGER, ParseOptions(lossless_integer=True), Read(1), id="C27 declared lossless"),
        pytest.param("1e3", INTEGER, ParseOptions(lossless_integer=True), Read(1000), id="C27 declared exponent"),
        pytest.param("1.5", INTEGER, ParseOptions(lossless_integer=True), Read(None, ("parse",)), id="C27 lossy"),
        pytest.param("007", INTEGER, PLAIN, Read(7, ("leading_zeros",)), id="C28 into an integer"),
        pytest.param("007", STRING, PLAIN, Read("007"), id="C28 into a string"),
        pytest.param("+7", INTEGER, PLAIN, Read(7), id="C29 plus"),
        pytest.param("0x10", INTEGER, PLAIN, Read(None, ("parse",)), id="C29 hexadecimal"),
        pytest.param("1_000", INTEGER, PLAIN, Read(None, ("parse",)), id="C29 underscore"),
        pytest.param(" 1 ", INTEGER, PLAIN, Read(None, ("parse",)), id="C29 blanks"),
        pytest.param(" 1 ", INTEGER, ParseOptions(trim=True), Read(1), id="C29 declared trim"),
        pytest.param("\u00a01", INTEGER, ParseOptions(trim=True), Read(None, ("parse",)), id="C29 no-break space"),
        pytest.param("\uff11\uff12", INTEGER, PLAIN, Read(None, ("parse",)), id="C29 full-width digits"),
        pytest.param("NaN", DOUBLE, PLAIN, Read(None, ("non_finite",)), id="C30 NaN"),
        pytest.param("-inf", DOUBLE, PLAIN, Read(None, ("non_finite",)), id="C30 infinity"),
        pytest.param("1e400", DOUBLE, PLAIN, Read(None, ("non_finite",)), id="C30 beyond the largest double"),
        pytest.param("NULL", STRING, PLAIN, Read("NULL"), id="C31 not declared"),
        pytest.param("N/A", INTEGER, ParseOptions(nulls=("NULL", "N/A")), Read(None), id="C31 declared"),
        pytest.param("-999", INTEGER, ParseOptions(nulls=("-999",)), Read(None), id="C31 declared number"),
        pytest.param("", STRING, PLAIN, Read(None), id="C32 empty is null"),
        pytest.param("", STRING, ParseOptions(empty="value"), Read(""), id="C32 empty is a value"),
        pytest.param("", INTEGER, ParseOptions(empty="value"), Read(None, ("parse",)), id="C32 empty is no integer"),
        pytest.param("a\u200bb", STRING, PLAIN, Read("a\u200bb", ("invisible_characters",)), id="C36 zero width"),
        pytest.param("\u202eabc", STRING, PLAIN, Read("\u202eabc", ("invisible_characters",)), id="C36 override"),
        pytest.param("1.23456", MONEY, PLAIN, Read(None, ("overflow",)), id="D1 too many decimals"),
        pytest.param("1.23450", MONEY, PLAIN, Read(Decimal("1.2345")), id="D1 only zeros beyond the scale"),
        pytest.param("999999999999999", MONEY, PLAIN, Read(None, ("overflow",)), id="D1 too many digits"),
        pytest.param("9007199254740993", DOUBLE, PLAIN, Read(None, ("parse",)), id="J4 integer no double can hold"),
        pytest.param("TRUE", BOOLEAN, PLAIN, Read(value=True), id="boolean word"),
        pytest.param("0", BOOLEAN, PLAIN, Read(value=False), id="boolean digit"),
        pytest.param("maybe", BOOLEAN, PLAIN, Read(None, ("parse",)), id="no boolean"),
    ],
)
def test_each_bad_input_gets_what_it_must(
    text: str, column_type: ColumnType, options: ParseOptions, expected: Read
) -> None:
    assert _read([text], column_type, options) == [expected]


BERLIN = ParseOptions(timezone="Europe/Berlin")
RETAIL = ParseOptions(formats=("%m/%d/%Y %H:%M",))


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        pytest.param("2024-03-31 02:30:00", BERLIN, Read(None, ("nonexistent_time",)), id="T1 skipped hour"),
        pytest.param("2024-10-27 02:30:00", BERLIN, Read(None, ("ambiguous_time",)), id="T2 repeated hour"),
        pytest.param(
            "2024-10-27T02:30:00+01:00", BERLIN, Read(datetime(2024, 10, 27, 1, 30, tzinfo=UTC)), id="T2 with offset"
        ),
        pytest.param(
            "2016-12-31T23:59:60Z",
            PLAIN,
            Read(datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), ("leap_second",)),
            id="T3 leap second",
        ),
        pytest.param(
            "1700000000", ParseOptions(formats=("%s",)), Read(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)), id="T4"
        ),
        pytest.param("1700000000000", ParseOptions(formats=("%s",)), Read(None, ("parse",)), id="T4 ms for s"),
        pytest.param(
            "1700000000",
            ParseOptions(formats=("%s%3f",)),
            Read(datetime(1970, 1, 20, 16, 13, 20, tzinfo=UTC), ("out_of_range",)),
            id="T4 s for ms",
        ),
        pytest.param(
            "2300-01-01T00:00:00", PLAIN, Read(datetime(2300, 1, 1, tzinfo=UTC), ("out_of_range",)), id="T6 future"
        ),
        pytest.param(
            "1969-12-31T23:59:59",
            PLAIN,
            Read(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), ("out_of_range",)),
            id="T6 before the epoch",
        ),
        pytest.param("12/1/2010 8:26", RETAIL, Read(datetime(2010, 12, 1, 8, 26, tzinfo=UTC)), id="declared format"),
        pytest.param("12/1/2010  8:26", RETAIL, Read(None, ("parse",)), id="two blanks"),
        pytest.param("12/1/10 8:26", RETAIL, Read(None, ("parse",)), id="year of two digits"),
        pytest.param("+024-01-05 10:11:12", PLAIN, Read(None, ("parse",)), id="signed year"),
        pytest.param("0000-01-01 00:00:00", PLAIN, Read(None, ("parse",)), id="year 0"),
        pytest.param("2024-02-30 00:00:00", PLAIN, Read(None, ("parse",)), id="no such day"),
        pytest.param("2024-01-05T10:11:12.1234567Z", PLAIN, Read(None, ("parse",)), id="finer than microseconds"),
    ],
)
def test_each_doubtful_time_gets_what_it_must(text: str, options: ParseOptions, expected: Read) -> None:
    assert _read([text], TIMESTAMP, options) == [expected]


def test_one_bad_cell_after_two_thousand_good_rows_costs_one_row() -> None:
    found = _read([*map(str, range(2000)), "x"], INTEGER)

    assert [read.value for read in found[:2000]] == list(range(2000))
    assert found[2000] == Read(None, ("parse",))


def test_times_of_different_forms_may_be_mixed_in_a_column() -> None:
    texts = ["2024-01-05 10:11:12", "2024-01-05T10:11:12Z", "2024-01-05T12:11:12+02:00", "2024-01-05T10:11:12.000000"]

    assert {read.value for read in _read(texts, TIMESTAMP)} == {datetime(2024, 1, 5, 10, 11, 12, tzinfo=UTC)}


def test_the_same_text_in_two_unicode_forms_is_one_key() -> None:
    column = Column("x", STRING, primary_key=True)

    assert {read.value for read in _read(["caf\u00e9", "cafe\u0301"], column=column)} == {"caf\u00e9"}


def test_a_column_without_a_raw_column_is_null_and_has_no_rules() -> None:
    parsing = parse_columns([Column("x", INTEGER)], {})

    frame = nw.from_native(pl.LazyFrame({"y": [1]})).with_columns(*parsing.typed).collect("polars")

    assert (frame["x"].to_list(), frame.schema["x"], parsing.rules) == ([None], nw.Int32(), ())


def test_a_transform_that_fills_a_null_does_not_hide_that_it_could_not_be_read() -> None:
    parsing = parse_columns([Column("x", INTEGER)], {"x": "__raw_X"})
    rows = nw.from_native(pl.LazyFrame({"__raw_X": ["?"]})).with_columns(*parsing.typed)

    flagged = flag(rows.with_columns(x=nw.lit(0)), parsing.rules).collect("polars")

    assert [rule.spec.id for n, rule in enumerate(parsing.rules) if flagged[flag_of(n)][0]] == ["x.parse"]


@given(st.lists(st.from_regex(r"[+-]?[0-9]{1,25}", fullmatch=True), min_size=1))
def test_integers_are_read_as_python_reads_them(texts: list[str]) -> None:
    for text, read in zip(texts, _read(texts, LONG), strict=True):
        fits = -(2**63) <= int(text) < 2**63
        assert read.value == (int(text) if fits else None)
        assert ("overflow" in read.codes) is not fits


@given(st.lists(st.from_regex(r"[+-]?[0-9]{1,16}(\.[0-9]{0,6})?", fullmatch=True), min_size=1))
def test_decimals_are_exact_or_refused(texts: list[str]) -> None:
    for text, read in zip(texts, _read(texts, MONEY), strict=True):
        exact = Decimal(text)
        fits = abs(exact) < 10**14 and exact == exact.quantize(Decimal("0.0001"))
        assert read.value == (exact if fits else None)
        assert read.codes == (() if fits else ("overflow",))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_doubles_come_back_as_they_were_written(numbers: list[float]) -> None:
    texts = [repr(number) for number in numbers]

    assert [read.value for read in _read(texts, DOUBLE)] == numbers


@given(st.lists(st.text(alphabet="0123456789+-.eE _x,", max_size=12), min_size=1))
def test_whatever_is_written_a_value_is_read_or_one_reason_given(texts: list[str]) -> None:
    for column_type in (INTEGER, MONEY, DOUBLE):
        for text, read in zip(texts, _read(texts, column_type), strict=True):
            refusals = [code for code in read.codes if code != "leading_zeros"]
            assert len(refusals) == (1 if read.value is None and text else 0)


@given(st.lists(st.text(alphabet="0123456789+-.", max_size=8), min_size=1))
def test_no_text_becomes_an_integer_that_is_not_written_like_one(texts: list[str]) -> None:
    for text, read in zip(texts, _read(texts, INTEGER), strict=True):
        assert (read.value is not None) == bool(re.fullmatch("[+-]?[0-9]+", text) and abs(int(text)) < 2**31)


@given(st.lists(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2199, 12, 31)), min_size=1))  # noqa: DTZ001 - UTC is added below
def test_iso_timestamps_are_read_to_the_microsecond(moments: list[datetime]) -> None:
    texts = [moment.isoformat(sep="T") for moment in moments]

    assert _read(texts, TIMESTAMP) == [Read(moment.replace(tzinfo=UTC)) for moment in moments]


@given(st.lists(st.tuples(st.dates(min_value=date(1970, 1, 2), max_value=date(2190, 1, 1)), st.integers(-14, 14))))
def test_offsets_are_subtracted(pairs: list[tuple[date, int]]) -> None:
    texts = [f"{day}T12:00:00{hours:+03d}:00" for day, hours in pairs]
    noon = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=hours) for day, hours in pairs]

    assert [read.value for read in _read(texts, TIMESTAMP)] == noon


@given(st.lists(st.dates(), min_size=1))
def test_dates_are_read_by_the_declared_pattern(days: list[date]) -> None:
    texts = [f"{day.day}.{day.month}.{day.year:04d}" for day in days]

    assert _read(texts, DATE, ParseOptions(formats=("%d.%m.%Y",))) == [Read(day) for day in days]


def _read(
    texts: list[str], column_type: ColumnType = STRING, options: ParseOptions = PLAIN, column: Column | None = None
) -> list[Read]:
    column = column or Column("x", column_type, parse=options)
    parsing = parse_columns([column], {"x": "__raw_X"})
    rows = nw.from_native(pl.LazyFrame({"__raw_X": texts}, schema={"__raw_X": pl.String})).with_columns(*parsing.typed)
    found = flag(rows, parsing.rules).collect("polars").rows(named=True)
    return [
        Read(
            row["x"],
            tuple(rule.spec.id.removeprefix("x.") for n, rule in enumerate(parsing.rules) if row[flag_of(n)]),
        )
        for row in found
    ]
