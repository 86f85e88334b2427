"""The rows that the matrix of operations is asked about."""

from datetime import datetime
from decimal import Decimal

import polars as pl


def inputs() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return two frames that hold what engines differ on, nulls among it."""
    days = ["2025-03-30", "2024-02-29", "", "2025-12-31", "2024-12-30", "2025-01-05", "1969-12-31", "2026-01-04"]
    at = [datetime.fromisoformat(f"{day}T23:59:59.5+00:00") if day else None for day in days]
    money = ["1.2345", "-1.2345", "", "0.0050", "2.5000", "0.0000", "3.3333", "2.0050"]
    left = {
        "id": list(range(8)),
        "g": ["a", "a", "b", "b", "c", None, None, "d"],
        "o": [2, 1, 1, 2, 1, 1, None, 1],
        "i": [5, -7, 0, None, 3, 3, -3, 9],
        "j": [2, 2, 3, 4, None, -2, 5, 1],
        "f": [1.5, 2.5, -0.5, None, float("nan"), float("inf"), 0.0, 2.675],
        "s": ["  Ab c ", "straße", None, "", "a\tb\n", "x\u0661٢3", "a,b,c", "\u00a0ZOË"],
        "d": [Decimal(text) if text else None for text in money],
        "t": [None if each is None else each.replace(tzinfo=None) for each in at],
        "u": at,
        "day": [None if each is None else each.date() for each in at],
        "b": [True, False, None, True, False, True, None, False],
        "l": [[1, 2], [3], [], None, [1, None], [5, 5], [1], [2]],
    }
    types = {"d": pl.Decimal(18, 4), "t": pl.Datetime("us"), "u": pl.Datetime("us", "UTC"), "l": pl.List(pl.Int64)}
    right = {"g": ["a", "b", "b", None, "e"], "v": [1, 2, 3, 4, 5]}
    return pl.DataFrame(left, schema_overrides=types), pl.DataFrame(right)
