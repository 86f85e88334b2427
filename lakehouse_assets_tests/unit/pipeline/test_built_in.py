"""Row rules that every silver table has: windows of arrival, repeated keys, and one cause for each bad row."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.loading import Load
from lakehouse_assets.contracts.model import Column, ColumnType, Kind, RuleKind, RuleSpec
from lakehouse_assets.pipeline.built_in import is_late, one_cause, repeated_key, window_rules
from lakehouse_assets.quality.judge import RowRule
from lakehouse_assets.results import Dimension, OnFailure, Severity
from lakehouse_assets_tests.builders import bare_contract

ARRIVED = "2011-03-10"


def spec(rule: str, column: str = "", on_failure: OnFailure = OnFailure.QUARANTINE) -> RuleSpec:
    return RuleSpec(
        id=f"{column}.{rule}",
        rule=rule,
        kind=RuleKind.ROW,
        dimension=Dimension.CONFORMITY,
        severity=Severity.ERROR,
        on_failure=on_failure,
        fingerprint=rule,
        column=column or None,
    )


def violating(rules: tuple[RowRule, ...], frame: pl.DataFrame) -> dict[str, list[bool | None]]:
    """Return, for each rule, whether each row violates it."""
    flagged = nw.from_native(frame).select(*[rule.violated.alias(rule.spec.id) for rule in rules])
    return {name: flagged[name].to_list() for name in flagged.columns}


def windows(kind: Kind, event: object, lateness: timedelta) -> dict[str, list[bool | None]]:
    """Judge one row that arrived on 2011-03-10."""
    columns = (Column("at", ColumnType(kind), required=True),)
    described = replace(bare_contract(), columns=columns, load=Load(event_time="at", lateness=lateness))
    dtype = pl.Date if kind is Kind.DATE else pl.Datetime("us", "UTC")
    frame = pl.DataFrame({"_proc_date": [ARRIVED], "at": pl.Series([event]).cast(dtype)})
    return violating(window_rules(described), frame)


@pytest.mark.parametrize(
    ("happened", "is_late", "is_early"),
    [
        (date(2011, 3, 7), True, False),
        (date(2011, 3, 8), False, False),
        (date(2011, 3, 10), False, False),
        (date(2011, 3, 11), False, False),
        (date(2011, 3, 12), False, True),
    ],
)
def test_a_row_two_days_late_is_the_last_that_a_lateness_of_two_days_admits(
    happened: date, *, is_late: bool, is_early: bool
) -> None:
    found = windows(Kind.DATE, happened, timedelta(days=2))

    assert found == {"too_late": [is_late], "too_early": [is_early]}


@pytest.mark.parametrize(
    ("happened", "is_late", "is_early"),
    [
        (datetime(2011, 3, 9, 23, 59, 59, tzinfo=UTC), True, False),
        (datetime(2011, 3, 10, 0, 0, tzinfo=UTC), False, False),
        (datetime(2011, 3, 11, 23, 59, 59, tzinfo=UTC), False, False),
        (datetime(2011, 3, 12, 0, 0, tzinfo=UTC), False, True),
    ],
)
def test_a_moment_counts_as_its_utc_day(happened: datetime, *, is_late: bool, is_early: bool) -> None:
    found = windows(Kind.TIMESTAMP, happened, timedelta(0))

    assert found == {"too_late": [is_late], "too_early": [is_early]}


def test_without_an_event_time_no_row_is_late() -> None:
    assert window_rules(bare_contract()) == ()


def test_another_lateness_is_another_rule() -> None:
    columns = (Column("at", ColumnType(Kind.DATE), required=True),)
    loads = (Load(event_time="at", lateness=timedelta(days=days)) for days in (1, 2))

    fingerprints = [
        window_rules(replace(bare_contract(), columns=columns, load=load))[0].spec.fingerprint for load in loads
    ]

    assert len(set(fingerprints)) == 2


@pytest.mark.parametrize(
    ("load", "is_a_rule"),
    [
        (Load(keys=("id",), duplicates="quarantine"), True),
        (Load(keys=("id",), duplicates="keep_newest"), False),
        (Load(keys=(), duplicates="quarantine"), False),
    ],
)
def test_repeated_keys_are_refused_where_the_contract_calls_them_errors(load: Load, *, is_a_rule: bool) -> None:
    assert (repeated_key(replace(bare_contract(), load=load)) is not None) is is_a_rule


def frame(**columns: list[object]) -> pl.DataFrame:
    """Return two well-formed rows and one malformed one."""
    return pl.DataFrame({"__raw__defect": [None, None, "ragged_short"], **columns})


def test_a_malformed_line_breaks_no_other_rule() -> None:
    rule = RowRule(spec("between", "price"), nw.col("bad"))

    found = violating(one_cause([rule], []), frame(bad=[True, False, True]))

    assert found == {"well_formed": [False, False, True], "price.between": [True, False, False]}


def test_a_value_that_could_not_be_read_is_not_also_missing() -> None:
    parsed = [RowRule(spec("parse", "price"), nw.col("unread"))]
    rules = [RowRule(spec("required", "price"), nw.col("missing"))]

    found = violating(one_cause(rules, parsed), frame(unread=[True, False, False], missing=[True, True, False]))

    assert found["price.parse"] == [True, False, False]
    assert found["price.required"] == [False, True, False]


def test_a_value_is_not_missing_when_any_of_its_readings_failed() -> None:
    parsed = [RowRule(spec(name, "price"), nw.col(name)) for name in ("parse", "overflow")]
    rules = [RowRule(spec("required", "price"), nw.col("missing"))]

    found = violating(
        one_cause(rules, parsed),
        frame(parse=[True, False, False], overflow=[False, True, False], missing=[True, True, False]),
    )

    assert found["price.required"] == [False, False, False]


def test_a_reading_that_is_only_counted_leaves_the_value_missing() -> None:
    parsed = [RowRule(spec("leading_zeros", "price", OnFailure.KEEP), nw.col("unread"))]
    rules = [RowRule(spec("required", "price"), nw.col("missing"))]

    found = violating(one_cause(rules, parsed), frame(unread=[True, False, False], missing=[True, True, False]))

    assert found["price.required"] == [True, True, False]


def test_only_missing_values_are_excused_by_a_failed_reading() -> None:
    parsed = [RowRule(spec("parse", "price"), nw.col("unread"))]
    rules = [RowRule(spec("between", "price"), nw.col("outside")), RowRule(spec("required", "name"), nw.col("outside"))]

    found = violating(one_cause(rules, parsed), frame(unread=[True, False, False], outside=[True, True, False]))

    assert found["price.between"] == [True, True, False]
    assert found["name.required"] == [True, True, False]


def test_a_reading_without_an_answer_excuses_nothing() -> None:
    parsed = [RowRule(spec("parse", "price"), nw.col("unread"))]
    rules = [RowRule(spec("required", "price"), nw.col("missing"))]
    rows = frame(unread=pl.Series([None, None, None], dtype=pl.Boolean).to_list(), missing=[True, False, False])
    rows = rows.with_columns(pl.col("unread").cast(pl.Boolean))

    assert violating(one_cause(rules, parsed), rows)["price.required"] == [True, False, False]


def test_a_rule_that_cannot_run_stays_as_it_is() -> None:
    broken = RowRule(spec("between", "price"), nw.lit(value=True), error="TypeError")

    (_, kept) = one_cause([broken], [])

    assert kept is broken


@pytest.mark.parametrize("kind", [Kind.DATE, Kind.TIMESTAMP])
def test_a_row_is_late_once_its_day_is_over_and_one_without_a_day_never(kind: Kind) -> None:
    columns = (Column("at", ColumnType(kind)),)
    contract = replace(bare_contract(), columns=columns, load=Load(event_time="at"))
    days = [datetime(2011, 3, day, 23, 59, tzinfo=UTC) if day else None for day in (9, 10, 11, None)]
    dtype = pl.Date if kind is Kind.DATE else pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        {"_proc_date": [ARRIVED] * 4, "at": pl.Series(days, dtype=pl.Datetime("us", "UTC")).cast(dtype)}
    )

    late = is_late(contract)

    assert late is not None
    assert nw.from_native(frame).select(late=late)["late"].to_list() == [True, False, False, False]


@pytest.mark.parametrize("load", [Load(), Load(event_time="at", partition_column="sold_on")])
def test_nothing_is_late_where_rows_say_no_day_or_partitions_are_business_dates(load: Load) -> None:
    columns = (Column("at", ColumnType(Kind.DATE)),)

    assert is_late(replace(bare_contract(), columns=columns, load=load)) is None
