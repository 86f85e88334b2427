"""Rules that compare a partition with those before it: what was measured of it, and what records say of the others.

They look at other partitions, so they alert and never decide. Their history are records of what is served, beside the
data; the state store has no part in it. Of the partitions of one chunk the earlier are history of the later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import narwhals as nw

from lakehouse_assets.contracts.calendar import day_of
from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.errors import DamagedRecordError
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.baseline import NEW_LEVEL, WINDOW
from lakehouse_assets.quality.judge import reason_of, result_of, rule_errors
from lakehouse_assets.quality.measures import histogram, mark_of, measured, names_of, totals, watched
from lakehouse_assets.quality.seen import Measured, Seen, past_of, result_over_time
from lakehouse_assets.results import Outcome, PartitionRecord, RuleResult

# Some more than the window: days that do not count lie in it, too.
_READ = WINDOW + 4 * NEW_LEVEL
_DAY = "YYYY-MM-DD"


@dataclass(slots=True)
class Times:
    """What rules over time of one chunk look at; `earlier` grows as its partitions are judged, in their order.

    `blind` says why there is no looking back; then every such rule is an error, for nobody knows what it would say.
    """

    specs: tuple[RuleSpec, ...]
    measured: dict[str, Measured]
    earlier: dict[str, PartitionRecord] = field(default_factory=dict)
    blind: str = ""


def specs_over_time(step: Step) -> tuple[RuleSpec, ...]:
    """Return the rules of a table that need its history."""
    return tuple(spec for spec in step.contract.rules if spec.kind is RuleKind.OVER_TIME)


def look(step: Step, rows: nw.LazyFrame | None, counts: dict[str, int]) -> Times:
    """Measure what will be published, and read what was before; `counts` are the rows of each partition."""
    specs = specs_over_time(step)
    if not specs or not counts:
        return Times(specs, {})
    found = Times(specs, _measured(step, rows, specs, counts))
    try:
        found.earlier.update(_served(step, counts))
    except DamagedRecordError as error:
        found.blind = f"what was published before cannot be read: {error}"
    return found


def results_over_time(step: Step, times: Times, partition: str) -> tuple[RuleResult, ...]:
    """Return what each rule says about a partition that was measured; nothing about one that never arrived."""
    if partition not in times.measured:
        return ()
    return tuple(_judged(step, times, spec, partition) for spec in times.specs)


def with_measures(times: Times, record: PartitionRecord) -> PartitionRecord:
    """Return the record of a partition with what was measured of it, for those after it."""
    own = times.measured.get(record.partition)
    return record if own is None else replace(record, metrics=own.numbers, histograms=own.histograms)


def remember(times: Times, record: PartitionRecord) -> None:
    """Let the partitions after this one see what will be served of it."""
    if record.partition in times.measured:
        times.earlier[record.partition] = record


def _judged(step: Step, times: Times, spec: RuleSpec, partition: str) -> RuleResult:
    own = times.measured[partition]
    function = step.lake.rule_functions.get(spec.rule)
    if times.blind or function is None:
        reason = times.blind or f"no rule is named {spec.rule!r}"
        return result_of(spec, Outcome.ERROR, checked=own.rows, reason=reason)
    earlier = [record for name, record in sorted(times.earlier.items()) if _compares(name, partition)]
    seen = Seen(
        day_of(partition),
        own,
        tuple(past_of(record, spec.id) for record in earlier),
        step.contract.calendar,
        may_be_empty=step.contract.gate.empty_partition == "allow",
    )
    try:
        told = function(seen, **spec.arguments)
    except rule_errors() as error:
        return result_of(spec, Outcome.ERROR, checked=own.rows, reason=reason_of(error))
    return result_over_time(spec, told, own.rows)


def _compares(earlier: str, partition: str) -> bool:
    """Whether a partition lies before another one: an hour is compared with the same hour of other days."""
    return earlier < partition and earlier[len(_DAY) :] == partition[len(_DAY) :]


def _measured(
    step: Step, rows: nw.LazyFrame | None, specs: Sequence[RuleSpec], counts: dict[str, int]
) -> dict[str, Measured]:
    by, names, columns = step.contract.partition_column, names_of(specs), watched(specs)
    if rows is None or (len(names) == 1 and not columns):
        return {partition: Measured(count) for partition, count in counts.items()}
    frames = [totals(rows, by, specs), *(histogram(rows, by, column) for column in columns)]
    summed, *bins = step.lake.engine.collect_all(frames)
    found = {column: (mark_of(rows, column), frame) for column, frame in zip(columns, bins, strict=True)}
    return {partition: measured(partition, count, names, (summed, found), by) for partition, count in counts.items()}


def _served(step: Step, counts: Iterable[str]) -> dict[str, PartitionRecord]:
    """Return what is recorded of the partitions before the last of these; what has no record cannot be looked at."""
    counts = list(counts)
    last, known = max(counts), sorted(step.table.partitions)
    wanted = [name for name in known if min(counts) <= name < last]
    for first in {name[len(_DAY) :]: name for name in sorted(counts, reverse=True)}.values():
        wanted += [name for name in known if name < min(counts) and _compares(name, first)][-_READ:]
    found = recorded(step.lake.objects_of(step.name), step.table, wanted)
    missing = next((name for name in wanted if name not in found), None)
    if missing is not None:
        raise DamagedRecordError(
            f"{missing} is served without a record.", where=step.table.root, fix="Run this partition again."
        )
    return {name: word.of for name, word in found.items()}
