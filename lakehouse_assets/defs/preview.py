"""The one module that touches what Dagster calls private or preview; every other module stays on its public face.

Belongs here: partitioned checks and their targets, data versions of single partitions, the event log and its cursor.
What must hold with a new Dagster version is in `lakehouse_assets_tests/pipelines/test_ranged_runs.py`.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (  # noqa: TID251 - isolated here
    AssetCheckEvaluationTargetMaterializationData as Target,
)
from dagster._core.definitions.data_version import (  # noqa: TID251 - isolated here
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
)
from dagster._core.definitions.source_asset import (  # noqa: TID251 - isolated here
    SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
)
from dagster_shared.utils.warnings import disable_dagster_warnings

__all__ = [
    "Target",
    "data_version_tags",
    "disable_dagster_warnings",
    "held_open",
    "partitioned_checks",
    "read_events",
    "read_targets",
    "silent",
]


def partitioned_checks(
    key: dg.AssetKey,
    descriptions: Mapping[str, str],
    partitions: dg.PartitionsDefinition | None,
    *,
    blocking: bool = True,
) -> list[dg.AssetCheckSpec]:
    """Return one check a name, partitioned like the asset."""
    with disable_dagster_warnings():
        return [
            dg.AssetCheckSpec(name, asset=key, description=text, blocking=blocking, partitions_def=partitions)
            for name, text in descriptions.items()
        ]


def data_version_tags(version: str) -> dict[str, str]:
    """Return the tags that give one materialisation its own data version; an `Output` has one for all partitions."""
    return {DATA_VERSION_TAG: version, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"}


def silent(value: object, *, output_name: str = "result") -> dg.Output[Any]:
    """Return an output that goes through the IO manager and lets downstream steps run, without materialisations.

    The body has yielded those itself, each with the data version of its own partition.
    """
    return dg.Output(value, output_name=output_name, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def read_targets(instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str]) -> dict[str, Target]:
    """Return the newest materialisation of each partition ("" for an unpartitioned asset), in one query."""
    if not partitions:
        return {}
    wanted = [partition for partition in partitions if partition]
    filter_ = dg.AssetRecordsFilter(asset_key=key, asset_partitions=wanted or None)
    records = instance.fetch_materializations(filter_, limit=len(partitions)).records
    targets: dict[str, Target] = {}
    for record in records:  # newest first
        target = Target(storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp)
        targets.setdefault(record.partition_key or "", target)
    return targets


def read_events(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, after: int | None, limit: int, *, ascending: bool = True
) -> Sequence[dg.EventLogRecord]:
    """Return events of one kind after a storage id, over all runs.

    The plain call raises on SQLite for check evaluations; the base class reads the central index they are copied to.
    """
    storage = _event_log(instance)
    filter_ = dg.EventRecordsFilter(event_type=kind, after_cursor=after)
    from dagster._core.storage.event_log.sql_event_log import (  # noqa: PLC0415, TID251 - brings SQLAlchemy along
        SqlEventLogStorage,
    )

    return SqlEventLogStorage.get_event_records(storage, filter_, limit=limit, ascending=ascending)


@contextmanager
def held_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep one idle connection to each of the event log's SQLite files while a step writes its events.

    Dagster opens and closes the files for every event, and SQLite checkpoints whenever a file's last connection closes.
    Commits stay as durable as they are; an idle connection locks nothing. Other storages pool their connections.
    """
    storage = _event_log(instance)
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import (  # noqa: PLC0415, TID251 - same
        INDEX_SHARD_NAME,
        SqliteEventLogStorage,
    )

    shards = (INDEX_SHARD_NAME, run_id) if isinstance(storage, SqliteEventLogStorage) else ()
    with ExitStack() as stack:
        for path in (Path(storage.path_for_shard(shard)) for shard in shards):
            if path.exists():
                connection = stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
                connection.execute("SELECT name FROM sqlite_master").fetchall()  # opened by the first statement
        yield


def _event_log(instance: dg.DagsterInstance) -> Any:  # noqa: ANN401 - one of several storages
    return getattr(instance.event_log_storage, "_wrapped", instance.event_log_storage)
