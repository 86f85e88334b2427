"""The sensor that asks for partitions again once a table they refer to was published; what is stale: `pipeline.stale`.

Foreign keys are no asset dependencies: a new version of a reference table would otherwise request every day there is.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import dagster as dg

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.metadata import to_key
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.stale import Stale, find_stale

_FIRST, _LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def request_stale(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
    """Request what is stale and was not asked for since it is; the cursor holds what was.

    A rerun that changes nothing writes no record, so its partition stays stale and must not be asked for again.
    """
    known = set(json.loads(context.cursor)) if context.cursor else set()
    stale = {_token(one): one for one in find_stale(lake.lake)}
    fresh = [(token, one) for token, one in stale.items() if token not in known]
    requests = [
        request
        for table, found in groupby(sorted(fresh, key=lambda pair: pair[1].table), lambda pair: pair[1].table)
        for request in to_requests(lake, table, {one.partition: token for token, one in found})
    ]
    cursor = json.dumps(sorted(stale))
    if not requests:
        return dg.SensorResult(skip_reason="nothing is stale that was not asked for", cursor=cursor)
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def to_requests(lake: LakeResource, table: TableName, tokens: Mapping[str, str]) -> Iterator[dg.RunRequest]:
    """Yield runs for some partitions, neighbours together; `tokens` say what each is asked for, and only once."""
    for days in _neighbours(lake.lake.partitions(table), tokens):
        yield _request(lake.contract(table), days, [tokens[day] for day in days])


def _neighbours(partitions: Sequence[str], wanted: Iterable[str]) -> list[list[str]]:
    """Return the wanted partitions that still exist, those without a gap between them together: one run each."""
    places = {partition: place for place, partition in enumerate(partitions)}
    found = sorted((partition for partition in wanted if partition in places), key=places.__getitem__)
    groups = groupby(enumerate(found), lambda pair: places[pair[1]] - pair[0])
    return [[partition for _, partition in group] for _, group in groups]


def _request(contract: Contract, days: Sequence[str], tokens: Sequence[str]) -> dg.RunRequest:
    name = f"{contract.table}/{days[0]}/{_digest(''.join(tokens))}"
    tags = {} if days[0] == SNAPSHOT_PARTITION else {_FIRST: days[0], _LAST: days[-1]}
    return dg.RunRequest(run_key=name, asset_selection=[to_key(contract.table)], tags=tags)


def _token(stale: Stale) -> str:
    return _digest(f"{stale.table} {stale.partition} {stale.publish} {stale.references}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
