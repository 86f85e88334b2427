"""`config/schedules.yaml` and `config/retry_policies.yaml`: named cadences and retries that sources refer to."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field

from lakehouse_assets.contracts.cadence import Cadence, RetryPolicy
from lakehouse_assets.contracts.model import Source
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.blocks import Block, Duration, Items, read_block
from lakehouse_assets.documents.findings import Report, nearest
from lakehouse_assets.documents.strict_yaml import Document

_CRON_FIELD = re.compile(r"(?:\*|\d{1,2}(?:-\d{1,2})?)(?:/\d{1,2})?(?:,(?:\*|\d{1,2}(?:-\d{1,2})?)(?:/\d{1,2})?)*")
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class CadenceBlock(Block):
    """One entry of `schedules.yaml`."""

    cron: str = Field(description="Five fields: minute, hour, day of month, month, day of week.")
    timezone: str = Field("UTC", description="Zone of the cron expression.")
    description: str = Field("", description="When this is, in words.")


class RetryBlock(Block):
    """One entry of `retry_policies.yaml`."""

    delays: Annotated[Items[Duration], Field(min_length=1)] = Field(
        description="Waiting time before each further try; their number is the number of retries."
    )
    cap: Duration | None = Field(None, description="Longest waiting time, also when a server asks for more.")
    timeout: Duration | None = Field(None, description="Longest time of one try.")
    jitter: Literal["none", "full"] = Field("full", description="Whether waiting times are drawn at random below them.")
    open_after: int = Field(
        5, ge=0, description="Faults in a row, of all processes, after which nobody asks the source; `0` for never."
    )
    open_for: Duration = Field(
        timedelta(minutes=5), description="How long nobody asks it then; after that one process tries."
    )


def read_cadences(document: Document | None, report: Report) -> dict[str, Cadence]:
    """Return the cadences by name; an absent file has none."""
    found: dict[str, Cadence] = {}
    for name in document.data if document else ():
        block = read_block(CadenceBlock, document.data[name], document, [name], report) if document else None
        if block is None or document is None:
            continue
        found[name] = Cadence(name, block.cron, block.timezone, block.description)
        if not is_cron(block.cron):
            report.add("LH909", document.spot([name, "cron"]), f"{block.cron!r} is not a cron expression.")
        if block.timezone not in available_timezones():
            report.add("LH312", document.spot([name, "timezone"]), f"there is no time zone {block.timezone!r}.")
    return found


def read_retry_policies(document: Document | None, report: Report) -> dict[str, RetryPolicy]:
    """Return the retry policies by name; an absent file has none."""
    found: dict[str, RetryPolicy] = {}
    for name in document.data if document else ():
        block = read_block(RetryBlock, document.data[name], document, [name], report) if document else None
        if block is None:
            continue
        seconds = tuple(delay / timedelta(seconds=1) for delay in block.delays)
        cap = block.cap / timedelta(seconds=1) if block.cap else max(seconds)
        timeout = block.timeout / timedelta(seconds=1) if block.timeout else None
        found[name] = RetryPolicy(
            name,
            seconds,
            cap,
            timeout,
            has_jitter=block.jitter == "full",
            open_after=block.open_after,
            open_seconds=block.open_for / timedelta(seconds=1),
        )
    return found


def check_timing(
    source: Source, cadences: Mapping[str, Cadence], policies: Mapping[str, RetryPolicy], reading: Reading
) -> None:
    """Find names that neither file has."""
    if source.cadence not in cadences:
        hint = nearest(source.cadence, cadences) or "Add it to config/schedules.yaml."
        reading.tell("LH902", ["cadence"], f"unknown cadence {source.cadence!r}.", hint)
    if source.retry_policy not in policies:
        hint = nearest(source.retry_policy, policies) or "Add it to config/retry_policies.yaml."
        reading.tell("LH903", ["retryPolicy"], f"unknown retry policy {source.retry_policy!r}.", hint)


def is_cron(text: str) -> bool:
    """Whether `text` has five fields within their limits."""
    fields = text.split()
    if len(fields) != len(_LIMITS) or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        return False
    numbers = (
        (int(number), limit)
        for field, limit in zip(fields, _LIMITS, strict=True)
        for number in re.findall(r"\d+", field.split("/")[0])
    )
    return all(low <= number <= high for number, (low, high) in numbers)
