"""One deriver per table: whoever comes second waits, and then finds nothing left to do.

It only saves work. Two derivers at once are safe: a derivation commits by compare-and-swap over its whole table.
"""

import contextlib
import logging
from collections.abc import Iterator

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LeaseHeldError
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held

# How long a deriver that died keeps the next one waiting.
SECONDS = 15.0
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def turn(lake: Lake, contract: Contract) -> Iterator[None]:
    """Hold the lease of a derived table while working on it; waits as long as a run of it may take, then goes on."""
    with contextlib.ExitStack() as stack:
        if contract.load.mode is Mode.DERIVED:
            wait = 60.0 * contract.max_runtime_minutes
            try:
                stack.enter_context(held(lake, f"derive/{contract.table}", seconds=SECONDS, wait_seconds=wait))
            except LeaseHeldError as error:
                _log.warning("deriving without a turn, so work may be done twice: %s", error)
        yield
