"""The trend of a score in the metadata of its check."""

from dataclasses import replace

from lakehouse_assets.defs.scores import LAST, ScoreHistory, to_markdown, to_metadata
from lakehouse_assets.quality.trend import Scored
from lakehouse_assets.results import Dimension, PartitionRecord
from lakehouse_assets_tests.builders import partition_record, rule_result


def record(day: str, score: float = 100.0) -> PartitionRecord:
    return replace(partition_record(day, rule_result("a", dimension=Dimension.CONFORMITY)), score=score)


def known(*days: str) -> ScoreHistory:
    return ScoreHistory.of([Scored(day, 98.0, 100.0, {}) for day in days])


def test_a_partition_is_compared_with_those_before_it_only() -> None:
    history = known("2026-01-03", "2026-01-07").add(record("2026-01-05"))

    assert [one.at for one in history] == ["2026-01-03", "2026-01-05"]


def test_partitions_of_the_same_run_are_history_of_the_later_ones() -> None:
    scores = known()
    scores.add(record("2026-01-04", 91.0))

    assert [(one.at, one.score) for one in scores.add(record("2026-01-05"))] == [
        ("2026-01-04", 91.0),
        ("2026-01-05", 100.0),
    ]


def test_no_more_than_a_month_is_looked_back() -> None:
    history = known(*(f"2025-{month:02}-{day:02}" for month in (10, 11) for day in range(1, 31)))

    assert len(history.add(record("2026-01-05"))) == LAST + 1


def test_a_table_without_partitions_is_compared_with_its_earlier_publishes() -> None:
    scores = known("2026-01-04T10:00:00+00:00")

    assert [one.score for one in scores.add(record("0"))] == [98.0, 100.0]


def test_the_trend_is_a_table_with_a_plot() -> None:
    shown = to_markdown(known("2026-01-03", "2026-01-04").add(record("2026-01-05"))).splitlines()

    assert shown[0] == "| | now | mean before | lowest before | the last 3, from 90 to 100 |"
    assert shown[2] == "| Score | 100.00 | 98.00 | 98.00 | `▇▇█` |"
    assert shown[3] == "| Validity | 100.00 |  |  | `█` |"


def test_one_score_is_no_trend() -> None:
    assert to_markdown(known().add(record("2026-01-05"))) == ""


def test_dagster_gets_the_score_and_its_parts_as_numbers() -> None:
    assert to_metadata(record("2026-01-05", 97.0)) == {"lakehouse/score": 97.0, "lakehouse/score_validity": 100.0}
