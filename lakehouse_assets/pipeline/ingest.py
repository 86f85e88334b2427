"""Source to bronze: extract, add technical columns, stage as received. A refused partition never stops a good one."""

from collections.abc import Mapping

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, PROC_DATE, RAW_HASH, ROW_ID, SOURCE_OBJECT, UNKNOWN
from lakehouse_assets.pipeline.arrival import accepted, find_repeats, refused, settled
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.drift import fitted
from lakehouse_assets.pipeline.hashes import with_raw_hash
from lakehouse_assets.pipeline.replay import read_from_bronze, tell_differences, united
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import Ledger, StagedFile
from lakehouse_assets.storage.staged import in_memory

_TECHNICAL = (ROW_ID, RAW_HASH, SOURCE_OBJECT, DEFECT, DEFECT_LINE, UNKNOWN)


def ingest(step: Step) -> Draft:
    """Stage what arrived for a chunk of partitions."""
    source, _ = step.name.path
    table = step.lake.catalog.source_table(step.name)
    known = read_from_bronze(step)
    wanted = [partition for partition in step.partitions if partition not in known]
    extracted = step.lake.connector(source).extract(table, wanted) if wanted else {}
    said = {key: settled(step.lake.catalog.sources[source], answer) for key, answer in extracted.items()}
    answers = {**known, **united(step, fitted(step, said))}
    arrived = [answer for answer in answers.values() if isinstance(answer, Extraction)]
    columns = landing_columns(step, arrived)
    staged: list[StagedFile] = []
    totals: list[pl.DataFrame] = []
    if arrived:
        rows = nw.concat([landed(answer, columns) for answer in arrived], how="vertical")
        (staged,), counted = step.lake.engine.stage(
            [Branch(rows.select(*columns), step.target())], landing_totals(rows)
        )
        totals.append(counted)
        answers = {partition: confirmed(answer) for partition, answer in answers.items()}
        tell_differences(step, [key for key in answers if isinstance(answers[key], Extraction)], staged)
    counts = {row[PROC_DATE]: row for frame in totals for row in frame.iter_rows(named=True)}
    repeats = find_repeats(step, arrived)
    tallies = (tally_of(answers[key], counts.get(key, {}), repeats.get(key, {})) for key in step.partitions)
    return Draft(tuple(tallies), tuple(staged), (), columns)


def confirmed(answer: Extraction | Rejection) -> Extraction | Rejection:
    """Ask once more whether what was staged is what was checked; an object may have been replaced meanwhile."""
    if isinstance(answer, Rejection) or answer.confirm is None:
        return answer
    try:
        answer.confirm()
    except SourceError as error:
        return Rejection(answer.partition, error)
    return answer


def landing_columns(step: Step, arrived: list[Extraction]) -> dict[str, str]:
    """Return the columns that arrivals are stored with: the table's, and those that evolved."""
    declared = dict(step.columns)
    known = {*declared, *_TECHNICAL}
    evolved = {
        name: step.table.columns.get(name, "string")
        for answer in arrived
        for name in answer.frame.collect_schema().names()
        if name not in known and name != PROC_DATE
    }
    del declared[PROC_DATE]
    return {**declared, **evolved, PROC_DATE: step.columns[PROC_DATE]}


def landed(answer: Extraction, columns: Mapping[str, str]) -> nw.LazyFrame:
    """Return the rows of an arrival as they are stored."""
    rows = answer.frame
    have = rows.collect_schema()
    # Rows that landed before keep the hash they landed with.
    rows = rows if RAW_HASH in have else with_raw_hash(rows, absent=answer.absent)
    missing = {name: kind for name, kind in columns.items() if name not in have and name not in {RAW_HASH, PROC_DATE}}
    absent = [nw.lit(None, dtype).alias(name) for name, dtype in in_memory(missing).items()]
    return rows.with_columns(*absent, nw.lit(answer.partition).alias(PROC_DATE)).select(*columns)


def landing_totals(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Return what is counted about landing rows, by partition."""
    everything = rows.with_columns(nw.lit(value=True).alias("__all"))
    return everything.group_by(PROC_DATE).agg(
        nw.len().cast(nw.Int64).alias("rows"),
        nw.col(DEFECT).count().cast(nw.Int64).alias("defects"),
        *kit.content_totals(RAW_HASH, where="__all", prefix="valid"),
    )


def tally_of(answer: Extraction | Rejection, counted: Mapping[str, int], repeats: Mapping[str, str]) -> Tally:
    """Return what was counted about an arrival; `repeats` maps its objects to where their content was met before."""
    if isinstance(answer, Rejection):
        results = refused(answer)
        return Tally(answer.partition, Ledger(), results, drift=answer.drift, dead_letters=answer.dead_letters)
    rows = int(counted.get("rows", 0))
    return Tally(
        answer.partition,
        Ledger(read=rows + answer.deduplicated, published=rows, deduplicated=answer.deduplicated),
        accepted(answer, counted, repeats),
        kit.content_hash(rows, int(counted.get("valid_low", 0)), int(counted.get("valid_high", 0))),
        objects=answer.objects,
        drift=answer.drift,
        dead_letters=answer.dead_letters,
        measures={**answer.measures, "rows": answer.rows},
        said=answer.said,
        unsaid=answer.unsaid,
    )
