"""What extracting a partition again means, as its source says: docs/adr/0006-what-a-replay-means.md.

A property of the source, not of its connector: what arrived is put together with what landed here, before `ingest`
stages it. Rows that landed keep the raw hash they landed with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import PROC_DATE, RAW_HASH, ROW_ID
from lakehouse_assets.pipeline.hashes import with_raw_hash
from lakehouse_assets.pipeline.intent import Difference, RowIds
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import StagedFile

EXACT, STATE, SNAPSHOT = "exact", "state", "snapshot"
LISTED_IDS = 20
# Row ids of so many rows are held in memory at once, about 0.6 GiB.
ROWS_PER_PASS = 3_000_000
Answers = Mapping[str, Extraction | Rejection]


def read_from_bronze(step: Step) -> dict[str, Extraction | Rejection]:
    """Return the partitions that are not asked for again: past ones of a `snapshot` source, as they landed."""
    if _meaning(step) != SNAPSHOT:
        return {}
    landed = set(step.table.partitions)
    return _as_landed(step, [one for one in step.partitions if one in landed and _is_past(step, one)])


def united(step: Step, answers: Answers) -> dict[str, Extraction | Rejection]:
    """Return the answers of a `state` source with the rows that landed earlier; those of other sources as they are.

    A row that is in both is the landed one while its content is equal, else the newly extracted one.
    """
    landed = set(step.table.partitions) if _meaning(step) == STATE else set()
    return {
        partition: _union(step, answer) if isinstance(answer, Extraction) and partition in landed else answer
        for partition, answer in answers.items()
    }


def tell_differences(step: Step, partitions: Iterable[str], staged: Sequence[StagedFile]) -> None:
    """Say, where it was asked for, what replacing partitions that landed by what was staged will do."""
    for partition in sorted(partitions) if step.intent.re_extract else ():
        files = [DataFile(file.path, file.rows, file.partition) for file in staged if file.partition == partition]
        step.intent.tell(_difference(step, partition, files))


def parts_of(count: int) -> list[nw.Expr | None]:
    """Return conditions that cut rows into parts of equal size by their id; one part needs none."""
    number = kit.spread({ROW_ID: nw.String()}, count)
    return [None] if count == 1 else [number == part for part in range(count)]


def _meaning(step: Step) -> str:
    # Asked for by hand, what the source says now replaces what landed: the meaning of `exact`.
    return EXACT if step.intent.re_extract else step.lake.catalog.sources[step.name.path[0]].replay


def _is_past(step: Step, partition: str) -> bool:
    return step.lake.catalog.sources[step.name.path[0]].calendar.end_of(partition) <= step.started_at


def _as_landed(step: Step, partitions: Sequence[str]) -> dict[str, Extraction | Rejection]:
    said = recorded(step.lake.objects_of(step.name), step.table, partitions, skip_damaged=True)
    found: dict[str, Extraction | Rejection] = {}
    for partition in partitions:
        answer = Extraction(partition, _landed(step, partition), rows=_rows(step, partition))
        if partition in said:
            of = said[partition].of
            repeated = of.ledger.deduplicated
            answer = replace(answer, objects=of.objects, drift=of.drift, measures=of.measures, said=of.said)
            answer = replace(answer, deduplicated=repeated)
        found[partition] = answer
    return found


def _union(step: Step, answer: Extraction) -> Extraction:
    fresh, landed = with_raw_hash(answer.frame, absent=answer.absent), _landed(step, answer.partition)
    count = 1 + max(answer.rows, _rows(step, answer.partition)) // ROWS_PER_PASS
    ids = nw.from_native(pl.concat([_moved(step, fresh, landed, part) for part in parts_of(count)]).lazy())
    # Found beforehand: in one plan with the rows themselves, engines would hold all of them in memory.
    kept, new = landed.join(ids, on=ROW_ID, how="anti"), fresh.join(ids, on=ROW_ID, how="semi")
    return replace(answer, frame=nw.concat([kept, new], how="diagonal"))


def _moved(step: Step, fresh: nw.LazyFrame, landed: nw.LazyFrame, part: nw.Expr | None) -> pl.DataFrame:
    """Return the ids of rows that are not landed with the same content."""
    sides = [rows.select(ROW_ID, RAW_HASH) for rows in (fresh, landed)]
    new, old = (rows if part is None else rows.filter(part) for rows in sides)
    return step.lake.engine.collect(new.join(old, on=[ROW_ID, RAW_HASH], how="anti").select(ROW_ID))


def _landed(step: Step, partition: str) -> nw.LazyFrame:
    return step.lake.scan(step.table, step.table.files_of([partition])).drop(PROC_DATE)


def _rows(step: Step, partition: str) -> int:
    return sum(file.rows for file in step.table.files_of([partition]))


def _difference(step: Step, partition: str, files: Sequence[DataFile]) -> Difference:
    old = _landed(step, partition).select(ROW_ID, RAW_HASH)
    target, needed = step.target(), {ROW_ID: nw.String(), RAW_HASH: nw.Int64()}
    new = step.lake.engine.scan(target.root, files, target.partition_column, needed).select(ROW_ID, RAW_HASH)
    both = new.join(old.rename({RAW_HASH: "__landed"}), on=ROW_ID, how="inner")
    return Difference(
        partition,
        added=_row_ids(step, new.join(old, on=ROW_ID, how="anti")),
        withdrawn=_row_ids(step, old.join(new, on=ROW_ID, how="anti")),
        changed=_row_ids(step, both.filter(nw.col(RAW_HASH) != nw.col("__landed"))),
    )


def _row_ids(step: Step, rows: nw.LazyFrame) -> RowIds:
    ids = rows.select(ROW_ID)
    first, total = step.lake.engine.collect_all([ids.sort(ROW_ID).head(LISTED_IDS), ids.select(nw.len())])
    return RowIds(int(total.item()), tuple(first[ROW_ID]))
