"""delta-rs: parsed and judged by hand in Polars, then MERGE into a Delta table that is empty before."""

from typing import Any

import deltalake
import polars as pl

from benchmarks.peers.job import Job, carry_out
from benchmarks.peers.typed import parsed, wrong_columns


def work(job: Job) -> dict[str, Any]:
    """Judge all rows, upsert the good ones by `order_id`, append the refused ones to a table of their own."""
    judged = parsed(job).with_columns(wrong_columns(is_repeated=pl.col("order_id").is_duplicated()))
    good, refused = pl.collect_all(
        [judged.filter(pl.col("reasons") == "").drop("reasons"), judged.filter(pl.col("reasons") != "")],
        engine="streaming",
    )
    good.head(0).write_delta(job.good)
    merge = good.write_delta(
        job.good,
        mode="merge",
        delta_merge_options={"predicate": "s.order_id = t.order_id", "source_alias": "s", "target_alias": "t"},
    )
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    refused.write_delta(job.refused)
    return {"version": deltalake.__version__}


if __name__ == "__main__":
    carry_out(work)
