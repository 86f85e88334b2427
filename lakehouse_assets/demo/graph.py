"""The demo's hand on Dagster: materialise assets in this process, quietly, and say in one sentence what was kept back.

The instance lies beside the lake, so that the UI later shows the same runs. What is run when is `play`.
"""

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dagster as dg
import sqlalchemy as sa
from sqlalchemy import event as database_events

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake

_FIRST, _LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run said. `sentences` are the reasons for what was kept back or failed, one a step."""

    success: bool
    sentences: tuple[str, ...]
    seconds: float


class Graph:
    """The whole graph of a lake on its own Dagster instance; a context manager."""

    def __init__(self, lake: Lake, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        database_events.listen(sa.Engine, "connect", _trust_the_disk)
        with _quiet():
            self._definitions = assemble(LakeResource(lake))
            self._instance = dg.DagsterInstance.from_config(str(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._instance.dispose()
        database_events.remove(sa.Engine, "connect", _trust_the_disk)

    def materialise(self, tables: Sequence[TableName], partitions: Sequence[str] = ()) -> Outcome:
        """Run tables for a range of partitions, or tables without partitions; never raises for bad data."""
        started = time.perf_counter()
        tags = {_FIRST: min(partitions), _LAST: max(partitions)} if partitions else {}
        with _quiet():
            result = dg.materialize(
                [asset for asset in self._definitions.assets or () if isinstance(asset, dg.AssetsDefinition)],
                selection=[dg.AssetKey(list(table.parts)) for table in tables],
                resources=dict(self._definitions.resources or {}),
                instance=self._instance,
                run_config=_SILENT,
                tags=tags,
                raise_on_error=False,
            )
        return Outcome(result.success, tuple(_sentences(result)), time.perf_counter() - started)


def _sentences(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data
        known = failure.user_failure_data
        if known is not None and known.description:
            yield known.description
        elif failure.error is not None:
            yield failure.error.message.strip().splitlines()[-1]


def _trust_the_disk(connection: Any, _record: object) -> None:  # noqa: ANN401 - any driver's connection
    # Dagster commits every event by itself, and waiting for the disk each time is two thirds of the demo. A power cut
    # may damage run history that the next demo throws away; the lake itself is written as always.
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA synchronous=OFF")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence notices of Dagster about itself; what happened to data is told by `play`."""
    logger = logging.getLogger("dagster")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
