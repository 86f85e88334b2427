"""The audit of a chunk: partition rules on exactly the staged files, the gate, the attestation, the verdict."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import narwhals as nw

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import DELETED
from lakehouse_assets.pipeline.deletions import judges_deletions
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.entities.audit import derived_results
from lakehouse_assets.pipeline.over_time import look, remember, results_over_time, specs_over_time, with_measures
from lakehouse_assets.pipeline.reconciled import reconciliations
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.pipeline.refused.exempt import accept, expiry_note
from lakehouse_assets.pipeline.renamed import drift_of
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.attest import attest
from lakehouse_assets.quality.gate import decide, gate
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.score import score, severity_of
from lakehouse_assets.results import BLOCKED, PUBLISHED, PartitionRecord, RuleResult, StagedFile
from lakehouse_assets.storage.staged import in_memory


@dataclass(frozen=True, slots=True)
class Audited:
    """The verdict on one partition. `sentence` says why it is blocked, for a person."""

    partition: str
    tally: Tally
    record: PartitionRecord
    is_blocked: bool
    sentence: str


def audit(step: Step, draft: Draft) -> list[Audited]:
    """Judge every partition of a chunk; a rule that could not run counts as failed."""
    judged = _partition_results(step, draft)
    counts = {tally.partition: tally.ledger.published for tally in draft.tallies if _arrived(tally)}
    times = look(step, _live(step, draft) if specs_over_time(step) else None, counts)
    beside = reconciliations(step, draft, [one for one in draft.tallies if _arrived(one)], lambda: _rows(step, draft))
    audited: dict[str, Audited] = {}
    for tally in sorted(draft.tallies, key=lambda tally: tally.partition):
        looked_back = results_over_time(step, times, tally.partition)
        found = (*judged.get(tally.partition, ()), *looked_back, *beside.get(tally.partition, ()))
        one = _audited(step, draft, tally, found)
        audited[tally.partition] = one = replace(one, record=with_measures(times, one.record))
        if not one.is_blocked:
            remember(times, one.record)
    return [audited[tally.partition] for tally in draft.tallies]


def _audited(step: Step, draft: Draft, tally: Tally, partition_results: tuple[RuleResult, ...]) -> Audited:
    contract = step.contract
    found = (*tally.results, *partition_results)
    if _arrived(tally):
        found = (*found, *gate(contract.gate, tally.ledger, waived_rows=tally.waived_rows))
    results = attest(_declared(step, draft, tally), found)
    accepted = accept(step.lake, step.name, tally.partition, results, step.started_at.date())
    is_blocked, reason = decide(results, accepted.overridden)
    points = score(results, accepted.waived)
    record = PartitionRecord(
        partition=tally.partition,
        ledger=tally.ledger,
        results=results,
        content_hash=tally.content_hash,
        quarantine_hash=tally.quarantine_hash,
        score=points,
        status=BLOCKED if is_blocked else PUBLISHED,
        overridden=accepted.overridden,
        waived=accepted.waived,
        waived_rows=tally.waived_rows,
        exemptions=accepted.exemptions,
        low_score=severity_of(points, results, accepted.waived),
        objects=tally.objects,
        drift=(*tally.drift, *drift_of(contract, step.columns, step.table.columns)),
        measures=tally.measures,
        said=tally.said,
        inputs=draft.inputs.get(tally.partition, ""),
    )
    note = expiry_note(step, tally.partition, results) if is_blocked else ""
    sentence = f"{contract.table} {tally.partition}: {reason}{note}" if is_blocked else ""
    return Audited(tally.partition, tally, record, is_blocked, sentence)


def _arrived(tally: Tally) -> bool:
    return not any(result.rule_id in {"arrival", "input"} and not result.passed for result in tally.results)


def _declared(step: Step, draft: Draft, tally: Tally) -> tuple[RuleSpec, ...]:
    # Nothing arrived, so nothing could be judged: the one failed result says so, not every rule again.
    return (*step.contract.rules, *draft.built_in) if _arrived(tally) else ()


def _partition_results(step: Step, draft: Draft) -> dict[str, tuple[RuleResult, ...]]:
    rows_of = {tally.partition: tally.ledger.published for tally in draft.tallies if _arrived(tally)}
    specs = [spec for spec in step.contract.rules if spec.kind in {RuleKind.PARTITION, RuleKind.TABLE}]
    if not specs or not rows_of:
        return {}
    if draft.derivation is not None:
        return {name: derived_results(step, draft, specs, count) for name, count in rows_of.items()}
    collected = step.lake.engine.collect_all(list(_violations(step, _rows(step, draft), specs)))
    return {
        name: to_partition_results(specs, collected, name, count, scope_of(step.contract))
        for name, count in rows_of.items()
    }


def _rows(step: Step, draft: Draft) -> nw.LazyFrame:
    partition = step.contract.partition_column
    columns = {name: kind for name, kind in draft.columns.items() if name != partition}
    return step.lake.engine.scan(step.target().root, _staged(draft.valid), partition, in_memory(columns))


def _live(step: Step, draft: Draft) -> nw.LazyFrame:
    rows = _rows(step, draft)
    return rows.filter(~nw.col(DELETED)) if step.contract.role is Role.CHANGES else rows


def _violations(step: Step, rows: nw.LazyFrame, specs: Sequence[RuleSpec]) -> Iterator[nw.LazyFrame]:
    contract, functions = step.contract, step.lake.rule_functions
    is_log = contract.role is Role.CHANGES
    live = rows.filter(~nw.col(DELETED)) if is_log else rows
    for spec in specs:
        judged = live if is_log and not judges_deletions(spec, contract) else rows
        yield from judge_partitions(judged, contract.partition_column, [spec], functions, scope_of(contract))


def _staged(files: Iterable[StagedFile]) -> list[DataFile]:
    return [DataFile(file.path, file.rows, file.partition) for file in files]
