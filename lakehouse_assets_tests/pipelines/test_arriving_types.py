"""Sources that know types: what fits the declared type is landed as declared, what does not is refused by name."""

from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.naming import BRONZE_COLUMNS, PROC_DATE, RAW_HASH
from lakehouse_assets.pipeline.drift import fitted
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets_tests.lakes import DAY, RAW, RAW_COLUMNS, deliver, orders_contract, run, shop_lake

TECHNICAL = [name for name in BRONZE_COLUMNS if name not in {PROC_DATE, RAW_HASH}]


def arrived(folder: Path, declared: str, values: pl.Series) -> Extraction | Rejection:
    """Return what becomes of an extraction whose amounts are `values` where the source file says `declared`."""
    number = "logicalType: integer, physicalType: long, logicalTypeOptions: {minimum: 0, maximum: 1000},"
    silver = orders_contract().replace(number, "logicalType: string,")
    lake = shop_lake(folder, silver, raw=RAW_COLUMNS.replace("amount: text", f"amount: {declared}"))
    texts = ["order_id", "customer", "changed_at", "note", *TECHNICAL]
    frame = pl.LazyFrame({name: ["x"] * len(values) for name in texts}).with_columns(amount=pl.lit(values))
    step = open_step(lake, lake.contract(RAW), [DAY], run_id="types", chunk=0)
    return fitted(step, {DAY: Extraction(DAY, nw.from_native(frame), len(values))})[DAY]


@pytest.mark.parametrize(
    ("declared", "values", "told"),
    [
        ("long", pl.Series([1, 2], dtype=pl.Int64), ()),
        ("long", pl.Series([1, 2], dtype=pl.Int32), ("amount long → integer",)),
        ("'decimal(18,4)'", pl.Series([1, 2], dtype=pl.Int32), ("amount decimal(18,4) → integer",)),
        ("'decimal(18,4)'", pl.Series([1, 2]).cast(pl.Decimal(10, 2)), ("amount decimal(18,4) → decimal(10,2)",)),
    ],
    ids=["equal", "integer", "integer to decimal", "decimal"],
)
def test_a_narrower_number_is_widened_and_told(
    declared: str, values: pl.Series, told: tuple[str, ...], tmp_path: Path
) -> None:
    answer = arrived(tmp_path, declared, values)

    assert isinstance(answer, Extraction)
    assert [int(value) for value in answer.frame.to_native().collect()["amount"]] == [1, 2]
    assert tuple(word for event in answer.drift for word in event.type_changed) == told


@pytest.mark.parametrize(
    ("declared", "values", "word"),
    [
        ("integer", pl.Series([1, 2], dtype=pl.Int64), "long"),
        ("'decimal(10,2)'", pl.Series([1, 2]).cast(pl.Decimal(10, 4)), "decimal(10,4)"),
        ("long", pl.Series(["1", "2"]), "text"),
        ("text", pl.Series([1, 2], dtype=pl.Int64), "long"),
        ("date", pl.Series([1, 2], dtype=pl.Int64), "long"),
    ],
    ids=["wider", "more digits", "text", "number for text", "number for date"],
)
def test_any_other_type_is_refused_by_name(declared: str, values: pl.Series, word: str, tmp_path: Path) -> None:
    answer = arrived(tmp_path, declared, values)

    assert isinstance(answer, Rejection)
    assert f"the column 'amount' arrived as {word}, but" in str(answer.error)
    assert [event.type for event in answer.drift] == ["type_changed"]


def test_a_text_file_for_a_typed_column_keeps_its_partition_back_with_a_sentence(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, raw=RAW_COLUMNS.replace("amount: text", "amount: long"))
    deliver(lake, DAY, [["1", "ann", "10", f"{DAY} 10:00:00", ""]])

    refused = run(lake, RAW, DAY)[DAY]

    assert refused.is_blocked
    assert "'amount' arrived as text, but long is declared" in refused.message
