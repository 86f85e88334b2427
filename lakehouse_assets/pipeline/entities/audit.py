"""Declared rules of a derived table: those of a partition on staged buckets, those of a table on what readers will see.

Outwardly the table is one partition, so a rule holds where it holds in every bucket.
"""

from collections.abc import Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import BUCKET, SNAPSHOT_PARTITION
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.refine import passes, scope_of
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import FAILED_ROWS
from lakehouse_assets.results import RuleResult
from lakehouse_assets.storage.staged import in_memory


def derived_results(step: Step, draft: Draft, specs: Sequence[RuleSpec], rows: int) -> tuple[RuleResult, ...]:
    """Return what rules over many rows say about a derivation, in the order of `specs`."""
    staged = [DataFile(file.path, file.rows, file.partition) for file in draft.valid]
    carried = [file for file in step.table.files if file.partition not in set(draft.replaces)]
    found = []
    for spec in specs:
        inside = spec.kind is RuleKind.PARTITION
        groups = _by_bucket(staged) if inside else [[*carried, *staged]]
        found.append(_total([_judged(step, draft, spec, files) for files in groups]))
    return to_partition_results(specs, found, SNAPSHOT_PARTITION, rows, scope_of(step.contract))


def _by_bucket(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Group files so that a bucket is in one group, and memory is that of a pass."""
    buckets: dict[str, list[DataFile]] = {}
    for file in files:
        buckets.setdefault(file.partition, []).append(file)
    sizes = [DataFile(bucket, sum(file.rows for file in held), bucket) for bucket, held in buckets.items()]
    return [[file for one in group for file in buckets[one.partition]] for group in passes(sizes)] if sizes else []


def _judged(step: Step, draft: Draft, spec: RuleSpec, files: Sequence[DataFile]) -> pl.DataFrame:
    columns = {name: kind for name, kind in draft.columns.items() if name != BUCKET}
    rows = step.lake.engine.scan(step.table.root, files, BUCKET, in_memory(columns))
    if spec.kind is not RuleKind.PARTITION:
        rows = rows.with_columns(nw.lit(SNAPSHOT_PARTITION).alias(BUCKET))
    frames = judge_partitions(rows, BUCKET, [spec], step.lake.rule_functions, scope_of(step.contract))
    return step.lake.engine.collect(frames[0])


def _total(found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the violations of all buckets as those of one partition; what could not be judged stays that."""
    errors = [frame for frame in found if frame.columns != [BUCKET, FAILED_ROWS]]
    if errors:
        return errors[0]
    failed = sum(int(frame[FAILED_ROWS].sum()) for frame in found)
    is_violated = any(frame.height for frame in found)
    rows = {BUCKET: [SNAPSHOT_PARTITION], FAILED_ROWS: [failed]} if is_violated else {BUCKET: [], FAILED_ROWS: []}
    return pl.DataFrame(rows, schema={BUCKET: pl.String(), FAILED_ROWS: pl.Int64()})
