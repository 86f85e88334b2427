"""Time and waiting, given to whatever needs them so that tests need neither."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds since 1970, and waiting for some."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
