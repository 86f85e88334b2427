"""Partitions that need no work: everything they would be computed from is what it was when they were published.

What a partition is computed from has one digest: the publishes it reads, the contracts and source tables that say how,
and the code itself. Bronze has none, because only its source knows what is there now.
"""

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import TableName, blocked_of
from lakehouse_assets.pipeline.curate import files_read
from lakehouse_assets.pipeline.intent import ORDINARY
from lakehouse_assets.pipeline.publish import is_whole
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.refused.exempt import is_as_accepted
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import UNCHANGED, PartitionResult
from lakehouse_assets.storage.table import OpenTable

# Where rows are made; what only shows or reports them decides nothing.
ROOMS = ("contracts", "engines", "pipeline", "quality", "storage", "transforms")
_PACKAGE = Path(__file__).parents[1]


def inputs_of(step: Step) -> dict[str, str]:
    """Return the digest of what each partition of a step is computed from; nothing for a table that has none."""
    if step.name.layer == "bronze" or step.contract.load.mode not in {Mode.PARTITION, Mode.SNAPSHOT}:
        return {}
    how = [_code(), _transform(step.name), *_definitions(step)]
    return {partition: _digest([*how, *_publishes(step, partition)]) for partition in step.partitions}


def standing(step: Step, inputs: Mapping[str, str]) -> dict[str, PartitionResult]:
    """Return an unchanged result for every partition whose inputs are those of what readers see.

    A partition with a blocked attempt, with a file that is gone or with other waivers than today's is computed again.
    """
    if not inputs or step.intent.approve is not ORDINARY.approve:
        return {}
    words = recorded(step.lake.objects_of(step.name), step.table, step.partitions, skip_damaged=True)
    side = step.lake.open(blocked_of(step.name))
    blocked = set(side.partitions) if side else set()
    return {
        partition: PartitionResult(
            str(step.name),
            partition,
            UNCHANGED,
            word.publish,
            replace(word.of, status=UNCHANGED),
            step.table.version,
        )
        for partition, word in words.items()
        if partition not in blocked
        and word.of.inputs == inputs[partition]
        and is_as_accepted(step.lake, step.name, word.of)
        and is_whole(step, partition)
    }


def _publishes(step: Step, partition: str) -> Iterator[list[str]]:
    for name, table in sorted(step.upstreams.items()):
        yield [str(name), *sorted(_read(step, name, table, partition))]


def _read(step: Step, name: TableName, table: OpenTable | None, partition: str) -> set[str]:
    if table is None:
        return {"never published"}
    # A referenced table is read whole: any row of it may be the one that a key points to.
    files = files_read(step, name, table, (partition,)) if name in step.contract.upstreams else table.files
    return {f"{file.partition} {publish}" for file in files for publish in table.publishes_of(file)}


def _definitions(step: Step) -> Iterator[str]:
    catalog = step.lake.catalog
    yield _meaning(step.contract)
    for name in sorted(step.contract.upstreams):
        yield _meaning(catalog.contract(name))
        if name.layer == "bronze":
            yield repr(catalog.source_table(name))


def _meaning(contract: Contract) -> str:
    return repr(replace(contract, odcs=None))


@cache
def _code() -> str:
    sources = (path.read_bytes() for room in ROOMS for path in sorted((_PACKAGE / room).rglob("*.py")))
    return _digest([pl.__version__, nw.__version__, *(hashlib.sha256(source).hexdigest() for source in sources)])


def _transform(table: TableName) -> str:
    # It may lie outside the package: a deployment can add transforms of its own.
    spec = importlib.util.find_spec(f"lakehouse_assets.transforms.{table.layer}.{table.short}")
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest() if spec and spec.origin else ""


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
