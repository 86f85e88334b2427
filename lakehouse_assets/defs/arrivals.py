"""Sensors that ask for partitions as soon as their files are there; what is new: `pipeline.arrived`.

The cadence asks all the same: a file that nobody noticed lands with the next one.
"""

import dagster as dg

from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.stale import to_requests
from lakehouse_assets.pipeline.arrived import find_arrived, load_seen


def request_arrived(context: dg.SensorEvaluationContext, lake: LakeResource, source: str) -> dg.SensorResult:
    """Request the partitions of a source whose files are new; the cursor holds what was seen."""
    arrived = find_arrived(lake.lake, source, load_seen(context.cursor))
    requests = [one for table, tokens in arrived.fresh.items() for one in to_requests(lake, table, tokens)]
    cursor = arrived.seen.dump()
    if not requests:
        return dg.SensorResult(skip_reason="no file has arrived since", cursor=cursor)
    return dg.SensorResult(run_requests=requests, cursor=cursor)
