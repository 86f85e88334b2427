"""What Spark raises, as errors of ours. Its messages quote values and plans and are left out; names of errors stay.

Nothing here imports Spark: its classes are asked for only where a session exists.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from lakehouse_assets.errors import ComputationError, EngineLostError, StorageError

_LOST = ("Py4JNetworkError", "Py4JError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError")
_GONE = (
    "UNAVAILABLE",
    "RETRIES_EXCEEDED",
    "INVALID_HANDLE",
    "SparkContext was shut down",
    "cancelled because SparkContext",
    "stopped SparkContext",
)
_HOW_TO = "see docs/how-to/run-on-spark.md, `With its lake on S3`; nothing was published."
# What Hadoop says of a store that it cannot open, by words of it: a sentence, and what helps.
_STORES = {
    ("ClassNotFoundException: Class org.apache.hadoop.fs.", "NoClassDefFoundError: software/amazon"): (
        "Spark lacks the libraries that open this store.",
        "Give it hadoop-aws of its own Hadoop version and the parts of the AWS SDK that go with it",
    ),
    ("No FileSystem for scheme",): (
        "Spark does not know what opens such a path.",
        "Start it with spark.hadoop.fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem",
    ),
    ("NoAuthWithAWSException", "NoAwsCredentialsException", "load credentials from"): (
        "Spark has no credentials for this store.",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where Spark runs, or give its machines a role",
    ),
    ("AccessDeniedException: s3", "Status Code: 403"): (
        "the store does not let Spark in.",
        "Spark has credentials of its own: compare them with those of the lake",
    ),
    ("UnknownStoreException", "NoSuchBucket"): (
        "Spark does not find this bucket.",
        "Compare its spark.hadoop.fs.s3a.endpoint and region with those of the lake",
    ),
    ("Unable to execute HTTP request", "UnknownHostException"): (
        "Spark does not reach this store.",
        "Compare its spark.hadoop.fs.s3a.endpoint and region with those of the lake",
    ),
}


@contextlib.contextmanager
def translated(where: str = "") -> Iterator[None]:
    """Turn what an action of Spark raises into ComputationError; StorageError when it is about its store or itself."""
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
        if told := _of_store(error):
            raise StorageError(told[0], where=where, fix=f"{told[1]}; {_HOW_TO}") from None
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


def _of_store(error: BaseException) -> tuple[str, str] | None:
    """Return a sentence and a remedy when Spark cannot open a store."""
    said = str(error)
    return next((told for words, told in _STORES.items() if any(word in said for word in words)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


def _name(error: Exception) -> str:
    condition = getattr(error, "getCondition", lambda: None)()
    return str(condition or type(error).__name__)
