"""Queries of contracts over a small table of every type; what they give is asked of DuckDB by the unit tests."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from lakehouse_assets.contracts.model import Column, ColumnType, Kind
from lakehouse_assets.quality.sql_query import answers
from lakehouse_assets.quality.sql_read import read_query
from lakehouse_assets_tests.parity.cases import ROW, Engine, Task

COUNT = "SELECT COUNT(*) FROM {object}"
COLUMNS = (
    Column("k", ColumnType(Kind.STRING)),
    Column("i", ColumnType(Kind.INTEGER)),
    Column("n", ColumnType(Kind.LONG)),
    Column("d", ColumnType(Kind.DECIMAL, 18, 2)),
    Column("f", ColumnType(Kind.DOUBLE)),
    Column("ok", ColumnType(Kind.BOOLEAN)),
    Column("day", ColumnType(Kind.DATE)),
    Column("moment", ColumnType(Kind.TIMESTAMP)),
)
ROWS = pl.DataFrame(
    {
        "_proc_date": ["a", "a", "a", "a", "b", "b", "c", "c"],
        "k": ["x", "x", "é", None, "x", "a%c", None, "x_y"],
        "i": pl.Series([1, -2, None, 2**31 - 1, 5, 0, None, None], dtype=pl.Int32),
        "n": [2**40, 3, None, 3, 7, 7, None, 1],
        "d": pl.Series([Decimal(each) if each else None for each in ("1.10", "2.25", "", "-4", "0.05", "0.1", "", "9")]
                       , dtype=pl.Decimal(18, 2)),
        "f": [0.5, 1.5, None, -0.25, 2.0, -1.0, None, 0.0],
        "ok": [True, False, None, True, True, False, None, False],
        "day": [date(2024, 1, 1), date(2024, 1, 2), None, date(2023, 5, 5), date(2024, 2, 1), date(2024, 1, 1), None,
                date(2024, 1, 3)],
        "moment": [datetime(2024, 1, each, 12, tzinfo=UTC) for each in range(1, 9)],
    }
)  # fmt: skip
QUERIES = (
    COUNT,
    "SELECT COUNT(i) FROM {object}",
    "SELECT COUNT(DISTINCT k) FROM {object}",
    "SELECT COUNT(DISTINCT k) FROM {object} WHERE i > 1",
    "SELECT COUNT(*) FROM {object} WHERE i < 0",
    "SELECT COUNT(*) FROM {object} WHERE NOT i < 0",
    "SELECT COUNT(*) FROM {object} WHERE i < 0 OR ok",
    "SELECT COUNT(*) FROM {object} WHERE NOT (i < 0 AND ok)",
    "SELECT COUNT(*) FROM {object} WHERE i IS NULL AND k IS NOT NULL",
    "SELECT COUNT(*) FROM {object} WHERE i IN (1, 5) OR n NOT IN (3, 7)",
    "SELECT COUNT(*) FROM {object} WHERE k LIKE 'x%' OR k LIKE '_'",
    "SELECT COUNT(*) FROM {object} WHERE k NOT LIKE '%c'",
    "SELECT COUNT(*) FROM {object} WHERE d BETWEEN 0.05 AND 2.25",
    "SELECT COUNT(*) FROM {object} WHERE d = 0.1 OR f = 0.5 OR n = 7.0",
    "SELECT COUNT(*) FROM {object} WHERE day >= '2024-01-02' AND day < DATE '2024-02-01'",
    "SELECT COUNT(*) FROM {object} WHERE moment > TIMESTAMP '2024-01-03 12:00:00'",
    "SELECT COUNT(*) FILTER (WHERE ok) FROM {object} WHERE f > 0",
    "SELECT SUM(i) FROM {object}",
    "SELECT SUM(i + n) FROM {object}",
    "SELECT SUM(d) - SUM(i) FROM {object}",
    "SELECT SUM(d * i) FROM {object}",
    "SELECT SUM(d * d) FROM {object}",
    "SELECT SUM(-d) FROM {object} WHERE n = 3",
    "SELECT SUM(ABS(d)) FROM {object}",
    "SELECT SUM(LENGTH(k)) FROM {object}",
    "SELECT AVG(d) FROM {object}",
    "SELECT AVG(f) FROM {object} WHERE ok",
    "SELECT MIN(i) + MAX(n) FROM {object}",
    "SELECT MAX(f / n) FROM {object}",
    "SELECT 100.0 * COUNT(*) / (SELECT COUNT(*) FROM {object}) FROM {object} WHERE i IS NULL",
    "SELECT COUNT(*) FROM {object} WHERE f > (SELECT AVG(f) FROM {object})",
    "SELECT SUM(CASE WHEN i < 0 THEN 1 WHEN ok THEN 0.5 ELSE NULL END) FROM {object}",
    "SELECT SUM(CASE WHEN i > 0 THEN 1 END) FROM {object}",
    "SELECT SUM(COALESCE(i, n, 3)) FROM {object}",
    "SELECT COUNT(NULLIF(k, 'x')) FROM {object}",
    "SELECT SUM(CAST(i AS DOUBLE) / 2) FROM {object}",
    "SELECT MAX(times) FROM (SELECT k, COUNT(*) AS times FROM {object} GROUP BY k) AS g",
    "SELECT COUNT(*) FROM (SELECT k FROM {object} WHERE i > 0 GROUP BY k HAVING COUNT(*) > 1) AS g",
    "SELECT COUNT(*) FROM (SELECT DISTINCT k, ok FROM {object}) AS g",
    "SELECT COUNT(g.k) FROM (SELECT DISTINCT k FROM {object} WHERE i > 4) AS g",
    "WITH g AS (SELECT k, SUM(d) AS s FROM {object} GROUP BY k), h AS (SELECT s FROM g) SELECT MAX(s) FROM h",
    "SELECT COALESCE(SUM(s), 0) FROM (SELECT i > 0 AS p, SUM(n) AS s FROM {object} GROUP BY i > 0) AS g WHERE p",
)


def task() -> Task:
    """Return what all queries give on an engine, for each partition."""
    types = {column.name: column.type for column in COLUMNS}

    def asked(engine: Engine) -> pl.DataFrame:
        rows = engine.lift(ROWS)
        found = [engine.collect(answers(read_query(query).tree, rows, "_proc_date", types)) for query in QUERIES]
        named = zip(found, QUERIES, strict=True)
        every = pl.concat(one.with_columns(pl.lit(query).alias("query")) for one, query in named)
        return every.sort("query", "_proc_date").with_row_index(ROW)

    return Task("queries of contracts", asked)
