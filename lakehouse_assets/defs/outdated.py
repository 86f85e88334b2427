"""The sensor that tells each asset how many of its partitions are outdated; what that means is `pipeline.outdated`'s.

Asked of the state store, not of records: nobody publishes slower for it. Running them again is a person's request.
"""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.metadata import to_key
from lakehouse_assets.pipeline.absorb import store_of
from lakehouse_assets.pipeline.outdated import is_outdated


def observe_outdated(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
    """Observe tables whose number of outdated partitions changed; the cursor holds what was told."""
    known: Mapping[str, int] = json.loads(context.cursor) if context.cursor else {}
    contracts = {str(name): contract for name, contract in lake.lake.catalog.contracts.items()}
    counted = dict.fromkeys(contracts, 0) | _counted(lake, contracts)
    moved = {table: count for table, count in counted.items() if count != known.get(table, 0)}
    events = [_observation(contracts[table], count) for table, count in moved.items()]
    said = f"{sum(counted.values())} partitions are outdated"
    return dg.SensorResult(asset_events=events, skip_reason=said, cursor=json.dumps(counted, sort_keys=True))


def _counted(lake: LakeResource, contracts: Mapping[str, Contract]) -> dict[str, int]:
    from lakehouse_assets.state.reports import served_versions  # noqa: PLC0415 - SQLAlchemy, when it is needed

    with store_of(lake.lake) as store, store.reading() as connection:
        served = served_versions(connection)
    counted: dict[str, int] = {}
    for one in served:
        contract = contracts.get(one.table)
        if contract is not None and is_outdated(contract, one.contract_version, one.rule_set):
            counted[one.table] = counted.get(one.table, 0) + one.partitions
    return counted


def _observation(contract: Contract, count: int) -> dg.AssetObservation:
    fix = f"lakehouse restate {contract.table} --outdated" if count else "nothing to do"
    metadata: dict[str, Any] = {
        "lakehouse/outdated_partitions": count,
        "lakehouse/contract_version": contract.version,
        "lakehouse/run_them_again": fix,
    }
    return dg.AssetObservation(asset_key=to_key(contract.table), metadata=metadata)
