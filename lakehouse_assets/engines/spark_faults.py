"""What Spark raises, as errors of ours. Its messages quote values and plans and are left out; names of errors stay.

Nothing here imports Spark: its classes are asked for only where a session exists.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from lakehouse_assets.errors import ComputationError, EngineLostError

_LOST = ("Py4JNetworkError", "Py4JError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError")
_GONE = (
    "UNAVAILABLE",
    "RETRIES_EXCEEDED",
    "INVALID_HANDLE",
    "SparkContext was shut down",
    "cancelled because SparkContext",
    "stopped SparkContext",
)


@contextlib.contextmanager
def translated(where: str = "") -> Iterator[None]:
    """Turn what an action of Spark raises into ComputationError, or EngineLostError when Spark itself is gone."""
    from py4j.protocol import Py4JError  # noqa: PLC0415 - with Spark only
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, *_of_connections()) as error:
        if _is_lost(error):
            raise EngineLostError(
                "Spark went away while it computed.",
                where=where,
                fix="Look at the driver's log, then run again; nothing was published.",
            ) from None
        # Without the cause: it would be printed too, and it quotes values.
        raise ComputationError(f"Spark stopped with {_name(error)}.", where=where) from None


def _of_connections() -> tuple[type[Exception], ...]:
    grpc: Any = sys.modules.get("grpc")
    return (ConnectionError, EOFError) if grpc is None else (ConnectionError, EOFError, grpc.RpcError)


def _is_lost(error: BaseException) -> bool:
    names = {type(each).__name__ for each in _chain(error)}
    if names & set(_LOST) or isinstance(error, (ConnectionError, EOFError)):
        return "Py4JJavaError" not in names
    return any(word in str(error) for word in _GONE)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


def _name(error: Exception) -> str:
    condition = getattr(error, "getCondition", lambda: None)()
    return str(condition or type(error).__name__)
