"""Named cadences and retries, as `config/schedules.yaml` and `config/retry_policies.yaml` say them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cadence:
    """A named schedule of `config/schedules.yaml`."""

    name: str
    cron: str
    timezone: str = "UTC"
    description: str = ""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A named entry of `config/retry_policies.yaml`: one delay per retry, none longer than the cap.

    After `open_after` faults in a row nobody asks the source for `open_seconds`; 0 faults: everybody always may.
    """

    name: str
    delays_seconds: tuple[float, ...]
    cap_seconds: float
    timeout_seconds: float | None = None
    has_jitter: bool = True
    open_after: int = 5
    open_seconds: float = 300.0
