"""Input that could not become rows: kept whole in `dead_letters/<source>/<table>`, the newest attempt per partition.

A letter is open until its partition is published without it; then it stays, with the publish that superseded it.
Reading them is `letters`.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.errors import PublishConflictError
from lakehouse_assets.naming import LOG_DIGITS, PROC_DATE, TableName, dead_letters_of
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.step import Step, partition_type
from lakehouse_assets.results import DeadLetter
from lakehouse_assets.storage.commit import ATTEMPTS, Change, PartitionsMovedError, commit
from lakehouse_assets.storage.table import OpenTable, create_table

SUPERSEDED_BY = "superseded_by"
COLUMNS = {
    "object": "string",
    "position": "long",
    "reason": "string",
    "content": "binary",
    SUPERSEDED_BY: "string",
    PROC_DATE: "date",
}
_SCHEMA = {
    "object": pl.String(),
    "position": pl.Int64(),
    "reason": pl.String(),
    "content": pl.Binary(),
    SUPERSEDED_BY: pl.String(),
    PROC_DATE: pl.String(),
}


def keep_dead_letters(step: Step, draft: Draft) -> None:
    """Store the dead letters of a chunk, replacing those of earlier attempts at the same partitions."""
    letters = [letter for tally in draft.tallies for letter in tally.dead_letters]
    if not letters:
        return
    table = _open(step)
    fresh = _frame(letters)
    if _rows(_stored(step, table, fresh[PROC_DATE].unique())) != _rows(fresh):
        _replace(step, table, fresh)


def add_dead_letters(step: Step, letters: Sequence[DeadLetter]) -> None:
    """Store letters beside those there are; one that is known, by object and position, is not stored again."""
    for _ in range(ATTEMPTS if letters else 0):
        table, fresh = _open(step), _frame(letters)
        stored = _stored(step, table, fresh[PROC_DATE].unique())
        new = fresh.join(stored, on=["object", "position"], how="anti")
        if new.is_empty():
            return
        # Another reader may keep letters of the same partitions: then it is looked again at what is there.
        with contextlib.suppress(PartitionsMovedError):
            _replace(step, table, pl.concat([stored.select(list(_SCHEMA)), new.select(list(_SCHEMA))]), last_wins=False)
            return
    if letters:
        raise PublishConflictError("other readers keep dead letters all the time.", where=str(_name(step)))


def settle_dead_letters(step: Step, row_ids: Collection[str]) -> None:
    """Mark letters of records that are rows by now; a row of a log is called like its letter, object and position."""
    table = step.lake.open(_name(step)) if row_ids else None
    partitions = set(step.partitions) & set(table.partitions if table else ())
    if table is None or not partitions:
        return
    letters = _stored(step, table, dict.fromkeys(partitions, ""))
    named = pl.format("{}/{}", "object", pl.col("position").cast(pl.String).str.zfill(LOG_DIGITS))
    is_row = pl.col(SUPERSEDED_BY).is_null() & named.is_in(list(row_ids))
    marked = letters.with_columns(
        pl.when(is_row).then(pl.lit(step.publish)).otherwise(pl.col(SUPERSEDED_BY)).alias(SUPERSEDED_BY)
    )
    if not marked.equals(letters):
        with contextlib.suppress(PartitionsMovedError):
            _replace(step, table, marked, last_wins=False)


def supersede_dead_letters(step: Step, draft: Draft, served: Mapping[str, str]) -> None:
    """Mark the letters of partitions that are served without them; `served` maps those to their publish."""
    fresh = {letter.partition for tally in draft.tallies for letter in tally.dead_letters}
    settled = {partition: publish for partition, publish in served.items() if partition not in fresh}
    table = step.lake.open(_name(step)) if settled and step.name.layer == "bronze" else None
    if table is None or not settled.keys() & set(table.partitions):
        return
    letters = _stored(step, table, settled)
    waiting = letters.filter(pl.col(SUPERSEDED_BY).is_null())[PROC_DATE].unique().to_list()
    if not waiting:
        return
    publishes = pl.col(PROC_DATE).replace_strict(settled, default=None, return_dtype=pl.String)
    marked = letters.filter(pl.col(PROC_DATE).is_in(waiting)).with_columns(
        pl.coalesce(SUPERSEDED_BY, publishes).alias(SUPERSEDED_BY)
    )
    # Another run put newer letters there: they are not ours to mark.
    with contextlib.suppress(PartitionsMovedError):
        _replace(step, table, marked, last_wins=False)


def _replace(step: Step, table: OpenTable, letters: pl.DataFrame, *, last_wins: bool = True) -> None:
    partitions = tuple(sorted(letters[PROC_DATE].unique()))
    branch = Branch(nw.from_native(letters.select(list(_SCHEMA)).lazy()), step.target(_name(step)))
    (files,), _ = step.lake.engine.stage([branch])
    commit(table, Change(tuple(files), partitions, _columns(step), {"publish": step.publish}, last_wins=last_wins))


def _stored(step: Step, table: OpenTable, partitions: "Mapping[str, str] | pl.Series") -> pl.DataFrame:
    rows = step.lake.scan(table, table.files_of(partitions))
    if SUPERSEDED_BY not in table.columns:
        rows = rows.with_columns(nw.lit(None, nw.String()).alias(SUPERSEDED_BY))
    return step.lake.engine.collect(rows)


def _name(step: Step) -> TableName:
    source, table = step.name.path
    return dead_letters_of(source, table)


def _columns(step: Step) -> dict[str, str]:
    return {**COLUMNS, PROC_DATE: partition_type(step.contract)}


def _open(step: Step) -> OpenTable:
    name = _name(step)
    return step.lake.open(name) or create_table(
        step.lake.root_of(name),
        step.lake.options,
        _columns(step),
        partition_column=PROC_DATE,
        description=f"Input of {step.name} that could not become rows.",
    )


def _frame(letters: Sequence[DeadLetter]) -> pl.DataFrame:
    rows = [
        (letter.object, letter.position, letter.reason, letter.content, None, letter.partition) for letter in letters
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return sorted(frame.select(list(_SCHEMA)).rows(), key=repr)
