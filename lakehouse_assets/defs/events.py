"""What the pipeline says about partitions, as Dagster events: materialisations, evaluations, and one verdict.

The body of every table is `yield from to_events(...)`. A blocked partition fails the run, never the others:
they are materialised with their own data version, row count and score.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs import preview
from lakehouse_assets.defs.checks import by_dimension, to_evaluation, to_score
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.rule_rows import Beside
from lakehouse_assets.defs.scores import ScoreHistory, earlier_publishes, to_metadata
from lakehouse_assets.defs.sentences import to_error, to_failure
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.results import PartitionResult

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A table as Dagster sees it. `checks` maps the label of a dimension to its check; `score` blocks nothing."""

    contract: Contract
    key: dg.AssetKey
    uri: str
    partitions: dg.PartitionsDefinition | None
    checks: Mapping[str, dg.AssetCheckSpec]
    score: dg.AssetCheckSpec
    lineage: dg.TableColumnLineage
    retries: RetryPolicy

    def partition(self, result: PartitionResult) -> str | None:
        """Return the Dagster partition of a result; a snapshot has none."""
        return result.partition if self.partitions else None

    def wanted(self, context: dg.AssetExecutionContext) -> list[str]:
        """Return the partitions a run is about, as the pipeline names them."""
        return list(context.partition_keys) if self.partitions else [SNAPSHOT_PARTITION]


@dataclass(frozen=True, slots=True)
class Published:
    """What a step hands to its IO manager: every partition it was asked for, with the publish that serves it."""

    table: TableName
    version: int
    publishes: Mapping[str, str] = field(default_factory=dict)


def to_events(
    context: dg.AssetExecutionContext, plan: Plan, results: Iterable[PartitionResult], *, lake: LakeResource
) -> Iterator[Event]:
    """Yield the events of a run as its chunks are published; raise one sentence at the end if any was blocked."""
    done: list[PartitionResult] = []
    history: ScoreHistory | None = None
    for chunk in _chunks(results, plan.contract.load.partitions_per_chunk):
        history = history or _history(context, plan, lake)
        yield from _materialisations(plan, chunk, lake)
        yield from _evaluations(context.instance, plan, chunk, lake=lake, history=history)
        done += chunk
    for check in (*plan.checks.values(), plan.score):
        yield dg.Output(None, output_name=check.get_python_identifier())
    blocked = [result for result in done if result.is_blocked]
    if blocked:
        raise to_failure(plan.contract, blocked)
    publishes = {result.partition: result.publish for result in done}
    version = max((result.version for result in done), default=0)
    yield preview.silent(Published(plan.contract.table, version, publishes))


def _chunks(results: Iterable[PartitionResult], size: int) -> Iterator[list[PartitionResult]]:
    """Hand over what is published before an error ends the run: it is there, and readers see it."""
    chunk: list[PartitionResult] = []
    failure: dg.Failure | None = None
    try:
        for result in results:
            chunk.append(result)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except LakehouseError as error:
        failure = to_error(error)
    if chunk:
        yield chunk
    if failure is not None:
        raise failure


def _materialisations(plan: Plan, chunk: list[PartitionResult], lake: LakeResource) -> Iterator[Event]:
    good = [result for result in chunk if not result.is_blocked]
    totals = lake.totals(plan.contract.table) if good else None
    for result in good:
        rows = {"dagster/row_count": totals.rows} if totals else {}
        lineage = {"dagster/column_lineage": plan.lineage} if result is good[-1] else {}
        yield dg.AssetMaterialization(
            asset_key=plan.key,
            partition=plan.partition(result),
            metadata={**rows, **lineage, **_metadata(plan, result)},
            tags=preview.data_version_tags(result.record.content_hash),
        )


def _metadata(plan: Plan, result: PartitionResult) -> dict[str, Any]:
    ledger = result.record.ledger
    partition_rows = {"dagster/partition_row_count": ledger.published} if plan.partitions else {}
    return {
        **partition_rows,
        "dagster/uri": plan.uri,
        "lakehouse/status": result.status,
        **to_metadata(result.record),
        "lakehouse/rows_read": ledger.read,
        "lakehouse/rows_published": ledger.published,
        "lakehouse/rows_quarantined": ledger.quarantined,
        "lakehouse/rows_deduplicated": ledger.deduplicated,
        "lakehouse/rows_filtered": ledger.filtered,
        "lakehouse/delta_version": result.version,
        "lakehouse/publish": result.publish,
        "lakehouse/contract_version": plan.contract.version,
        "lakehouse/rule_set": plan.contract.rule_set,
    }


def _history(context: dg.AssetExecutionContext, plan: Plan, lake: LakeResource) -> ScoreHistory:
    if not plan.partitions:
        return ScoreHistory.of(earlier_publishes(context.instance, plan.key))
    return ScoreHistory.of(lake.scores_before(plan.contract.table, plan.wanted(context)))


def _evaluations(
    instance: dg.DagsterInstance, plan: Plan, chunk: list[PartitionResult], *, lake: LakeResource, history: ScoreHistory
) -> Iterator[Event]:
    good = [plan.partition(result) or "" for result in chunk if not result.is_blocked]
    targets = preview.read_targets(instance, plan.key, good)
    samples = lake.sample_rows(plan.contract.table, chunk)
    beside = Beside(plan.contract, lake.lake.settings.repository_url, samples)
    for result in chunk:
        partition = plan.partition(result)
        target = None if result.is_blocked else targets.get(partition or "")
        for label, rules in by_dimension(result.record.results, list(plan.checks)).items():
            yield to_evaluation(plan.checks[label], result, rules, partition=partition, target=target, beside=beside)
        earlier = history.add(result.record)
        yield to_score(plan.score, result.record, partition=partition, target=target, history=earlier)
