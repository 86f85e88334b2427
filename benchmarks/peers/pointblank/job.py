"""pointblank: validation steps over a collected frame; its sundered data and its extracts make the quarantine."""

from typing import Any

import pointblank
import polars as pl

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, Job, carry_out
from benchmarks.peers.typed import parsed

_NUMBER = "_row_num_"


def work(job: Job) -> dict[str, Any]:
    """Interrogate every rule, keep all failing rows of every step, and split by them."""
    rows = parsed(job).collect()
    present = ["order_id", "customer_id", "quantity", "unit_price", "ordered_at", "country"]
    checked = (
        pointblank.Validate(rows)
        .col_vals_not_null(present)
        .rows_distinct(["order_id"])
        .col_vals_regex("order_id", f"^{ORDER_ID}$", na_pass=True)
        .col_vals_regex("customer_id", "^.{3,20}$", na_pass=True)
        .col_vals_regex("product_id", "^.{6}$", na_pass=True)
        .col_vals_between("quantity", 1, 100, na_pass=True)
        .col_vals_between("unit_price", 0, 10_000, na_pass=True)
        .col_vals_in_set("currency", list(CURRENCIES))
        .col_vals_in_set("status", list(STATUSES))
        .interrogate(extract_limit=rows.height)
    )
    columns = {step.i: step.column for step in checked.validation_info}
    found = [
        extract.select(pl.col(_NUMBER).cast(pl.UInt32), pl.lit(_named(columns[number])).alias("reasons"))
        for number, extract in checked.get_data_extracts().items()
        if len(extract)
    ]
    wrong = pl.concat(found).group_by(_NUMBER).agg(pl.col("reasons").unique().str.join(" "))
    numbered = rows.with_row_index(_NUMBER, offset=1)
    job.good.mkdir()
    job.refused.mkdir()
    numbered.join(wrong, on=_NUMBER, how="anti").drop(_NUMBER).write_parquet(job.good / "0.parquet")
    numbered.join(wrong, on=_NUMBER, how="inner").drop(_NUMBER).write_parquet(job.refused / "0.parquet")
    return {"version": pointblank.__version__}


def _named(column: Any) -> str:  # noqa: ANN401 - a name, or a list of names for rules over rows
    return " ".join(column) if isinstance(column, list | tuple) else str(column)


if __name__ == "__main__":
    carry_out(work)
