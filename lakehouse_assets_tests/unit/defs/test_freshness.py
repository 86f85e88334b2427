"""Freshness windows from promises, and for tables that promise nothing."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from lakehouse_assets.contracts.model import Sla
from lakehouse_assets.defs.freshness import to_freshness
from lakehouse_assets_tests.builders import bare_contract

HOUR = timedelta(hours=1)
HOURLY, WITHIN_TWO_HOURS = Sla("frequency", 1, "h"), Sla("latency", 2, "h")


@pytest.mark.parametrize(
    ("table", "slas", "warn", "fail"),
    [
        ("silver/orders", (), 12 * HOUR, 24 * HOUR),
        ("silver/orders", (HOURLY, WITHIN_TWO_HOURS), HOUR, 3 * HOUR),
        ("silver/orders", (WITHIN_TWO_HOURS,), 24 * HOUR, 26 * HOUR),
        ("bronze/shop/orders", (HOURLY,), HOUR, 2 * HOUR),
        ("silver/orders", (HOURLY,), HOUR, 3 * HOUR),
        ("gold/sales", (HOURLY,), HOUR, 5 * HOUR),
        ("gold/sales", (Sla("latency", 1, "d"),), 24 * HOUR, 48 * HOUR),
        ("gold/sales", (Sla("latency", 90, "minutes"),), 24 * HOUR, 25.5 * HOUR),
        ("gold/sales", (Sla("retention", 3, "y"),), 12 * HOUR, 24 * HOUR),
    ],
)
def test_every_table_has_a_window(table: str, slas: tuple[Sla, ...], warn: timedelta, fail: timedelta) -> None:
    contract = replace(bare_contract(table), slas=slas)

    policy = to_freshness(contract, warn=12 * HOUR, fail=24 * HOUR)

    assert policy == dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
