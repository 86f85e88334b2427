"""When tables materialise by themselves: bronze by its source's cadence, everything else when its input changed.

Three differences to Dagster's `eager()`, each with a test: corrections to older days propagate (it looks only
at the newest one), a rerun that changed nothing moves nothing (data versions), and good partitions of a run in
which others were blocked still reach the tables downstream.
"""

from datetime import timedelta
from functools import cache

import dagster as dg

from lakehouse_assets.contracts.cadence import Cadence
from lakehouse_assets.contracts.model import Contract

_EVER = timedelta(days=365 * 100)
_CATCH_UP = timedelta(days=7)


def on_cadence(contract: Contract, cadence: Cadence, *, lookback: timedelta) -> dg.AutomationCondition:
    """Request the newest partition and those that may have got late records; missing ones are caught up."""
    length = timedelta(hours=1) if contract.is_hourly else timedelta(days=1)
    newest = dg.AutomationCondition.in_latest_time_window(lookback + length)
    recent = dg.AutomationCondition.in_latest_time_window(_window(contract, default=_CATCH_UP))
    tick: dg.AutomationCondition = dg.AutomationCondition.cron_tick_passed(cadence.cron, cadence.timezone)
    due = tick.since_last_handled()
    return (
        (newest | (recent & dg.AutomationCondition.missing())) & due & ~dg.AutomationCondition.in_progress()
    ).with_label(f"cadence({cadence.name})")


def on_change(contract: Contract, *, late_window: bool) -> dg.AutomationCondition:
    """Request every partition whose input changed, as far back as the contract's automation window.

    `late_window`: inputs may be missing, because a partition is published with what is there.
    """
    return _on_change(_window(contract, default=_EVER), late_window=late_window)


@cache
def _on_change(window: timedelta, *, late_window: bool) -> dg.AutomationCondition:
    eager = dg.AutomationCondition.eager()
    if late_window:
        eager = eager.without(~dg.AutomationCondition.any_deps_missing())
    widened = dg.AutomationCondition.in_latest_time_window(window)
    anywhere = eager.replace(dg.AutomationCondition.in_latest_time_window(), widened)
    changed = anywhere.replace("any_deps_updated", _any_deps_changed())
    return (changed & _all_deps_published()).with_label("inputs_changed")


def _any_deps_changed() -> dg.AutomationCondition:
    # Without Dagster's `~executed_with_root_target`: a run that fails for one blocked day skips the tables after
    # it, and they would then never be asked for the good days. A child that did run is reset by its own update.
    changed = dg.AutomationCondition.data_version_changed() | dg.AutomationCondition.will_be_requested()
    return dg.AutomationCondition.any_deps_match(changed).with_label("any_deps_changed")


def _all_deps_published() -> dg.AutomationCondition:
    # `check_passed` does not know amber from red: rows in quarantine would hold their partition back for ever.
    # A red partition failed its run; an amber one did not.
    passed = dg.AutomationCondition.check_passed() | dg.AutomationCondition.will_be_requested()
    all_passed = dg.AutomationCondition.all_checks_match(passed, blocking_only=True)
    amber = ~dg.AutomationCondition.execution_failed()
    return dg.AutomationCondition.all_deps_match(all_passed | amber).with_label("all_deps_blocking_checks_passed")


def _window(contract: Contract, *, default: timedelta) -> timedelta:
    days = contract.automation_window_days
    return timedelta(days=days) if days else default
