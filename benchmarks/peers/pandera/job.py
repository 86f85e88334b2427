"""pandera on Polars: a lazy schema validation, failure cases turned into a quarantine."""

from typing import Any

import pandera
import pandera.polars as pa
import polars as pl

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, Job, carry_out
from benchmarks.peers.typed import MONEY, parsed

_NUMBER = "__number"


class Orders(pa.DataFrameModel):
    """The contract."""

    order_id: str = pa.Field(str_matches=f"^{ORDER_ID}$", unique=True)
    customer_id: str = pa.Field(str_length={"min_value": 3, "max_value": 20})
    product_id: str = pa.Field(nullable=True, str_length={"min_value": 6, "max_value": 6})
    quantity: pl.Int32 = pa.Field(in_range={"min_value": 1, "max_value": 100})
    unit_price: MONEY = pa.Field(in_range={"min_value": 0, "max_value": 10_000})
    currency: str = pa.Field(nullable=True, isin=CURRENCIES)
    status: str = pa.Field(nullable=True, isin=STATUSES)
    ordered_at: pl.Datetime("us", "UTC")
    country: str
    note: str = pa.Field(nullable=True)


def work(job: Job) -> dict[str, Any]:
    """Validate lazily; rows named by a failure case are refused."""
    rows = parsed(job).collect()
    wrong = pl.DataFrame(schema={_NUMBER: pl.UInt32, "reasons": pl.String})
    try:
        Orders.validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as found:
        cases = found.failure_cases.select(
            pl.col("index").cast(pl.UInt32).alias(_NUMBER), pl.col("column").cast(pl.String).alias("reasons")
        )
        wrong = cases.group_by(_NUMBER).agg(pl.col("reasons").unique().str.join(" "))
    numbered = rows.with_row_index(_NUMBER)
    job.good.mkdir()
    job.refused.mkdir()
    numbered.join(wrong, on=_NUMBER, how="anti").drop(_NUMBER).write_parquet(job.good / "0.parquet")
    numbered.join(wrong, on=_NUMBER, how="inner").drop(_NUMBER).write_parquet(job.refused / "0.parquet")
    return {"version": pandera.__version__}


if __name__ == "__main__":
    carry_out(work)
