"""When a table counts as stale in the UI. A badge about the newest materialisation; the truth is the SLA sensor's."""

from datetime import timedelta

import dagster as dg

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.contracts.promises import latency, promised

_DAY = timedelta(days=1)


def to_freshness(contract: Contract, *, warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    """Return a policy for every table: promised frequency plus latency, or the environment's limits.

    Who promises only one of the two gets the other's default: a day, and what is usual for the layer.
    """
    frequency = promised(contract, "frequency")
    if promised(contract, "latency") is None and frequency is None:
        return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
    every = frequency or _DAY
    return dg.FreshnessPolicy.time_window(fail_window=every + latency(contract), warn_window=every)
