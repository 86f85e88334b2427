"""Which rows a run would move between a silver table and its quarantine, found by doing all of it but the publish.

Rows are told apart by `_row_id`, in four sums a partition. What is staged is compared with what is served *now*, so the
same comparison is a dry run before a replay and the last look during it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import ROW_ID, quarantine_of
from lakehouse_assets.pipeline.audit import audit
from lakehouse_assets.pipeline.content import served_quarantine
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.hashes import HASH, with_content_hash
from lakehouse_assets.pipeline.refused.quarantined import RULE, by_reason
from lakehouse_assets.pipeline.step import Step, quarantine_columns
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.staged import in_memory

RELEASED, WITHDRAWN, ADDED, CHANGED = "released", "withdrawn", "added", "changed"
_NEW, _OLD, _HELD, _HASH_NEW, _HASH_OLD = "__new", "__old", "__held", "__hash_new", "__hash_old"
_KIND = "__kind"


@dataclass(frozen=True, slots=True)
class Movement:
    """What running one partition again would move.

    `released`: from quarantine into the table; `withdrawn`: out of the table; `added`: into the table from neither;
    `changed`: in the table with other values. `…_rules` count rows by the rules that refused (or would refuse) them;
    a row may break several. `blocked` says why nothing of it would be published.
    """

    partition: str
    released: int = 0
    withdrawn: int = 0
    added: int = 0
    changed: int = 0
    released_rules: Mapping[str, int] = field(default_factory=dict)
    withdrawn_rules: Mapping[str, int] = field(default_factory=dict)
    blocked: str = ""

    @property
    def moves(self) -> bool:
        """Whether readers would see anything else than now."""
        return not self.blocked and any((self.released, self.withdrawn, self.added, self.changed))


def movements(step: Step, draft: Draft) -> list[Movement]:
    """Return what publishing a draft would move, for every partition of the step."""
    blocked = {one.partition: one.sentence for one in audit(step, draft) if one.is_blocked}
    each = _kinds(step, draft)
    partition = step.contract.partition_column
    refused = by_reason(_quarantine(step, draft.refused), partition)
    held = by_reason(_held(step), partition)
    frames = [each.group_by(partition, _KIND).agg(nw.len().alias("rows")).select(partition, _KIND, "rows")]
    frames += [_by_rule(each, RELEASED, held, partition), _by_rule(each, WITHDRAWN, refused, partition)]
    counted, released, withdrawn = (step.lake.engine.collect(frame) for frame in frames)
    return [
        Movement(
            name,
            **_counts(counted.filter(pl.col(partition) == name)),
            released_rules=_rules(released.filter(pl.col(partition) == name)),
            withdrawn_rules=_rules(withdrawn.filter(pl.col(partition) == name)),
            blocked=blocked.get(name, ""),
        )
        for name in step.partitions
    ]


def _kinds(step: Step, draft: Draft) -> nw.LazyFrame:
    partition = step.contract.partition_column
    columns = {name: kind for name, kind in (draft.columns or step.columns).items() if name != partition}
    new = step.lake.engine.scan(step.target().root, _files(draft.valid), partition, in_memory(columns))
    old = step.lake.scan(step.table, step.table.files_of(step.partitions))
    shared = [name for name in columns if name in step.table.columns and name[0] != "_"]
    new, old = (rows.select(partition, ROW_ID, *shared) for rows in (new, old))
    sides = [
        _side(with_content_hash(new, shared, partition), partition, _NEW),
        _side(with_content_hash(old, shared, partition), partition, _OLD),
        _side(_held(step).with_columns(nw.lit(0, nw.Int64()).alias(HASH)), partition, _HELD),
    ]
    sums = [nw.col(name).sum() for name in (_NEW, _OLD, _HELD)]
    hashes = [nw.col(name).max() for name in (_HASH_NEW, _HASH_OLD)]
    each = nw.concat(sides, how="vertical").group_by(partition, ROW_ID).agg(*sums, *hashes)
    is_new, is_old = nw.col(_NEW) > 0, nw.col(_OLD) > 0
    came = nw.when(nw.col(_HELD) > 0).then(nw.lit(RELEASED)).otherwise(nw.lit(ADDED))
    moved = nw.when(is_new & ~is_old).then(came).otherwise(nw.lit(WITHDRAWN))
    stays = is_new & is_old & (nw.col(_HASH_NEW) != nw.col(_HASH_OLD))
    each = each.filter((is_new != is_old) | stays)
    return each.with_columns(nw.when(is_new & is_old).then(nw.lit(CHANGED)).otherwise(moved).alias(_KIND))


def _side(rows: nw.LazyFrame, partition: str, side: str) -> nw.LazyFrame:
    """Return one line a row: whose it is, and its hash under the name of its side."""
    hashed = {_NEW: _HASH_NEW, _OLD: _HASH_OLD}.get(side)
    flags = [nw.lit(int(name == side), nw.Int64()).alias(name) for name in (_NEW, _OLD, _HELD)]
    none = nw.lit(None, nw.Int64())
    hashes = [(nw.col(HASH) if name == hashed else none).alias(name) for name in (_HASH_NEW, _HASH_OLD)]
    return rows.select(partition, ROW_ID, *flags, *hashes)


def _held(step: Step) -> nw.LazyFrame:
    found = served_quarantine(step.lake, step.name)
    if found is None:
        return _quarantine(step, ())
    return found.filter(nw.col(step.contract.partition_column).is_in(list(step.partitions)))


def _quarantine(step: Step, files: tuple[StagedFile, ...]) -> nw.LazyFrame:
    partition = step.contract.partition_column
    columns = {name: kind for name, kind in quarantine_columns(step.contract).items() if name != partition}
    root = step.target(quarantine_of(step.name)).root
    return step.lake.engine.scan(root, _files(files), partition, in_memory(columns))


def _by_rule(each: nw.LazyFrame, kind: str, reasons: nw.LazyFrame, partition: str) -> nw.LazyFrame:
    moved = each.filter(nw.col(_KIND) == kind).select(partition, ROW_ID)
    joined = moved.join(reasons, on=[partition, ROW_ID], how="inner")
    return joined.group_by(partition, RULE).agg(nw.len().alias("rows"))


def _files(files: tuple[StagedFile, ...]) -> list[DataFile]:
    return [DataFile(file.path, file.rows, file.partition) for file in files]


def _counts(frame: pl.DataFrame) -> dict[str, int]:
    return {str(kind): int(rows) for kind, rows in frame.select(_KIND, "rows").iter_rows()}


def _rules(frame: pl.DataFrame) -> dict[str, int]:
    return {str(rule): int(rows) for rule, rows in frame.select(RULE, "rows").sort(RULE).iter_rows()}
