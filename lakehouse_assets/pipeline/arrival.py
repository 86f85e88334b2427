"""What bronze says about an arrival: whether it came whole, what was odd about it, and whether it came before.

Results only; landing the rows is `ingest`, the bounds of a source file are ordinary rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lakehouse_assets.connectors.access import FAIL_FAST, RETRY, SKIP
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import Source
from lakehouse_assets.errors import PassingSourceError
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import Dimension, DriftEvent, OnFailure, Outcome, RuleResult, Severity

ARRIVAL = "arrival"
# A sender that repeats a day does so within a few weeks; reading every record ever written would not scale.
LOOK_BACK_PARTITIONS = 31
_Kind = tuple[Dimension, Severity, OnFailure]
_WHOLE: _Kind = (Dimension.COMPLETENESS, Severity.ERROR, OnFailure.BLOCK)
_ODD: _Kind = (Dimension.CONFORMITY, Severity.WARNING, OnFailure.KEEP)
_LATE: _Kind = (Dimension.TIMELINESS, Severity.WARNING, OnFailure.KEEP)
_REPEATED: _Kind = (Dimension.UNIQUENESS, Severity.WARNING, OnFailure.KEEP)


def settled(source: Source, answer: Extraction | Rejection) -> Extraction | Rejection:
    """Return an answer as the source's `onError` means it.

    Raises the error of refused input where the run is to fail: always with `fail-fast`, and with `retry` when asking
    again may help. Otherwise the partition is kept back; `skip-and-alert` keeps nothing of what could not be read.
    """
    if isinstance(answer, Extraction):
        return answer
    if source.on_error == FAIL_FAST or (source.on_error == RETRY and isinstance(answer.error, PassingSourceError)):
        raise answer.error
    return replace(answer, dead_letters=()) if source.on_error == SKIP else answer


def refused(answer: Rejection) -> tuple[RuleResult, ...]:
    """Return the one result of input that was refused whole; without it there is nothing else to judge."""
    return (RuleResult(ARRIVAL, ARRIVAL, *_WHOLE, Outcome.FAIL, reason=str(answer.error)),)


def accepted(answer: Extraction, counted: Mapping[str, int], repeats: Mapping[str, str]) -> tuple[RuleResult, ...]:
    """Return the results of input that landed; `repeats` maps objects to the partition that had their content."""
    rows, defects = int(counted.get("rows", 0)), int(counted.get("defects", 0))
    again = "; ".join(f"{path} has the content of {partition}" for path, partition in repeats.items())
    drifts = "; ".join(drift_sentence(event) for event in answer.drift)
    return (
        RuleResult(ARRIVAL, ARRIVAL, *_WHOLE, Outcome.PASS, checked_rows=rows, reason="; ".join(answer.warnings)),
        _told("well_formed", _ODD, "silver quarantines them" if defects else "", failed=defects, checked=rows),
        _told("schema", _ODD, drifts),
        _told("repeated_content", _REPEATED, again, failed=len(repeats), checked=len(answer.objects)),
    )


def log_results(letters: int, records: int, behind: int, most_behind: int | None) -> tuple[RuleResult, ...]:
    """Return what is said about some records of a log: how many could be no rows, and how many still wait."""
    poison = "they are in the dead letters" if letters else ""
    lag = f"{behind} records wait, {most_behind} may" if most_behind is not None and behind > most_behind else ""
    return (
        _told("decoded", _ODD, poison, failed=letters, checked=records),
        _told("lag", _LATE, lag),
    )


def near_partitions(step: Step) -> list[str]:
    """Return the other partitions in which a repeated object is looked for."""
    return [key for key in step.table.partitions if key not in step.partitions][-LOOK_BACK_PARTITIONS:]


def find_repeats(step: Step, arrived: Iterable[Extraction]) -> dict[str, dict[str, str]]:
    """Return, a partition, which of its objects an earlier partition had already, by sha256 of the content."""
    known = recorded(step.lake.objects_of(step.name), step.table, near_partitions(step))
    first: dict[str, str] = {}
    for partition, one in sorted(known.items()):
        for source_object in one.of.objects:
            first.setdefault(source_object.sha256, partition)
    found: dict[str, dict[str, str]] = {}
    for answer in arrived:
        for source_object in answer.objects:
            owner = first.setdefault(source_object.sha256, answer.partition)
            if owner < answer.partition:
                found.setdefault(answer.partition, {})[source_object.path] = owner
    return found


def _told(rule_id: str, kind: _Kind, reason: str, *, failed: int = 0, checked: int = 0) -> RuleResult:
    outcome = Outcome.FAIL if reason else Outcome.PASS
    return RuleResult(rule_id, rule_id, *kind, outcome, failed_rows=failed, checked_rows=checked, reason=reason)


def drift_sentence(event: DriftEvent) -> str:
    """Return a difference of columns in words."""
    renamed = (f"{old} → {new}" for old, new in event.renamed)
    names = ", ".join((*event.added, *event.removed, *renamed, *event.type_changed))
    return f"{event.type}: {names}" if names else event.type
