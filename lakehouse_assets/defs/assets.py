"""A contract becomes an asset: one visible asset, its checks, its partitions, and a body that calls one verb."""

from collections.abc import Callable, Iterator

import dagster as dg

from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs import automation, checks, metadata, preview
from lakehouse_assets.defs.events import Event, Plan, to_events
from lakehouse_assets.defs.freshness import to_freshness
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.partitions import reads_late_window, to_mapping, to_partitions
from lakehouse_assets.defs.retries import STORAGE_RETRIES, retried
from lakehouse_assets.defs.runtime import limit_runtime
from lakehouse_assets.pipeline.computing import SPARK, engine_of
from lakehouse_assets.results import PartitionResult

LAKE, IO_MANAGER = "lake", "io_manager"


def to_asset(contract: Contract, lake: LakeResource) -> dg.AssetsDefinition:
    """Return the asset of a table."""
    plan = to_plan(contract, lake)
    settings = lake.lake.settings
    with preview.disable_dagster_warnings():
        return dg.asset(
            key=plan.key,
            description=contract.description or None,
            group_name=contract.table.layer,
            owners=metadata.to_owners(contract),
            tags=metadata.to_tags(contract),
            kinds={"delta", "polars"},
            metadata=metadata.to_metadata(contract, uri=plan.uri, config_dir=settings.config_dir),
            deps=_deps(contract, lake),
            partitions_def=plan.partitions,
            backfill_policy=dg.BackfillPolicy.single_run(),
            output_required=False,
            check_specs=[*plan.checks.values(), plan.score],
            freshness_policy=to_freshness(contract, warn=settings.staleness_warn, fail=settings.staleness_fail),
            automation_condition=_condition(contract, lake),
            pool="_".join(contract.table.parts),
            required_resource_keys={LAKE},
            io_manager_key=IO_MANAGER,
        )(_to_body(plan))


def to_plan(contract: Contract, lake: LakeResource) -> Plan:
    """Return what the body of a table's asset needs to know."""
    key, partitions = metadata.to_key(contract.table), to_partitions(contract)
    specs = preview.partitioned_checks(key, checks.to_questions(contract), partitions)
    (score,) = preview.partitioned_checks(key, checks.SCORE, partitions, blocking=False)
    return Plan(
        contract=contract,
        key=key,
        uri=lake.lake.root_of(contract.table),
        partitions=partitions,
        checks={spec.name: spec for spec in specs},
        score=score,
        lineage=metadata.to_lineage(contract),
        retries=_retries(contract, lake),
    )


def _to_body(plan: Plan) -> Callable[[dg.AssetExecutionContext], Iterator[Event]]:
    def materialise(context: dg.AssetExecutionContext) -> Iterator[Event]:
        lake: LakeResource = context.resources.lake
        limit_runtime(context, lake.lake.catalog)
        results = _results(context, plan, lake)
        with retried(context, plan.retries), preview.held_open(context.instance, context.run.run_id):
            yield from to_events(context, plan, results, lake=lake)

    return materialise


def _results(context: dg.AssetExecutionContext, plan: Plan, lake: LakeResource) -> Iterator[PartitionResult]:
    worker, wanted = lake.lake.settings.worker, plan.wanted(context)
    if worker is None or engine_of(lake.lake, plan.contract) != SPARK:
        return lake.materialise(plan.contract.table, wanted, run_id=context.run.run_id)
    from lakehouse_assets.defs.remote import compute  # noqa: PLC0415 - needs the extra `aws`

    return compute(context, worker, plan.contract, wanted)


def _retries(contract: Contract, lake: LakeResource) -> RetryPolicy:
    catalog = lake.lake.catalog
    if contract.table.layer != "bronze":
        return STORAGE_RETRIES
    return catalog.retry_policies.get(catalog.sources[contract.table.path[0]].retry_policy, STORAGE_RETRIES)


def _deps(contract: Contract, lake: LakeResource) -> list[dg.AssetDep]:
    known = lake.lake.catalog.contracts
    return [
        dg.AssetDep(metadata.to_key(name), partition_mapping=to_mapping(contract, known[name]))
        for name in contract.upstreams
        if name in known
    ]


def _condition(contract: Contract, lake: LakeResource) -> dg.AutomationCondition | None:
    catalog = lake.lake.catalog
    if contract.table.layer != "bronze":
        upstreams = [catalog.contract(name) for name in contract.upstreams if name in catalog.contracts]
        return automation.on_change(contract, late_window=reads_late_window(contract, upstreams))
    cadence = catalog.cadences.get(catalog.sources[contract.table.path[0]].cadence)
    if cadence is None:
        return None
    return automation.on_cadence(contract, cadence, lookback=catalog.source_table(contract.table).lookback)
