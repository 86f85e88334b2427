"""The transforms of the package (`ours`) and the same by hand in Polars (`plain`), over lines that lie in Parquet."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import narwhals as nw
import polars as pl
from polars.testing import assert_frame_equal

from benchmarks import by_hand
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.refine import transform_of

NAMES = ("retail_order_lines", "retail_sales_daily", "retail_products", "retail_customer_orders")
SILVER = NAMES[0]


def prepare(folder: Path, rows: int) -> float:
    """Write typed lines and what silver makes of them; both ways must give equal tables."""
    by_hand.order_lines(rows).sink_parquet(folder / "typed.parquet")
    by_hand.retail_order_lines(pl.scan_parquet(folder / "typed.parquet")).sink_parquet(folder / "lines.parquet")
    for name in NAMES:
        ours, plain = (made(folder, name).collect(engine="streaming") for made in (_ours, _plain))
        assert_frame_equal(ours, plain, check_row_order=False, check_column_order=False, check_dtypes=True)
    return 0.0


def timed(made: Callable[[Path, str], pl.LazyFrame], folder: Path, name: str) -> float:
    """Compute one table; return seconds, planning included."""
    started = time.perf_counter()
    if name == SILVER:
        made(folder, name).sink_parquet(folder / "out.parquet")
    else:
        made(folder, name).collect(engine="streaming")
    return time.perf_counter() - started


def _ours(folder: Path, name: str) -> pl.LazyFrame:
    function = transform_of(TableName("silver" if name == SILVER else "gold", (name,)))
    assert function is not None
    made: pl.LazyFrame = function(nw.from_native(_lines(folder, name))).to_native()
    return made


def _plain(folder: Path, name: str) -> pl.LazyFrame:
    function: Callable[[pl.LazyFrame], pl.LazyFrame] = getattr(by_hand, name)
    return function(_lines(folder, name))


def _lines(folder: Path, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / ("typed.parquet" if name == SILVER else "lines.parquet"))


if __name__ == "__main__":
    variant, where, what = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    where.mkdir(parents=True, exist_ok=True)
    took = (
        prepare(where, int(what))
        if variant == "prepare"
        else timed({"ours": _ours, "plain": _plain}[variant], where, what)
    )
    print(json.dumps({"seconds": took}))
