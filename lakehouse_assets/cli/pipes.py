"""What a run tells Dagster when Dagster started it somewhere else (Dagster Pipes): each partition once it is done.

Without Dagster at the other end nothing is told. Starting such a run is the other half: `defs.remote`.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.messages import error_as_data, result_as_data
from lakehouse_assets.results import PartitionResult

CONTEXT, MESSAGES = "DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"
# Seconds between two uploads of messages: what people who watch a run wait for.
INTERVAL = 5.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Dagster at the other end. `run_id` is that of its run."""

    run_id: str
    tell: Callable[[PartitionResult], None]


@contextlib.contextmanager
def listening(table: TableName) -> Iterator[Listener | None]:
    """Open the way back to Dagster; None when this run was started by anybody else. An error is told too."""
    if CONTEXT not in os.environ:
        yield None
        return
    from dagster_pipes import open_dagster_pipes  # noqa: PLC0415 - only where Dagster listens

    with open_dagster_pipes(message_writer=_writer()) as pipes:

        def tell(result: PartitionResult) -> None:
            ledger = result.record.ledger
            pipes.log.info("%s %s: %s, %s rows published", table, result.partition, result.status, ledger.published)
            pipes.report_custom_message(result_as_data(result))

        try:
            yield Listener(pipes.run_id, tell)
        except LakehouseError as error:
            pipes.report_custom_message(error_as_data(error))
            raise


def _writer() -> Any:  # noqa: ANN401 - a message writer of dagster_pipes
    from dagster_pipes import PipesDefaultMessageWriter, PipesS3MessageWriter, decode_param  # noqa: PLC0415

    if "bucket" not in decode_param(os.environ[MESSAGES]):
        return PipesDefaultMessageWriter()
    import boto3

    return PipesS3MessageWriter(boto3.client("s3"), interval=INTERVAL)
