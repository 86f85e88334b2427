"""Batches of tables that are appended once: what identifies one, and what publishes of one partition say together.

Loading batches is `append`'s; where a batch stands is `storage.fence`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from lakehouse_assets.connectors.said import together as said_together
from lakehouse_assets.engines import kit
from lakehouse_assets.quality.score import score, severity_of
from lakehouse_assets.results import Ledger, Outcome, PartitionRecord, RuleResult, SourceObject

_WORST_FIRST = (Outcome.ERROR, Outcome.NOT_RUN, Outcome.FAIL, Outcome.PASS, Outcome.SKIPPED)


def batch_of(partition: str, source_object: SourceObject) -> str:
    """Return the id of the batch that an object is: what it holds, under this path, for this partition."""
    return sha256(f"{partition}\n{source_object.path}\n{source_object.sha256}".encode()).hexdigest()


def together(parts: Sequence[PartitionRecord]) -> PartitionRecord:
    """Return what several publishes say about one partition, oldest first: rows and sums are added up.

    A rule is as bad as in its worst publish.
    """
    if len(parts) == 1:
        return parts[0]
    rules = dict.fromkeys(result.rule_id for part in reversed(parts) for result in part.results)
    results = tuple(_together(rule_id, parts) for rule_id in rules)
    waived = tuple(dict.fromkeys(rule_id for part in parts for rule_id in part.waived))
    points = score(results, waived)
    totals = tuple(sum(numbers) for numbers in zip(*(part.content_totals for part in parts), strict=True))
    return replace(
        parts[-1],
        ledger=added_up(part.ledger for part in parts),
        results=results,
        content_hash=kit.content_hash(*totals) if totals else parts[-1].content_hash,
        content_totals=totals,
        score=points,
        low_score=severity_of(points, results, waived),
        overridden=tuple(dict.fromkeys(rule_id for part in parts for rule_id in part.overridden)),
        waived=waived,
        waived_rows=sum(part.waived_rows for part in parts),
        exemptions=tuple(dict.fromkeys(one for part in parts for one in part.exemptions)),
        objects=tuple(one for part in parts for one in part.objects),
        drift=tuple(dict.fromkeys(event for part in parts for event in part.drift)),
        measures=_sums([part.measures for part in parts]),
        said=said_together([part.said for part in parts]),
    )


def added_up(ledgers: Iterable[Ledger]) -> Ledger:
    """Return the sum of some ledgers."""
    total = Ledger()
    for one in ledgers:
        total = Ledger(
            total.read + one.read,
            total.published + one.published,
            total.quarantined + one.quarantined,
            total.deduplicated + one.deduplicated,
            total.filtered + one.filtered,
        )
    return total


def _together(rule_id: str, parts: Iterable[PartitionRecord]) -> RuleResult:
    found = [result for part in parts for result in part.results if result.rule_id == rule_id]
    reasons = dict.fromkeys(result.reason for result in found if result.reason)
    return replace(
        found[-1],
        outcome=min((result.outcome for result in found), key=_WORST_FIRST.index),
        failed_rows=sum(result.failed_rows for result in found),
        checked_rows=sum(result.checked_rows for result in found),
        reason="; ".join(reasons),
    )


def _sums(measures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for one in measures:
        for name, value in one.items():
            is_number = isinstance(value, int) and not isinstance(value, bool)
            total[name] = total.get(name, 0) + value if is_number else value
    return total
