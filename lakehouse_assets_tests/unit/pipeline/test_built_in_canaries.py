"""Rules that nobody declares must be able to fail, too, and one that does not is found."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lakehouse_assets.contracts.loading import Gate, History, Load
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, ParseOptions, SourceTable
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline import built_in_canaries as rows
from lakehouse_assets.pipeline import gate_canaries as whole
from lakehouse_assets.pipeline.canaries import ALARMS, MISSING, NOTHING, SILENT, SINGS
from lakehouse_assets.quality.samples.raw import fine_text, written, wrong_text
from lakehouse_assets.results import Outcome
from lakehouse_assets_tests.builders import bare_contract, rule_result
from lakehouse_assets_tests.entity_oracle import customers

GATE = {"ledger_balances", "quarantine_ratio", "empty_partition", "rules_executed"}
OF_TYPES: Mapping[Kind, set[str]] = {
    Kind.STRING: {"invisible_characters"},
    Kind.INTEGER: {"parse", "overflow", "leading_zeros"},
    Kind.LONG: {"parse", "overflow", "leading_zeros"},
    Kind.DECIMAL: {"parse", "overflow"},
    Kind.DOUBLE: {"parse", "non_finite"},
    Kind.BOOLEAN: {"parse"},
    Kind.DATE: {"parse"},
    Kind.TIMESTAMP: {"parse", "leap_second", "out_of_range"},
}


def column(kind: Kind, **options: object) -> Column:
    parse = ParseOptions(**options)  # type: ignore[arg-type]
    return Column("x", ColumnType(kind, 18, 4), sources=("bronze.shop.lines.X",), parse=parse)


def contract(*columns: Column, **changes: object) -> Contract:
    landed = (TableName("bronze", ("shop", "lines")),)
    return replace(bare_contract(), columns=columns, upstreams=landed, **changes)  # type: ignore[arg-type]


def verdicts(of: Contract, source: SourceTable | None = None) -> dict[str, str]:
    return {canary.rule_id: canary.verdict for canary in rows.built_in_canaries(of, source)}


def of_column(**options: object) -> dict[str, str]:
    found = verdicts(contract(column(Kind.TIMESTAMP, **options)))
    return {name.partition(".")[2]: verdict for name, verdict in found.items() if name.startswith("x.")}


@pytest.mark.parametrize("kind", Kind)
def test_every_rule_of_reading_rejects_its_canary_and_accepts_a_fine_text(kind: Kind) -> None:
    found = verdicts(contract(column(kind), gate=Gate(0.1)))

    assert found == dict.fromkeys({f"x.{code}" for code in OF_TYPES[kind]} | {"well_formed"}, SINGS) | {
        **dict.fromkeys(GATE, SINGS),
        "rules_executed": NOTHING,
    }


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_times_that_a_clock_skips_and_shows_twice_are_rejected(zone: str) -> None:
    found = of_column(timezone=zone)

    assert set(found.values()) == {SINGS}
    assert {"nonexistent_time", "ambiguous_time"} <= set(found)


@pytest.mark.parametrize(
    ("options", "silent"),
    [
        ({"timezone": "Asia/Tokyo"}, {"nonexistent_time", "ambiguous_time"}),
        ({"formats": ("%d.%m.%y %H:%M:%S",)}, {"out_of_range"}),
        ({"formats": ("%Y-%m-%d %H:%M",)}, {"leap_second"}),
        ({"formats": ("%s",)}, {"leap_second"}),
        ({"formats": ("%Y-%m-%dT%H:%M:%S%#z",), "timezone": "Europe/Berlin"}, {"nonexistent_time", "ambiguous_time"}),
        ({"nulls": ("no such value", "*", "?!")}, {"parse"}),
    ],
    ids=["no summer time", "two digits of a year", "no seconds", "a count", "an offset", "all of it means null"],
)
def test_where_no_text_of_a_format_breaks_a_rule_that_is_told(options: dict[str, object], silent: set[str]) -> None:
    found = of_column(**options)

    assert {name for name, verdict in found.items() if verdict == NOTHING} == silent
    assert set(found.values()) <= {SINGS, NOTHING}


@pytest.mark.parametrize(
    "pattern",
    ["%m/%d/%Y %H:%M:%S", "%d-%b-%Y %T", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S%.f%#z", "%s%3f", "%F %R", "%d.%m.%Y %X"],
)
def test_texts_in_any_format_are_written_so_that_they_are_read(pattern: str) -> None:
    assert set(of_column(formats=(pattern,)).values()) <= {SINGS, NOTHING}
    assert of_column(formats=(pattern,))["parse"] == SINGS


def test_a_rule_that_nothing_is_known_about_has_no_canary() -> None:
    broken = [frozenset[str](), frozenset({"x.new"})]

    assert rows.verdict_of("x.new", broken, {}, is_unknown=True)[0] == MISSING
    with pytest.raises(KeyError):
        wrong_text(column(Kind.LONG), "new")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ([set(), {"a"}, {"b"}], (SINGS, "")),
        ([set(), set(), {"b"}], (SILENT, "its canary passed")),
        ([{"a"}, {"a"}, {"b"}], (ALARMS, "it refuses a fine value")),
        ([set(), {"a"}, {"a", "b"}], (ALARMS, "it refuses the canary of b, which keeps it")),
    ],
    ids=["as it should", "never", "always", "another's"],
)
def test_a_built_in_rule_that_does_not_do_what_it_says_is_found(
    broken: list[set[str]], expected: tuple[str, str]
) -> None:
    assert rows.verdict_of("a", [frozenset(each) for each in broken], {"a": 1, "b": 2}) == expected


def test_a_gate_that_does_not_do_what_it_says_is_found() -> None:
    fine, failed = rule_result("r"), rule_result("r", outcome=Outcome.FAIL)

    assert whole.verdict_of("r", (fine,), (failed,)) == (SINGS, "")
    assert whole.verdict_of("r", (fine,), (fine,))[0] == SILENT
    assert whole.verdict_of("r", (fine,), ())[0] == SILENT
    assert whole.verdict_of("r", (failed,), (failed,))[0] == ALARMS


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Gate(), {"quarantine_ratio": NOTHING, "empty_partition": SINGS}),
        (Gate(0, 0, "allow"), {"quarantine_ratio": SINGS, "empty_partition": NOTHING}),
        (Gate(0.05, 1, "warn"), {"quarantine_ratio": SINGS, "empty_partition": SINGS, "min_rows": SINGS}),
        (Gate(0.999, 1_000_000), {"quarantine_ratio": SINGS, "empty_partition": SINGS, "min_rows": SINGS}),
    ],
)
def test_the_gate_rejects_what_its_contract_does_not_allow(gate: Gate, expected: dict[str, str]) -> None:
    found = verdicts(contract(gate=gate))

    assert {name: found[name] for name in expected} == expected
    assert found["ledger_balances"] == SINGS
    assert ("min_rows" in found) is ("min_rows" in expected)


@pytest.mark.parametrize("kind", [Kind.DATE, Kind.TIMESTAMP])
@pytest.mark.parametrize("days", [0, 2])
def test_rows_outside_their_window_are_rejected(kind: Kind, days: int) -> None:
    load = Load(event_time="x", lateness=timedelta(days=days))
    found = verdicts(contract(replace(column(kind), name="x"), load=load))

    assert (found["too_late"], found["too_early"]) == (SINGS, SINGS)


@pytest.mark.parametrize("kind", [Kind.STRING, Kind.LONG, Kind.DATE, Kind.TIMESTAMP, Kind.DECIMAL, Kind.BOOLEAN])
def test_members_of_a_repeated_key_are_rejected_where_they_are_errors(kind: Kind) -> None:
    load = Load(keys=("x",), duplicates="quarantine")

    assert verdicts(contract(column(kind), load=load))["repeated_key"] == SINGS
    assert "repeated_key" not in verdicts(contract(column(kind), load=replace(load, duplicates="keep_newest")))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (History.NONE, {"one_row_per_key", "rows_carried"}),
        (History.SCD2, {"no_overlap", "no_gap", "one_current_version", "rows_carried"}),
    ],
)
def test_rules_of_derived_tables_reject_their_canaries(history: History, expected: set[str]) -> None:
    found = verdicts(customers(history)[-1])

    assert {name: verdict for name, verdict in found.items() if name not in GATE} == dict.fromkeys(expected, SINGS)


def test_what_arrives_broken_odd_or_twice_is_rejected() -> None:
    found = verdicts(bare_contract("bronze/shop/lines"))

    arrival = ("arrival", "well_formed", "schema", "repeated_content")
    assert {name: found[name] for name in arrival} == dict.fromkeys(arrival, SINGS)


@pytest.mark.parametrize(
    ("raw", "promised", "expected"),
    [
        (ColumnType(Kind.LONG), ColumnType(Kind.INTEGER), {"x.overflow": SINGS, "x.parse": NOTHING}),
        (ColumnType(Kind.DOUBLE), ColumnType(Kind.DOUBLE), {"x.non_finite": SINGS, "x.parse": NOTHING}),
        (ColumnType(Kind.DECIMAL, 20, 6), ColumnType(Kind.DECIMAL, 18, 4), {"x.overflow": SINGS, "x.parse": NOTHING}),
        (ColumnType(Kind.TIMESTAMP), ColumnType(Kind.DATE), {"x.parse": SINGS}),
        (ColumnType(Kind.LONG), ColumnType(Kind.LONG), {}),
    ],
)
def test_values_that_arrive_typed_are_rejected_where_they_would_lose_something(
    raw: ColumnType, promised: ColumnType, expected: dict[str, str]
) -> None:
    source = SourceTable("shop", "lines", {"X": raw}, None)
    found = verdicts(contract(replace(column(promised.kind), type=promised)), source)

    assert {name: verdict for name, verdict in found.items() if name.startswith("x.")} == expected


def test_a_skipped_time_does_not_exist_and_a_doubled_one_is_there_twice() -> None:
    zone = ZoneInfo("Europe/Berlin")
    told = {
        code: datetime.fromisoformat(str(wrong_text(column(Kind.TIMESTAMP, timezone=str(zone)), code)))
        for code in ("nonexistent_time", "ambiguous_time")
    }

    both = {
        code: {moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        for code, moment in told.items()
    }
    shown = {code: {each.astimezone(zone).replace(tzinfo=None) for each in moments} for code, moments in both.items()}

    assert told["nonexistent_time"] not in shown["nonexistent_time"]
    assert (shown["ambiguous_time"], len(both["ambiguous_time"])) == ({told["ambiguous_time"]}, 2)


def test_a_time_is_written_as_its_format_says() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 - a clock's time

    assert written(moment, "%-d %b %Y %T%.3f%:z") == "6 May 2024 07:08:09.000+00:00"
    assert written(moment, "%s%3f") == str(int(moment.replace(tzinfo=UTC).timestamp()) * 1000)
    assert fine_text(column(Kind.DATE)) == "2024-05-06"
