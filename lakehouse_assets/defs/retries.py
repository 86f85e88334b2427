"""Retries of one step: only for faults that pass by themselves, with the waits of a named policy.

Data that breaks its contract is found broken again; such a failure is never retried.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.defs.sentences import say_last

STORAGE_RETRIES = RetryPolicy("storage", (2.0, 8.0, 30.0), cap_seconds=30.0)


@contextmanager
def retried(context: dg.AssetExecutionContext, policy: RetryPolicy) -> Iterator[None]:
    """Ask for another try of this step when it failed with something that may pass, as often as the policy says."""
    try:
        yield
    except dg.Failure as failure:
        tries = context.retry_number
        if not failure.allow_retries or tries >= len(policy.delays_seconds):
            say_last(failure.description or "")
            raise
        wait = min(policy.delays_seconds[tries], policy.cap_seconds)
        raise dg.RetryRequested(max_retries=len(policy.delays_seconds), seconds_to_wait=wait) from failure
