"""dataframely: a schema with its rules, filtered lazily, good and refused rows sunk from one plan."""

from typing import Any

import dataframely as dy
import polars as pl

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, Job, carry_out
from benchmarks.peers.typed import PARSED


class Orders(dy.Schema):
    """The contract."""

    order_id = dy.String(primary_key=True, regex=f"^{ORDER_ID}$")
    customer_id = dy.String(nullable=False, min_length=3, max_length=20)
    product_id = dy.String(nullable=True, min_length=6, max_length=6)
    quantity = dy.Int32(nullable=False, min=1, max=100)
    unit_price = dy.Decimal(18, 4, nullable=False, min=0, max=10_000)
    currency = dy.String(nullable=True, check=lambda c: c.is_in(CURRENCIES))
    status = dy.String(nullable=True, check=lambda c: c.is_in(STATUSES))
    ordered_at = dy.Datetime(nullable=False, time_zone="UTC", time_unit="us")
    country = dy.String(nullable=False)
    note = dy.String(nullable=True)


def work(job: Job) -> dict[str, Any]:
    """Parse times by hand (a cast of text is none), let the schema cast and judge the rest."""
    rows = pl.scan_parquet(job.source).with_columns(PARSED[2])
    good, failure = Orders.filter(rows, cast=True)
    details = failure._lf  # noqa: SLF001 - what `FailureInfo.sink_parquet` writes
    rules = [name for name in details.collect_schema().names() if "|" in name or name == "primary_key"]
    wrong = [pl.when(~pl.col(rule).fill_null(value=True)).then(pl.lit(rule)) for rule in rules]
    refused = details.with_columns(pl.concat_str(wrong, separator=" ", ignore_nulls=True).alias("reasons"))
    job.good.mkdir()
    job.refused.mkdir()
    sinks = [
        good.sink_parquet(job.good / "0.parquet", lazy=True),
        refused.sink_parquet(job.refused / "0.parquet", lazy=True),
    ]
    pl.collect_all(sinks, engine="streaming")
    return {"version": dy.__version__}


if __name__ == "__main__":
    carry_out(work)
