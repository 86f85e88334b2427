"""What every peer is asked to do, and how it says what it did. Standard library only: all environments import this.

Read ten text columns of orders, parse them to types, evaluate the rules below, write good rows as Delta or Parquet into
`good`, and refused rows with the names of the wrong columns in a column `reasons` into `refused`.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ORDER_ID = "O[0-9]{9}"
CURRENCIES = ("EUR", "USD", "GBP")
STATUSES = ("pending", "shipped", "delivered")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Job:
    """Where the input lies and where the output goes."""

    source: Path
    good: Path
    refused: Path

    @property
    def csv(self) -> Path:
        """The same input for tools that read no Parquet."""
        return self.source.with_suffix(".csv")


def carry_out(work: Callable[[Job], dict[str, Any] | None]) -> None:
    """Run a peer's work on the folder named by the command line; print what it took."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    job = Job(source, out / "good", out / "refused")
    started = time.perf_counter()
    told = work(job) or {}
    print(json.dumps({"seconds": time.perf_counter() - started, **told}))
