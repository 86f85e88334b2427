"""A lake with one entity of twelve columns, and change logs made by arithmetic; `history` is the contract's word."""

import shutil
import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.quality.judge import NEVER, RowRule, flag_of, to_results
from lakehouse_assets.results import PUBLISHED, Ledger
from lakehouse_assets.settings import load_settings

PEOPLE, CHANGES = TableName("silver", ("people",)), TableName("silver", ("people_changes",))
BATCH = 1_000_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SPREAD_SECONDS = 100_000
_TEXTS = tuple(f"text{number}" for number in range(5))
_NUMBERS = tuple(f"number{number}" for number in range(4))

_SOURCE = """\
source: bench
kind: files
description: Changes of people.
owner: bench@example.com
connection: {location: "drop"}
cadence: daily_after_midnight
calendar: {starts: "2026-01-01", ends: "2026-03-31"}
replay: exact
retryPolicy: fixed
onError: dead-letter
tables:
  people:
    read: {pattern: "{partition}.csv", format: csv}
    columns: {RAW}
    deletes: {column: op, values: [D]}
"""


def entity_lake(folder: Path, history: str, *, buckets: int) -> Lake:
    """Write the configuration below `folder` and open the lake."""
    config = folder / "config"
    for name in ("environments", "sources", "contracts/silver"):
        (config / name).mkdir(parents=True, exist_ok=True)
    here = Path(__file__).parents[1] / "config"
    for name in ("schedules.yaml", "retry_policies.yaml"):
        shutil.copy(here / name, config / name)
    for name in ("base", "local"):
        (config / f"environments/{name}.yaml").write_text("{}\n")
    raw = ", ".join(f"{name}: text" for name in ("op", *_kinds()))
    (config / "sources/bench.yaml").write_text(_SOURCE.replace("{RAW}", f"{{{raw}}}"))
    (config / "contracts/silver/people.odcs.yaml").write_text(_contract(history, buckets))
    environ = {"LAKEHOUSE_ROOT": str(folder / "lake"), "LAKEHOUSE_RUN_LOG": "off"}
    return open_lake(load_settings(environ, config))


def changes(keys: pl.Expr, *, seed: int, values: int = 100_000) -> pl.LazyFrame:
    """Return one change for each of `keys`; later seeds are later changes, `values` is how many differ in a column."""
    mixed = (pl.col("i") * 2_654_435_761 + seed * 40_503) % 4_294_967_296
    numbered = (
        pl.LazyFrame().select(keys.alias("person_id")).with_row_index("i").with_columns(pl.col("i").cast(pl.Int64))
    )
    texts = [pl.format("value {}", pl.col("x") // (n + 1) % values).alias(name) for n, name in enumerate(_TEXTS)]
    numbers = [(pl.col("x") // (n + 7) % values).alias(name) for n, name in enumerate(_NUMBERS)]
    return numbered.with_columns(x=mixed).select(
        "person_id",
        *texts,
        *numbers,
        (pl.lit(date(2000, 1, 1)) + pl.duration(days=pl.col("x") % 9_000)).alias("joined_on"),
        (pl.lit(_START) + pl.duration(seconds=seed * _SPREAD_SECONDS + pl.col("x") % _SPREAD_SECONDS))
        .cast(pl.Datetime("us", "UTC"))
        .alias("changed_at"),
        pl.lit(value=False).alias("_deleted"),
        pl.format("{}.csv#{}", pl.lit(seed), pl.col("i")).alias("_row_id"),
        (pl.col("x") * 1_000_003 + seed).alias("_raw_hash"),
    )


def publish_changes(lake: Lake, day: str, frames: Iterable[pl.LazyFrame]) -> None:
    """Publish rows as a day of the change log, as silver would."""
    step = open_step(lake, lake.contract(CHANGES), [day], run_id=uuid.uuid4().hex, chunk=0)
    staged = []
    for number, frame in enumerate(frames):
        rows = nw.from_native(frame.with_columns(_proc_date=pl.lit(day))).select(*step.columns)
        ((*files,),), _ = lake.engine.stage([Branch(rows, step.target(pass_number=number))])
        staged += files
    count = sum(file.rows for file in staged)
    # The rows are right by construction; judging them is another benchmark.
    rules = [spec for spec in step.contract.rules if spec.kind is RuleKind.ROW]
    results = to_results([RowRule(spec, NEVER) for spec in rules], {flag_of(n): 0 for n in range(len(rules))}, count)
    tally = Tally(day, Ledger(read=count, published=count), results, content_hash=uuid.uuid4().hex)
    (result,) = publish(step, Draft((tally,), valid=tuple(staged), columns=step.columns))
    assert result.status == PUBLISHED, result.message


def _kinds() -> dict[str, tuple[str, str]]:
    texts = dict.fromkeys(_TEXTS, ("string", "string"))
    numbers = dict.fromkeys(_NUMBERS, ("integer", "long"))
    times = {"joined_on": ("date", "date"), "changed_at": ("timestamp", "timestamp")}
    return {"person_id": ("integer", "long"), **texts, **numbers, **times}


def _contract(history: str, buckets: int) -> str:
    required = {"person_id": ", required: true, primaryKey: true", "changed_at": ", required: true"}
    formats = {"joined_on": "%Y-%m-%d", "changed_at": "%Y-%m-%d %H:%M:%S"}
    lines = []
    for name, (logical, physical) in _kinds().items():
        parse = f"[{{property: lakehouse.parse, value: {{formats: ['{formats.get(name, '')}']}}}}]"
        more = required.get(name, "") + (f", customProperties: {parse}" if name in formats else "")
        lines.append(
            f"      - {{name: {name}, logicalType: {logical}, physicalType: {physical},"
            f" transformSourceObjects: [bronze.bench.people.{name}]{more}}}\n"
        )
    tracked = "" if history == "none" else ", tracked: [text0, number0]"
    load = (
        f"{{mode: derived, keys: [person_id], sequenceBy: changed_at, history: {history}, buckets: {buckets}{tracked}}}"
    )
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: silver.people
name: people
version: 1.0.0
status: active
domain: bench
description: {{purpose: People of the benchmark.}}
schema:
  - name: people
    physicalName: silver.people
    logicalType: object
    properties:
{"".join(lines)}    customProperties:
      - {{property: lakehouse.load, value: {load}}}
team: {{name: bench, members: [{{username: bench@example.com, role: owner}}]}}
"""
