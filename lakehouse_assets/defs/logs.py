"""The sensor of logs: it requests a run where records wait, and tells Dagster what was appended without it.

Records are appended by whoever comes first: a run, or `lakehouse stream`. How far a table is, the table itself says.
"""

import json
from collections.abc import Iterator, Mapping

import dagster as dg

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.metadata import to_key
from lakehouse_assets.defs.preview import data_version_tags
from lakehouse_assets.errors import SourceError
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.stream import behind, is_log
from lakehouse_assets.storage.table import OpenTable


def logs_of(lake: LakeResource) -> list[Contract]:
    """Return the tables that are appended from a log."""
    return [contract for contract in lake.lake.catalog.contracts.values() if is_log(lake.lake, contract)]


def watch_logs(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
    """Request the newest partition of tables that lag, unless somebody is appending to them; tell what was appended."""
    known: Mapping[str, int] = json.loads(context.cursor) if context.cursor else {}
    seen: dict[str, int] = {}
    requests: list[dg.RunRequest] = []
    events: list[dg.AssetMaterialization] = []
    for contract in logs_of(lake):
        name = str(contract.table)
        opened = lake.lake.open(contract.table)
        seen[name] = opened.version if opened else -1
        if opened and seen[name] != known.get(name, -1):
            events += _appended(lake, contract, opened, known.get(name, -1))
        elif _lags(lake, contract):
            requests.append(_request(lake, contract, seen[name]))
    said = f"{len(requests)} tables lag, {len(events)} partitions were appended to"
    cursor = json.dumps(seen, sort_keys=True)
    return dg.SensorResult(
        run_requests=requests, asset_events=events, skip_reason=None if requests else said, cursor=cursor
    )


def _lags(lake: LakeResource, contract: Contract) -> bool:
    try:
        return behind(lake.lake, contract) > 0
    except SourceError:
        return True  # a run says what is wrong, where incidents are made of it


def _request(lake: LakeResource, contract: Contract, version: int) -> dg.RunRequest:
    newest = lake.lake.partitions(contract.table)[-1]
    # Once a version of the table: a run that changes nothing is not repeated before the next partition begins.
    key = f"{contract.table}@{version}:{newest}"
    return dg.RunRequest(run_key=key, asset_selection=[to_key(contract.table)], partition_key=newest)


def _appended(
    lake: LakeResource, contract: Contract, opened: OpenTable, before: int
) -> Iterator[dg.AssetMaterialization]:
    earlier = lake.lake.open(contract.table, before) if before >= 0 else None
    known = earlier.publishes_by_partition() if earlier else {}
    changed = [one for one, publishes in opened.publishes_by_partition().items() if publishes != known.get(one)]
    said = recorded(lake.lake.objects_of(contract.table), opened, changed, skip_damaged=True)
    for partition, word in sorted(said.items()):
        yield dg.AssetMaterialization(
            asset_key=to_key(contract.table),
            partition=partition,
            metadata={
                "lakehouse/status": "appended",
                "lakehouse/publish": word.publish,
                "lakehouse/rows_published": word.of.ledger.published,
                "lakehouse/lag": float(word.of.measures.get("lag", 0)),
            },
            tags=data_version_tags(word.of.content_hash),
        )
