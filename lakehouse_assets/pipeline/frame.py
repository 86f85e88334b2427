"""Publishing a frame that something else computed (a hand-written asset), through the same primitive."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import narwhals as nw

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.errors import UnknownTableError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.curate import draft_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.logbook import log_chunk
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.run import drafted
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.results import PartitionResult


def publish_frame(
    lake: Lake, table: TableName, frame: nw.LazyFrame, partitions: Sequence[str], *, run_id: str
) -> list[PartitionResult]:
    """Conform, judge, record and publish `frame` as the given partitions of a table with a contract.

    Raises UnknownTableError for a bronze table: bronze holds what a source delivered, nothing computed.
    """
    contract = lake.contract(table)
    if table.layer == "bronze":
        raise UnknownTableError("a frame cannot be published into bronze.", where=str(table), fix="Use a source.")
    if contract.role is not Role.TABLE:
        raise UnknownTableError("an entity is made from its source only.", where=str(table), fix="Use a source.")
    wanted = lake.check_partitions(table, partitions)
    # What was computed by Polars is judged and staged there, whatever computes the table otherwise.
    lake = replace(lake, computes=lake.engine) if frame.implementation is nw.Implementation.POLARS else lake
    step = open_step(lake, contract, wanted, run_id=run_id, chunk=0)
    results = publish(step, drafted(step, partial(draft_of, computed=frame)))
    log_chunk(step, results)
    return results
