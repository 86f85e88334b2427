"""A query of a contract gives for each partition what SQL gives for a table of its rows; DuckDB says what that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.arguments import columns_of
from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.canaries import SINGS, canaries
from lakehouse_assets.quality.judge import Scope
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.quality.sql_query import answers
from lakehouse_assets.quality.sql_read import read_query
from lakehouse_assets.quality.sql_rule import answer_without_rows, checked
from lakehouse_assets.results import Dimension, OnFailure, Outcome, RuleResult, Severity
from lakehouse_assets_tests.configuration import ORDERS, changed, load
from lakehouse_assets_tests.parity.queries import COLUMNS, COUNT, QUERIES, ROWS

RULES = load_rules()


def spec(query: str, **bound: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    return RuleSpec(
        id="asked",
        rule="sql",
        kind=RuleKind.PARTITION,
        dimension=Dimension.CONSISTENCY,
        severity=Severity.ERROR,
        on_failure=OnFailure.BLOCK,
        fingerprint="asked",
        arguments=checked({"query": query, **(bound or {"mustBe": 0})}, COLUMNS),
    )


def judged(rule: RuleSpec, rows: pl.DataFrame = ROWS, partitions: Sequence[str] = ("a",)) -> list[RuleResult]:
    scope = Scope(COLUMNS)
    frames = judge_partitions(nw.from_native(rows.lazy()), "_proc_date", [rule], RULES, scope)
    collected = [frame.collect("polars").to_native() for frame in frames]
    sizes: Mapping[str, int] = dict(rows.group_by("_proc_date").len().iter_rows())
    return [
        result
        for name in partitions
        for result in to_partition_results([rule], collected, name, sizes.get(name, 0), scope)
    ]


def by_duckdb(query: str, rows: pl.DataFrame) -> float | None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("t", rows)
        answer = connection.execute(query.replace("{object}", "t")).fetchall()
    number = answer[0][0]
    return None if number is None or math.isnan(number) else float(number)  # 0 / 0 is NaN there, and no number here


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_gives_what_sql_gives_for_the_rows_of_each_partition_alone(query: str) -> None:
    given = checked({"query": query, "mustBe": 0}, COLUMNS)
    types = {column.name: column.type for column in COLUMNS}
    asked = answers(read_query(query).tree, nw.from_native(ROWS.lazy()), "_proc_date", types).collect("polars")

    found = dict(zip(asked["_proc_date"].to_list(), asked["__value"].to_list(), strict=True))

    want = {name: by_duckdb(query, ROWS.filter(pl.col("_proc_date") == name)) for name in ("a", "b", "c")}
    assert found == {name: value if value is None else pytest.approx(value, rel=1e-12) for name, value in want.items()}
    assert answer_without_rows(given, COLUMNS) == by_duckdb(query, ROWS.clear())


@pytest.mark.parametrize(
    ("bound", "passes"),
    [
        ({"mustBe": 4}, True),
        ({"mustBe": 4.5}, False),
        ({"mustNotBe": 4}, False),
        ({"mustNotBe": 3}, True),
        ({"mustBeGreaterThan": 4}, False),
        ({"mustBeGreaterThan": 3}, True),
        ({"mustBeGreaterOrEqualTo": 4}, True),
        ({"mustBeGreaterOrEqualTo": 5}, False),
        ({"mustBeLessThan": 4}, False),
        ({"mustBeLessThan": 5}, True),
        ({"mustBeLessOrEqualTo": 4}, True),
        ({"mustBeLessOrEqualTo": 3}, False),
        ({"mustBeBetween": [4, 9]}, True),
        ({"mustBeBetween": [5, 9]}, False),
        ({"mustNotBeBetween": [4, 9]}, False),
        ({"mustNotBeBetween": [5, 9]}, True),
    ],
)
def test_every_threshold_of_the_standard_means_what_it_says(bound: dict[str, Any], *, passes: bool) -> None:
    (result,) = judged(spec(COUNT, **bound))

    assert (result.outcome, result.failed_rows) == ((Outcome.PASS, 0) if passes else (Outcome.FAIL, 4))


def test_money_is_added_up_exactly() -> None:
    rows = pl.DataFrame({"_proc_date": ["a"] * 3, "d": pl.Series(["0.10", "0.20", "-0.30"]).cast(pl.Decimal(18, 2))})

    assert judged(spec("SELECT SUM(d) FROM {object}"), rows)[0].outcome is Outcome.PASS


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None])
def test_what_is_no_number_is_an_error_and_blocks(number: float | None) -> None:
    rows = pl.DataFrame({"_proc_date": ["a"], "f": pl.Series([number], dtype=pl.Float64)})

    (result,) = judged(spec("SELECT MAX(f) FROM {object}", mustBeGreaterOrEqualTo=0), rows)

    assert result.outcome is Outcome.ERROR
    assert result.blocks
    assert "no number" in result.reason


def test_a_partition_without_rows_is_counted_as_zero_rows() -> None:
    (result,) = judged(spec(COUNT, mustBeGreaterThan=0), partitions=["2024-01-01"])

    assert (result.outcome, result.reason) == (Outcome.FAIL, "the partition has no rows")


def test_a_query_that_says_nothing_about_no_rows_leaves_them_to_the_gate() -> None:
    (result,) = judged(spec("SELECT SUM(i) FROM {object}", mustBe=1), partitions=["2024-01-01"])

    assert result.outcome is Outcome.PASS


def test_a_query_that_was_not_checked_is_refused_when_it_runs() -> None:
    rule = spec(COUNT)
    hostile = replace(rule, arguments={**rule.arguments, "query": "SELECT COUNT(*) FROM read_csv('x')"})

    assert judged(hostile)[0].outcome is Outcome.ERROR


def declared(query: str, threshold: str = "mustBe: 0") -> tuple[Contract, RuleSpec]:
    """Return a contract with a query instead of its bound on rows, and its rule."""
    entry = f"type: sql\n        query: |\n          {query}\n        {threshold}"
    catalog, found = load(changed(ORDERS, "metric: rowCount\n        mustBeBetween: [1, 100]", entry))
    assert found == ()
    contract = catalog.contracts[TableName.parse("silver/orders")]
    (rule,) = (each for each in contract.rules if each.rule == "sql")
    return contract, rule


def test_a_query_is_the_same_rule_however_it_is_spelled_and_another_one_when_it_asks_something_else() -> None:
    plain = declared(f"{COUNT} WHERE line_amount < 0")[1].fingerprint
    spelled = declared("select count( * ) from ${table} -- none\n          where line_amount<0;")[1].fingerprint
    other = declared(f"{COUNT} WHERE line_amount <= 0")[1].fingerprint

    assert plain == spelled
    assert plain != other


def test_a_query_judges_a_partition_blocks_it_by_default_and_knows_its_columns() -> None:
    rule = declared(f"{COUNT} WHERE line_amount < 0 AND State = 'open'")[1]

    assert (rule.kind, rule.on_failure) == (RuleKind.PARTITION, OnFailure.BLOCK)
    assert columns_of(rule) == ("line_amount", "state")


@pytest.mark.parametrize(
    ("query", "threshold"),
    [
        (f"{COUNT} WHERE line_amount < 0 AND state = 'open'", "mustBe: 0"),
        (f"{COUNT} WHERE ordered_at < '2000-01-01 00:00:00'", "mustBeLessThan: 1"),
        ("SELECT 100.0 * COUNT(state) / COUNT(*) FROM {object}", "mustBeGreaterThan: 50"),
    ],
)
def test_the_proof_of_a_contract_finds_rows_that_break_a_query(query: str, threshold: str) -> None:
    contract, rule = declared(query, threshold)

    told = {each.rule_id: (each.verdict, each.reason) for each in canaries(contract, RULES)}

    assert told[rule.id] == (SINGS, "")


def test_an_author_gives_rows_where_the_proof_finds_none() -> None:
    example = "value: {failing: [{line_amount: 17}, {line_amount: 19}], passing: [{line_amount: 3}]}"
    given = f"mustBe: 0\n        customProperties:\n          - {{property: lakehouse.example, {example}}}"
    query = "SELECT COUNT(*) FILTER (WHERE line_amount = 17) * COUNT(*) FILTER (WHERE line_amount = 19) FROM {object}"
    contract, rule = declared(query, given)

    told = {each.rule_id: (each.verdict, each.known_by) for each in canaries(contract, RULES)}

    assert told[rule.id] == (SINGS, "author")
