"""The run log has one line per partition, with the fields operators expect and no values of rows."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import TableName
from lakehouse_assets.observability.run_log import (
    Span,
    entries_of_failure,
    entries_of_record,
    entries_of_results,
    write_run_log,
)
from lakehouse_assets.results import (
    BLOCKED,
    UNCHANGED,
    Ledger,
    OnFailure,
    Outcome,
    PartitionRecord,
    PartitionResult,
)
from lakehouse_assets_tests.builders import partition_record, publish_record, rule_result

SPAN = Span("run", datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 1, 1, 0, 1, tzinfo=UTC))
FIELDS = {
    *("pipeline_name", "run_id", "started_at", "completed_at", "status", "stage", "rows_extracted"),
    *("rows_transformed", "rows_loaded", "rows_rejected", "quality_checks_passed", "quality_checks_failed"),
    *("duration_seconds", "error_message", "watermark_before", "watermark_after", "tenant", "table", "partition"),
    "trace_id",
}


def _partition(status: str) -> PartitionRecord:
    broken = rule_result("row_bounds", outcome=Outcome.FAIL, on_failure=OnFailure.BLOCK)
    skipped = rule_result("drift", outcome=Outcome.SKIPPED)
    kept = rule_result("a.required", outcome=Outcome.FAIL)
    record = partition_record("2011-01-01", broken, kept, skipped, rule_result("b.between"), status=status)
    ledger = Ledger(read=100, published=80, quarantined=9, deduplicated=8, filtered=3)
    return PartitionRecord(**{name: getattr(record, name) for name in record.__slots__} | {"ledger": ledger})


def test_a_line_has_exactly_the_promised_fields() -> None:
    [entry] = entries_of_record(publish_record("run-0000-1", partition_record("2011-01-01")))

    assert set(json.loads(entry.to_json())) == FIELDS


def test_a_published_partition_counts_its_rows_and_checks() -> None:
    [entry] = entries_of_record(publish_record("run-0000-1", _partition("published")))

    rows = (entry.rows_extracted, entry.rows_transformed, entry.rows_loaded, entry.rows_rejected)
    assert rows == (100, 89, 80, 9)
    assert (entry.quality_checks_passed, entry.quality_checks_failed) == (1, 2)
    assert (entry.status, entry.stage, entry.error_message) == ("success", "refine", "")


def test_a_blocked_partition_loads_nothing_and_says_which_rules_held_it_back() -> None:
    [entry] = entries_of_record(publish_record("run-0000-1", _partition(BLOCKED)))

    assert (entry.status, entry.rows_loaded, entry.error_message) == ("failed", 0, "blocked by row_bounds")


@pytest.mark.parametrize(("table", "stage"), [("bronze/retail/lines", "ingest"), ("gold/daily_sales", "curate")])
def test_the_stage_follows_from_the_layer(table: str, stage: str) -> None:
    [entry] = entries_of_record(publish_record("run-0000-1", partition_record("2011-01-01"), table=table))

    assert entry.stage == stage


def test_lines_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    entries = entries_of_record(publish_record("r-0000-1", partition_record("a"), partition_record("b")))

    write_run_log(entries, "stdout", Path("unused"))

    assert [json.loads(line)["partition"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]


def test_lines_go_nowhere_when_off(capsys: pytest.CaptureFixture[str]) -> None:
    write_run_log(entries_of_record(publish_record("r-0000-1", partition_record("a"))), "off", Path("unused"))

    assert capsys.readouterr().out == ""


def test_a_row_for_the_store_names_its_table_as_the_store_does() -> None:
    [entry] = entries_of_record(publish_record("r-0000-1", partition_record("a")))

    row = entry.to_row()
    assert row["table_name"] == "silver/orders"
    assert "table" not in row


def test_a_partition_that_did_not_change_has_a_line_too() -> None:
    record = partition_record("2011-01-01", status=UNCHANGED)
    result = PartitionResult("silver/orders", "2011-01-01", UNCHANGED, "a-0000-1", record, version=1, seconds=0.5)

    [entry] = entries_of_results([result], SPAN)

    assert (entry.run_id, entry.status, entry.duration_seconds) == ("run", "success", 0.5)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SourceError("missing", "no file came."), "missing: no file came."),
        (ValueError("jane@example.org"), "ValueError"),
    ],
)
def test_a_run_that_raised_says_why_without_words_of_others(error: Exception, message: str) -> None:
    first, second = entries_of_failure(error, TableName.parse("bronze/retail/lines"), ["a", "b"], SPAN)

    assert (first.partition, second.partition) == ("a", "b")
    assert (first.status, first.stage, first.error_message) == ("failed", "ingest", message)
