"""The verb behind every materialisation: check partitions, cut chunks, compute, publish, redo lost races."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.faults import without_values
from lakehouse_assets.errors import PublishConflictError, StorageError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.append import append
from lakehouse_assets.pipeline.checkpoints import forget_pages
from lakehouse_assets.pipeline.curate import curate
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.entities.derive import derive
from lakehouse_assets.pipeline.entities.turns import turn
from lakehouse_assets.pipeline.ingest import ingest
from lakehouse_assets.pipeline.intent import ORDINARY, Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.logbook import log_chunk
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.refine import refine
from lakehouse_assets.pipeline.standing import inputs_of, standing
from lakehouse_assets.pipeline.step import Step, is_overtaken, open_step, remove_files_of
from lakehouse_assets.results import UNCHANGED, PartitionResult
from lakehouse_assets.storage.commit import PartitionsMovedError

REDO_ATTEMPTS = 8


def materialise(
    lake: Lake, table: TableName, partitions: Sequence[str], *, run_id: str, intent: Intent = ORDINARY
) -> Iterator[PartitionResult]:
    """Compute and publish partitions of a table, yielding one result a partition, chunk by chunk.

    Raises UnknownTableError or UnknownPartitionError before anything is written. A blocked partition is a
    result, not an error: the others are published.
    """
    contract = lake.contract(table)
    wanted = lake.check_partitions(table, partitions)
    size = contract.load.partitions_per_chunk
    for chunk, start in enumerate(range(0, len(wanted), size)):
        with turn(lake, contract):
            results = _chunk(lake, contract, wanted[start : start + size], run_id=run_id, chunk=chunk, intent=intent)
        yield from results


def verb_of(contract: Contract) -> Callable[[Step], Draft]:
    """Return what computes a table: derive, ingest, refine (one bronze upstream) or curate."""
    if contract.load.mode is Mode.DERIVED:
        return derive
    if contract.table.layer == "bronze":
        return ingest
    return refine if [name.layer for name in contract.upstreams] == ["bronze"] else curate


def _published(step: Step, *, was_refused: bool) -> list[PartitionResult]:
    if step.contract.load.mode is Mode.APPEND_ONCE:
        return append(step, was_refused=was_refused)
    inputs = inputs_of(step)
    told = standing(step, inputs)
    rest = replace(step, partitions=tuple(name for name in step.partitions if name not in told))
    if rest.partitions:
        draft = drafted(rest, _approved)
        told |= {one.partition: one for one in publish(rest, replace(draft, inputs=inputs))}
        forget_pages(rest, told.values())
    return [told[partition] for partition in sorted(told)]


def _approved(step: Step) -> Draft:
    draft = verb_of(step.contract)(step)
    step.intent.approve(step, draft)
    return draft


def drafted(step: Step, compute: Callable[[Step], Draft]) -> Draft:
    """Return what a verb staged; when it raises, nothing that it staged stays, and no value of a row is told."""
    with contextlib.ExitStack() as undo:
        # Above all on a full disk: what was staged was offered to no commit yet, and nobody else knows of it.
        undo.callback(_forget_staged, step)
        with without_values(str(step.name)):
            draft = compute(step)
        undo.pop_all()
    return draft


def _forget_staged(step: Step) -> None:
    with contextlib.suppress(StorageError):
        remove_files_of(step)


def _chunk(
    lake: Lake, contract: Contract, partitions: list[str], *, run_id: str, chunk: int, intent: Intent
) -> list[PartitionResult]:
    told: dict[str, PartitionResult] = {}
    for attempt in range(REDO_ATTEMPTS):
        step = open_step(lake, contract, partitions, run_id=run_id, chunk=chunk, intent=intent)
        try:
            with without_values(str(contract.table)):
                results = _published(step, was_refused=attempt > 0)
        except PartitionsMovedError:
            time.sleep(random.uniform(0, 0.05 * 2 ** min(attempt, 5)))  # noqa: S311 - jitter, not a secret
            continue
        finally:
            step.lake.engine.release()
        log_chunk(step, results)
        # What an earlier attempt of this run published stays said when the last one finds it unchanged.
        told |= {one.partition: one for one in results if one.status != UNCHANGED or one.partition not in told}
        if not is_overtaken(step):
            break
    if told:
        return list(told.values())
    raise PublishConflictError(
        f"{REDO_ATTEMPTS} times another run published the same partitions first.",
        where=str(contract.table),
        fix="Two runs of one partition compete; let one of them finish, then run again.",
    )
