"""The sensor that tells Dagster of rollbacks: a materialisation each partition, with the data version it has again.

What reads the table then sees that its input changed. What a rollback is: `pipeline.rollback`.
"""

from collections.abc import Iterator

import dagster as dg

from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.metadata import to_key
from lakehouse_assets.defs.preview import data_version_tags
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.notices import find_notices, forget_notice
from lakehouse_assets.results import WITHDRAWN, Record


def tell_rollbacks(context: dg.SensorEvaluationContext, lake: LakeResource) -> str:
    """Report what was rolled back since the last tick; a tick that fails tells it again, which changes nothing."""
    told = 0
    for notice in find_notices(lake.lake):
        for event in _materialisations(lake, notice.record):
            context.instance.report_runless_asset_event(event)
        forget_notice(lake.lake, notice.path)
        told += 1
    if told:
        with store_of(lake.lake) as store:
            absorb(lake.lake, store)
    return f"{told} rollbacks told" if told else "nothing new"


def _materialisations(lake: LakeResource, record: Record) -> Iterator[dg.AssetMaterialization]:
    table = TableName.parse(record.table)
    is_partitioned = lake.contract(table).is_partitioned
    for one in record.partitions:
        # A partition that is gone has no content; its version must differ from any it ever had.
        version = record.publish if one.status == WITHDRAWN else one.content_hash
        yield dg.AssetMaterialization(
            asset_key=to_key(table),
            partition=one.partition if is_partitioned else None,
            metadata={
                "lakehouse/status": "rolled back",
                "lakehouse/publish": record.publish,
                "lakehouse/returns_to": record.returns_to or 0,
                "lakehouse/rows_published": one.ledger.published,
            },
            tags=data_version_tags(version),
        )
