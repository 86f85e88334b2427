"""Tables of logs outside of a partition's run: follow a log on and on, read some of it again, how far behind one is.

Appending itself is `append_log`; here is when a step is begun anew, and what becomes of a source that is away.
"""

import logging
import time
from collections.abc import Callable

from lakehouse_assets.connectors.log import LogConnector, Span, Window
from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.faults import without_values
from lakehouse_assets.errors import LakehouseError, PassingSourceError, SourceError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.append_log import Tell, append_log
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.logbook import log_chunk
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.storage.fence import position

# Parts that are new are found when reading begins anew.
ANEW_SECONDS = 60.0
_AWAY_SECONDS = 2.0
_log = logging.getLogger(__name__)


def is_log(lake: Lake, contract: Contract) -> bool:
    """Whether a table is appended from a log."""
    if contract.table.layer != "bronze" or contract.load.mode is not Mode.APPEND_ONCE:
        return False
    return isinstance(lake.connector(contract.table.path[0]), LogConnector)


def follow(
    lake: Lake, table: TableName, *, run_id: str, is_over: Callable[[], bool], tell: Tell
) -> list[PartitionResult]:
    """Append records as they come until `is_over`, or until some may not be published; return those partitions.

    A source that is away is waited for.
    """
    contract = lake.contract(table)
    for number in range(1_000_000_000):
        if is_over():
            break
        until = time.monotonic() + ANEW_SECONDS
        span = Span(follows=True, is_over=lambda until=until: is_over() or time.monotonic() > until)  # type: ignore[misc]
        try:
            results = _appended(lake, contract, span, tell=tell, run_id=run_id, chunk=number)
        except PassingSourceError as error:
            _log.warning("%s", error)
            time.sleep(_AWAY_SECONDS)
            continue
        except SourceError:
            # A run of the newest partition says it again, and leaves it where incidents are made of it.
            results = list(materialise(lake, table, lake.partitions(table)[-1:], run_id=run_id))
        blocked = [result for result in results if result.is_blocked]
        if blocked:
            return blocked
    return []


def read_again(lake: Lake, table: TableName, window: Window, *, run_id: str) -> list[PartitionResult]:
    """Read records again and append those that the table does not have; the others are in it already, once."""
    return _appended(lake, lake.contract(table), Span(window=window), tell=lambda _: None, run_id=run_id)


def log_of(lake: Lake, table: TableName) -> LogConnector:
    """Return the connector of a table that is appended from a log; raise LakehouseError for any other."""
    contract = lake.contract(table)
    connector: object = lake.connector(table.path[0]) if table.layer == "bronze" else None
    if isinstance(connector, LogConnector) and is_log(lake, contract):
        return connector
    raise LakehouseError(
        f"{table} is not appended from a log.",
        where=str(contract.place),
        fix="Name a bronze table of a source of kind kafka with load: append_once.",
    )


def behind(lake: Lake, contract: Contract) -> int:
    """Return how many records of its log a table does not have; raise SourceError when the log cannot say."""
    opened = lake.open(contract.table)
    connector = log_of(lake, contract.table)
    standing = (lambda part: position(opened, part)) if opened else (lambda _part: 0)
    return connector.behind(lake.catalog.source_table(contract.table), standing)


def _appended(
    lake: Lake, contract: Contract, span: Span, *, tell: Tell, run_id: str, chunk: int = 0
) -> list[PartitionResult]:
    connector = log_of(lake, contract.table)
    step = open_step(lake, contract, [], run_id=run_id, chunk=chunk)
    try:
        with without_values(str(contract.table)):
            results = append_log(step, connector, span, tell)
    finally:
        step.lake.engine.release()
    if results:
        log_chunk(step, results)
    return results
