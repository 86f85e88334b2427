"""Great Expectations on pandas: a suite over a typed data frame; unexpected rows make the quarantine."""

from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations import expectations as gxe

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, TIME_FORMAT, Job, carry_out

_PRESENT = ("order_id", "customer_id", "quantity", "unit_price", "ordered_at", "country")
_RULES = (
    *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in _PRESENT),
    gxe.ExpectColumnValuesToBeUnique(column="order_id"),
    gxe.ExpectColumnValuesToMatchRegex(column="order_id", regex=f"^{ORDER_ID}$"),
    gxe.ExpectColumnValueLengthsToBeBetween(column="customer_id", min_value=3, max_value=20),
    gxe.ExpectColumnValueLengthsToEqual(column="product_id", value=6),
    gxe.ExpectColumnValuesToBeBetween(column="quantity", min_value=1, max_value=100),
    gxe.ExpectColumnValuesToBeBetween(column="unit_price", min_value=0, max_value=10_000),
    gxe.ExpectColumnValuesToBeInSet(column="currency", value_set=list(CURRENCIES)),
    gxe.ExpectColumnValuesToBeInSet(column="status", value_set=list(STATUSES)),
)


def work(job: Job) -> dict[str, Any]:
    """Parse with pandas (prices as floats: decimals would be Python objects), validate, split by index."""
    rows = pd.read_parquet(job.source)
    rows["quantity"] = pd.to_numeric(rows["quantity"], errors="coerce").astype("Int32")
    rows["unit_price"] = pd.to_numeric(rows["unit_price"], errors="coerce")
    rows["ordered_at"] = pd.to_datetime(rows["ordered_at"], format=TIME_FORMAT, errors="coerce", utc=True)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("orders").add_dataframe_asset("orders")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    suite = gx.ExpectationSuite(name="orders", expectations=list(_RULES))
    told = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    reasons: dict[int, str] = {}
    for one in told.results:
        column = one.expectation_config.kwargs["column"]
        for number in one.result.get("unexpected_index_list") or []:
            reasons[number] = f"{reasons[number]} {column}" if number in reasons else column
    wrong = pd.Series(reasons, name="reasons", dtype="string")
    job.good.mkdir()
    job.refused.mkdir()
    rows.drop(index=wrong.index).to_parquet(job.good / "0.parquet", index=False)
    rows.loc[wrong.index].assign(reasons=wrong).to_parquet(job.refused / "0.parquet", index=False)
    return {"version": gx.__version__}


if __name__ == "__main__":
    carry_out(work)
