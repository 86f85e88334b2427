"""dlt: a resource of Arrow tables, parsed and judged by hand in Polars (dlt has no row rules), loaded as Parquet."""

import os
from collections.abc import Iterator
from typing import Any

import dlt
import polars as pl
import pyarrow as pa

from benchmarks.peers.job import Job, carry_out
from benchmarks.peers.typed import PARSED, wrong_columns

_ROWS = 250_000


def work(job: Job) -> dict[str, Any]:
    """Load good and refused rows into two tables of a folder."""
    folder = job.good.parent
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    pipeline = dlt.pipeline(
        "orders",
        pipelines_dir=str(folder / "state"),
        destination=dlt.destinations.filesystem(bucket_url=str(folder)),
        dataset_name="out",
    )

    @dlt.resource(name="orders")
    def orders() -> Iterator[Any]:
        ids = pl.scan_parquet(job.source).select("order_id").collect(engine="streaming")["order_id"]
        repeated = ids.filter(ids.is_duplicated()).unique()
        del ids
        is_repeated = pl.col("order_id").is_in(repeated.implode())
        rows = pl.scan_parquet(job.source)
        for batch in rows.collect_batches(chunk_size=_ROWS):
            judged = batch.lazy().with_columns(*PARSED).with_columns(wrong_columns(is_repeated=is_repeated)).collect()
            good = judged.filter(pl.col("reasons") == "").drop("reasons")
            yield dlt.mark.with_table_name(_arrow(good), "good")
            yield dlt.mark.with_table_name(_arrow(judged.filter(pl.col("reasons") != "")), "refused")

    pipeline.run(orders(), loader_file_format="parquet").raise_on_failed_jobs()
    (folder / "out" / "good").rename(job.good)
    (folder / "out" / "refused").rename(job.refused)
    return {"version": dlt.__version__}


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


if __name__ == "__main__":
    carry_out(work)
