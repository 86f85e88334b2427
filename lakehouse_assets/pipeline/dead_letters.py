"""Input that could not become rows: kept whole in `dead_letters/<source>/<table>`, the newest attempt per partition."""

from collections.abc import Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.naming import PROC_DATE, TableName, dead_letters_of
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import DeadLetter
from lakehouse_assets.storage.commit import Change, commit
from lakehouse_assets.storage.table import OpenTable, create_table

COLUMNS = {"object": "string", "position": "long", "reason": "string", "content": "binary", PROC_DATE: "date"}
_SCHEMA = {
    "object": pl.String(),
    "position": pl.Int64(),
    "reason": pl.String(),
    "content": pl.Binary(),
    PROC_DATE: pl.String(),
}


def keep_dead_letters(step: Step, draft: Draft) -> None:
    """Store the dead letters of a chunk, replacing those of earlier attempts at the same partitions."""
    letters = [letter for tally in draft.tallies for letter in tally.dead_letters]
    if not letters:
        return
    table = _open(step)
    fresh = _frame(letters)
    partitions = tuple(sorted(fresh[PROC_DATE].unique()))
    if _rows(step.lake.engine.collect(step.lake.scan(table, table.files_of(partitions)))) == _rows(fresh):
        return
    branch = Branch(nw.from_native(fresh.lazy()), step.target(_name(step)))
    (files,), _ = step.lake.engine.stage([branch])
    commit(table, Change(tuple(files), partitions, COLUMNS, {"publish": step.publish}, last_wins=True))


def _name(step: Step) -> TableName:
    source, table = step.name.path
    return dead_letters_of(source, table)


def _open(step: Step) -> OpenTable:
    name = _name(step)
    return step.lake.open(name) or create_table(
        step.lake.root_of(name),
        step.lake.options,
        COLUMNS,
        partition_column=PROC_DATE,
        description=f"Input of {step.name} that could not become rows.",
    )


def _frame(letters: Sequence[DeadLetter]) -> pl.DataFrame:
    rows = [(letter.object, letter.position, letter.reason, letter.content, letter.partition) for letter in letters]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return sorted(frame.select(list(_SCHEMA)).rows(), key=repr)
