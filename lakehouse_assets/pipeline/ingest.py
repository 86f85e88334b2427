"""Source to bronze: extract, add technical columns, stage as received. A refused partition never stops a good one."""

from collections.abc import Mapping

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, PROC_DATE, RAW_HASH, ROW_ID, SOURCE_OBJECT, UNKNOWN
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import Dimension, DriftEvent, Ledger, OnFailure, Outcome, RuleResult, Severity, StagedFile

ARRIVAL = "arrival"
_TECHNICAL = (ROW_ID, RAW_HASH, SOURCE_OBJECT, DEFECT, DEFECT_LINE, UNKNOWN)


def ingest(step: Step) -> Draft:
    """Stage what arrived for a chunk of partitions."""
    source, _ = step.name.path
    table = step.lake.catalog.source_table(step.name)
    answers = step.lake.connector(source).extract(table, step.partitions)
    arrived = [answer for answer in answers.values() if isinstance(answer, Extraction)]
    columns = _columns(step, arrived)
    staged: list[StagedFile] = []
    totals: list[pl.DataFrame] = []
    if arrived:
        rows = nw.concat([_landed(answer, columns) for answer in arrived], how="vertical")
        (staged,), counted = step.lake.engine.stage([Branch(rows.select(*columns), step.target())], _totals(rows))
        totals.append(counted)
        answers = {partition: _confirmed(answer) for partition, answer in answers.items()}
    counts = {row[PROC_DATE]: row for frame in totals for row in frame.iter_rows(named=True)}
    tallies = (_tally(answers[partition], counts.get(partition, {})) for partition in step.partitions)
    return Draft(tuple(tallies), tuple(staged), (), columns)


def _confirmed(answer: Extraction | Rejection) -> Extraction | Rejection:
    """Ask once more whether what was staged is what was checked; an object may have been replaced meanwhile."""
    if isinstance(answer, Rejection) or answer.confirm is None:
        return answer
    try:
        answer.confirm()
    except SourceError as error:
        return Rejection(answer.partition, error)
    return answer


def _columns(step: Step, arrived: list[Extraction]) -> dict[str, str]:
    declared = dict(step.columns)
    known = {*declared, *_TECHNICAL}
    evolved = {
        name: "string"
        for answer in arrived
        for name in answer.frame.collect_schema().names()
        if name not in known and name != PROC_DATE
    }
    del declared[PROC_DATE]
    return {**declared, **evolved, PROC_DATE: step.columns[PROC_DATE]}


def _landed(answer: Extraction, columns: Mapping[str, str]) -> nw.LazyFrame:
    rows = answer.frame
    have = rows.collect_schema()
    missing = [name for name in columns if name not in have and name not in {*_TECHNICAL, PROC_DATE}]
    if missing:
        rows = rows.with_columns(*[nw.lit(None, nw.String()).alias(name) for name in missing])
    types = rows.collect_schema()
    raw = {name: types[name] for name in columns if name not in {*_TECHNICAL, PROC_DATE}}
    hashed = kit.row_hash({**raw, DEFECT: nw.String(), DEFECT_LINE: nw.String(), UNKNOWN: nw.String()})
    rows = rows.with_columns(hashed.alias(RAW_HASH), nw.lit(answer.partition).alias(PROC_DATE))
    return rows.select(*columns)


def _totals(rows: nw.LazyFrame) -> nw.LazyFrame:
    everything = rows.with_columns(nw.lit(value=True).alias("__all"))
    return everything.group_by(PROC_DATE).agg(
        nw.len().cast(nw.Int64).alias("rows"),
        nw.col(DEFECT).count().cast(nw.Int64).alias("defects"),
        *kit.content_totals(RAW_HASH, where="__all", prefix="valid"),
    )


def _tally(answer: Extraction | Rejection, counted: Mapping[str, int]) -> Tally:
    if isinstance(answer, Rejection):
        failed = _arrival(Outcome.FAIL, str(answer.error))
        return Tally(answer.partition, Ledger(), (failed,), drift=answer.drift, dead_letters=answer.dead_letters)
    rows = int(counted.get("rows", 0))
    return Tally(
        answer.partition,
        Ledger(read=rows + answer.deduplicated, published=rows, deduplicated=answer.deduplicated),
        (_arrival(Outcome.PASS, "; ".join(answer.warnings), checked_rows=rows), *_warnings(answer, counted)),
        kit.content_hash(rows, int(counted.get("valid_low", 0)), int(counted.get("valid_high", 0))),
        objects=answer.objects,
        drift=answer.drift,
        dead_letters=answer.dead_letters,
        measures={**answer.measures, "rows": answer.rows},
    )


def _arrival(outcome: Outcome, reason: str, *, checked_rows: int = 0) -> RuleResult:
    # Whether input arrived whole is no choice of a contract: without it there is nothing to publish.
    kind = (Dimension.COMPLETENESS, Severity.ERROR, OnFailure.BLOCK)
    return RuleResult(ARRIVAL, ARRIVAL, *kind, outcome, checked_rows=checked_rows, reason=reason)


def _warnings(answer: Extraction, counted: Mapping[str, int]) -> tuple[RuleResult, ...]:
    defects, rows = int(counted.get("defects", 0)), int(counted.get("rows", 0))
    kind = (Dimension.CONFORMITY, Severity.WARNING, OnFailure.KEEP)
    formed = Outcome.FAIL if defects else Outcome.PASS
    reason = "silver quarantines them" if defects else ""
    well_formed = RuleResult(
        "well_formed", "well_formed", *kind, formed, failed_rows=defects, checked_rows=rows, reason=reason
    )
    drifts = "; ".join(_drift_sentence(event) for event in answer.drift)
    schema = RuleResult("schema", "schema", *kind, Outcome.FAIL if drifts else Outcome.PASS, reason=drifts)
    return (well_formed, schema)


def _drift_sentence(event: DriftEvent) -> str:
    return f"{event.type}: {', '.join((*event.added, *event.removed, *event.type_changed))}"
