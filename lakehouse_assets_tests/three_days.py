"""Three published days of the small shop, and contracts that would judge them differently."""

from pathlib import Path

from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import DAY, NEXT, THIRD, deliver, order, orders_contract, refresh, shop_lake

DAYS = (DAY, NEXT, THIRD)
STRICT = "maximum: 1000"
MORE = "      - {name: remark, logicalType: string, transformSourceObjects: [bronze.shop.orders.note]}\n"


def contract_with(bound: str, version: str = "1.0.0") -> str:
    """Return the contract of orders whose amounts may be at most `bound`."""
    return orders_contract(version=version).replace(STRICT, f"maximum: {bound}")


def three_days(folder: Path) -> Lake:
    """Publish days of orders 1 to 4 with amounts 10, 60, 110 and 160."""
    lake = shop_lake(folder)
    for day in DAYS:
        deliver(lake, day, [order(number, amount=50 * number - 40) for number in range(1, 5)])
    refresh(lake, *DAYS)
    return lake


def everything(lake: Lake) -> dict[str, bytes]:
    """Return every file of the lake, byte for byte."""
    root = Path(lake.root)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
