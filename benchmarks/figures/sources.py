"""Figures of reading sources: this project against each vendor's client, which reads the same rows and drops them."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figure import MILLION, Figure, Measured
from benchmarks.measure import interleaved, run
from lakehouse_assets_tests import postgres
from lakehouse_assets_tests.doubles import snowflake

SQL_ROWS, SNOWFLAKE_ROWS, FEW_ROWS, MANY_ROWS = 2 * MILLION, MILLION, MILLION // 2, 5 * MILLION


def extract_sql_ratio(folder: Path) -> Measured:
    """Wall time of landing 2 million rows of PostgreSQL ÷ psycopg2 reading the same rows and dropping them."""
    with postgres.running() as url:
        where = _prepared(folder / "extract-sql", "sql", _connection(url), SQL_ROWS)
        return Measured(*interleaved("extract", "ours_sql", "plain_sql", where, str(SQL_ROWS)))


def extract_snowflake_ratio(folder: Path) -> Measured:
    """Wall time of landing a million rows of a Snowflake double ÷ Snowflake's client reading and dropping them."""
    with snowflake.running() as connection:
        where = _prepared(folder / "extract-snowflake", "snowflake", connection, SNOWFLAKE_ROWS)
        return Measured(*interleaved("extract", "ours_snowflake", "plain_snowflake", where, str(SNOWFLAKE_ROWS)))


def extract_memory_growth(folder: Path) -> Measured:
    """Peak memory of landing 5 million rows of PostgreSQL ÷ of landing half a million."""
    peaks = {rows: [_peak(folder, rows) for _ in range(3)] for rows in (FEW_ROWS, MANY_ROWS)}
    few, many = peaks.values()
    return Measured(statistics.median(many) / statistics.median(few), [*few, *many])


def _peak(folder: Path, rows: int) -> float:
    with postgres.running() as url:
        where = _prepared(folder / f"extract-{rows}", "sql", _connection(url), rows)
        return run("extract", "ours_sql", where, str(rows)).peak_gib


def _connection(url: str) -> dict[str, str]:
    return {"url": url.format(database="postgres").replace("postgresql:", "postgresql+psycopg2:")}


def _prepared(where: Path, kind: str, connection: Mapping[str, str], rows: int) -> str:
    where.mkdir(parents=True, exist_ok=True)
    (where / "connection.json").write_text(json.dumps(dict(connection)))
    run("extract", f"fill_{kind}", str(where), str(rows))
    return str(where)


FIGURES = (
    Figure("extract_sql_ratio", "ratio", 1.5, 1.2, extract_sql_ratio),
    Figure("extract_snowflake_ratio", "ratio", 1.5, 1.2, extract_snowflake_ratio),
    Figure("extract_memory_growth", "ratio", 1.2, 1.05, extract_memory_growth),
)
