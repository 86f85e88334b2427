"""Whenever a column is declared, and under whatever name it came: restated, every day holds what its file held."""

import itertools
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import newest
from lakehouse_assets.pipeline.restate import restate
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
    NEXT,
    ORDERS,
    RAW,
    RAW_COLUMNS,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
)

DAYS = (DAY, NEXT)
COUPON = "      - {name: coupon, logicalType: string, transformSourceObjects: [bronze.shop.orders.coupon]}\n"
# Unknown; declared; declared with the name it had before.
STAGES = (("", ""), ("coupon", ""), ("coupon", "    renamedFrom: {coupon: voucher}\n"))

_values = st.sampled_from(["", "x", 'a "b", c', "ü", "null", "{}"])
_files = st.tuples(st.sampled_from(["", "coupon", "voucher"]), st.lists(_values, min_size=1, max_size=4))
_landings = st.lists(st.tuples(st.sampled_from(range(len(DAYS))), st.sampled_from(range(len(STAGES)))), max_size=4)


def staged_shop(folder: Path, stage: int, policy: str) -> Lake:
    """Open the shop at one stage of what is declared."""
    column, renamed = STAGES[stage]
    raw = f"{RAW_COLUMNS}, {column}: text" if column else RAW_COLUMNS
    also = f"    optionalColumns: [{column}]\n{renamed}" if column else ""
    silver = orders_contract(more=COUPON if column else "", version=f"1.{stage}.0")
    return shop_lake(folder, silver, unknown=policy, raw=raw, source_also=also)


@settings(max_examples=12)
@given(
    files=st.tuples(_files, _files),
    landings=_landings,
    policy=st.sampled_from(["quarantine", "evolve"]),
)
def test_restated_rows_are_those_of_the_files(
    files: tuple[tuple[str, list[str]], ...], landings: list[tuple[int, int]], policy: str
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lake = staged_shop(folder, 0, policy)
        for day, (column, values) in zip(DAYS, files, strict=True):
            header = (*HEADER, column) if column else HEADER
            deliver(
                lake, day, [[*order(n), *([text] if column else [])] for n, text in enumerate(values)], header=header
            )
        refresh(lake, *DAYS)
        for number, stage in sorted(landings, key=lambda landing: landing[1]):
            run(staged_shop(folder, stage, policy), RAW, DAYS[number])
        lake = staged_shop(folder, 2, policy)

        list(restate(lake, ORDERS, DAYS, run_id="restate"))

        found = rows_of(lake, ORDERS).sort("_proc_date", "order_id").select("coupon").to_series().to_list()
        kept = [text or None if column else None for column, values in files for text in values]
        balances = [newest(lake, table)[day].of.ledger for table, day in itertools.product((RAW, ORDERS), DAYS)]
        assert found == kept
        assert all(ledger.is_balanced for ledger in balances)
        assert [ledger.read for ledger in balances] == [len(values) for _, values in files] * 2
