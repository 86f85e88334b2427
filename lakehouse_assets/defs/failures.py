"""Facts for incidents from Dagster's side: runs that failed for another reason than data, and stale tables.

What rules said comes from records (`pipeline.absorb`), never from here. Pure but for reading the event log.
"""

import builtins
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lakehouse_assets import errors
from lakehouse_assets.contracts.calendar import day_of
from lakehouse_assets.contracts.model import Catalog, Contract
from lakehouse_assets.defs.sentences import BLOCKED_KEY, CODE_KEY, ERROR_KEY, WHAT_KEY
from lakehouse_assets.errors import LakehouseError, SourceError
from lakehouse_assets.incidents.facts import RUN_FAILURE, facts_of_failure
from lakehouse_assets.incidents.incident import Fact, FailureClass
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.results import Severity

FRESHNESS = "freshness"
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def facts_of_run(instance: dg.DagsterInstance, catalog: Catalog, run_id: str, at: datetime) -> list[Fact]:
    """Return what a failed run says; nothing when contracts kept partitions back, for their records say it better."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return []
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    failed = {str(entry.step_key): entry.dagster_event.step_failure_data for entry in entries if entry.dagster_event}
    facts: list[Fact] = []
    for contract in _contracts(catalog, run.asset_selection or ()):
        step = "__".join(contract.table.parts)
        if failed and step not in failed:
            continue
        error = _to_error(failed[step]) if failed else LakehouseError("the run's process died.")
        if error is not None:
            partitions = partitions_of(contract, run.tags)
            facts += facts_of_failure(error, contract, partitions, run_id=run_id, at=at)
    return facts


def facts_of_success(events: Iterable[dg.EventLogRecord], catalog: Catalog) -> Iterator[Fact]:
    """Return that runs came through, for every table and partition that evaluations of a publish name.

    A rerun that changes nothing writes no record, so only its evaluations can close what a crash opened.
    """
    published: dict[tuple[TableName, str], float] = {}
    for event in events:
        data: Any = event.event_log_entry.dagster_event.event_specific_data  # type: ignore[union-attr]
        table = to_table(data.asset_key)
        if data.target_materialization_data is not None and table in catalog.contracts:
            published[table, data.partition or SNAPSHOT_PARTITION] = event.timestamp
    for (table, partition), timestamp in published.items():
        at = datetime.fromtimestamp(timestamp, UTC)
        for kind in FailureClass:
            yield Fact(str(table), f"{RUN_FAILURE}{kind.value}", partition, failed=False, at=at)


def fact_of_freshness(event: dg.EventLogRecord, catalog: Catalog) -> Fact | None:
    """Return what a change of a freshness state says; only FAIL is a failure."""
    data: Any = event.event_log_entry.dagster_event.event_specific_data  # type: ignore[union-attr]
    table = to_table(data.key)
    if table not in catalog.contracts:
        return None
    contract = catalog.contract(table)
    return Fact(
        table=str(table),
        rule_id=FRESHNESS,
        partition="",
        failed=data.new_state.value == "FAIL",
        at=datetime.fromtimestamp(data.state_change_timestamp, UTC),
        severity=Severity.WARNING,
        failure_class=FailureClass.MISSING_DATA,
        message="nothing was published for longer than promised",
        place=str(contract.place),
        owner=contract.owner,
        runbook=contract.runbook,
    )


def partitions_of(contract: Contract, tags: Mapping[str, str]) -> list[str]:
    """Return the partitions of a table that a run was about, by the run's tags."""
    if not contract.is_partitioned or contract.calendar is None:
        return [SNAPSHOT_PARTITION]
    if _PARTITION in tags:
        return [tags[_PARTITION]]
    first, last = (tags.get(name, "") for name in _RANGE)
    if not last:
        return [""]
    return [key for key in contract.calendar.partitions(day_of(last)) if first <= key <= last]


def to_table(key: dg.AssetKey) -> TableName:
    """Return the table of an asset key."""
    layer, *path = key.path
    return TableName(layer, tuple(path))


def _contracts(catalog: Catalog, keys: Iterable[dg.AssetKey]) -> list[Contract]:
    tables = sorted(to_table(key) for key in keys)
    return [catalog.contract(table) for table in tables if table in catalog.contracts]


def _to_error(failure: Any) -> BaseException | None:  # noqa: ANN401 - Dagster's own record of a step failure
    """Return an exception of the kind that was raised, or None when partitions were kept back."""
    known = failure.user_failure_data.metadata if failure.user_failure_data else {}
    if BLOCKED_KEY in known:
        return None
    if ERROR_KEY not in known:
        return _foreign_error(failure.error)
    name, what, code = (str(known[key].value or "") for key in (ERROR_KEY, WHAT_KEY, CODE_KEY))
    if code:
        return SourceError(code, what.removeprefix(f"{code}: "))
    kind: type[LakehouseError] = getattr(errors, name, LakehouseError)
    return LakehouseError(what) if kind is errors.ConfigError else kind(what)


def _foreign_error(error: Any) -> BaseException:  # noqa: ANN401 - Dagster's serialised exception
    causes = [error]
    while causes[-1] is not None and causes[-1].cause is not None:
        causes.append(causes[-1].cause)
    names = [cause.cls_name for cause in reversed(causes) if cause is not None]
    kinds = (getattr(builtins, name or "", None) for name in names)
    found = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseException)), RuntimeError)
    return found(names[0] if names else "")
