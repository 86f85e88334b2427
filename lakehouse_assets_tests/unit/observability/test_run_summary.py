"""A run's summary adds up what its partitions say."""

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from lakehouse_assets.observability.run_summary import Checks, render_summary, summarise_run
from lakehouse_assets.results import BLOCKED, PUBLISHED, UNCHANGED, Dimension, Outcome, PartitionResult, RuleResult
from lakehouse_assets.state.reports import OpenIncident
from lakehouse_assets_tests.builders import partition_record, rule_result


def _result(
    partition: str, *rules: RuleResult, status: str = PUBLISHED, read: int = 10, quarantined: int = 0
) -> PartitionResult:
    record = partition_record(partition, *rules, status=status, read=read, quarantined=quarantined)
    return PartitionResult("silver/orders", partition, status, "run-0000-1", record, version=1, seconds=0.25)


def test_rows_and_partitions_are_summed_per_table() -> None:
    results = [_result("a", quarantined=2), _result("b", status=UNCHANGED), _result("c", status=BLOCKED)]

    [table] = summarise_run("run", results).tables

    assert (table.published, table.unchanged, table.blocked) == (1, 1, 1)
    assert {kind: count for kind, count in table.rows.items() if count} == {
        "read": 30,
        "published": 18,
        "quarantined": 2,
        "held_back": 10,
    }


def test_checks_are_counted_by_the_dimension_people_know() -> None:
    rules = [
        rule_result("a.between", dimension=Dimension.CONFORMITY),
        rule_result("b.between", dimension=Dimension.CONFORMITY, outcome=Outcome.FAIL),
        rule_result("row_bounds", dimension=Dimension.COVERAGE),
        rule_result("c.required", dimension=Dimension.COMPLETENESS),
        rule_result("drift", dimension=Dimension.ACCURACY, outcome=Outcome.SKIPPED),
    ]

    [table] = summarise_run("run", [_result("a", *rules)]).tables

    assert table.checks == {"Completeness": Checks(2, 2), "Validity": Checks(1, 2)}


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((PUBLISHED, UNCHANGED), "success"),
        ((PUBLISHED, BLOCKED), "partial"),
        ((BLOCKED,), "failed"),
        ((), "success"),
    ],
)
def test_a_run_is_partial_when_only_some_partitions_were_blocked(statuses: tuple[str, ...], expected: str) -> None:
    results = [_result(str(number), status=status) for number, status in enumerate(statuses)]

    assert summarise_run("run", results).status == expected


def test_the_summary_is_json_and_text_with_its_incidents() -> None:
    incident = OpenIncident(
        *("0a1b2c-1", "P2", "error", "open", "silver/orders", "a.between", 305),
        opened_at=datetime(2011, 1, 1, tzinfo=UTC),
    )
    summary = summarise_run("run", [_result("a", rule_result("a.between"))], [incident])
    console = Console(width=200, file=io.StringIO(), record=True)

    console.print(render_summary(summary))

    text = console.export_text()
    data = json.loads(json.dumps(summary.to_dict()))
    assert data["incidents"][0]["failing_partitions"] == 305
    assert data["tables"][0]["checks"] == {"Completeness": {"passed": 1, "declared": 1}}
    assert "incident 0a1b2c-1 P2 open: silver/orders: a.between fails in 305 partitions" in text
    assert "score 100.0" in text
