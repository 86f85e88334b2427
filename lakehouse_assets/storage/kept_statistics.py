"""Statistics of partitions beside the data: compressed JSON, one file for each content a partition ever had.

They hold values of columns that are not classified, which records never do: that is why they are files of their own.
"""

import dataclasses
import json
from typing import Any

import zstandard

from lakehouse_assets.errors import DamagedRecordError
from lakehouse_assets.naming import statistics_file
from lakehouse_assets.results import ColumnStatistics, PartitionStatistics
from lakehouse_assets.storage.objects import Objects


def write_statistics(objects: Objects, found: PartitionStatistics) -> None:
    """Write the statistics of a partition; the same content has the same file."""
    content = json.dumps(dataclasses.asdict(found), sort_keys=True, separators=(",", ":")).encode()
    objects.write(statistics_file(found.partition, found.content_hash), zstandard.compress(content))


def read_statistics(objects: Objects, partition: str, content_hash: str) -> PartitionStatistics | None:
    """Return the statistics of a content, or None when there are none; raise DamagedRecordError for a damaged file."""
    path = statistics_file(partition, content_hash)
    content = objects.read(path)
    if content is None:
        return None
    try:
        data = json.loads(zstandard.decompress(content))
        return PartitionStatistics(**{**data, "columns": tuple(_column(entry) for entry in data["columns"])})
    except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        raise DamagedRecordError(
            "the statistics of a partition are damaged.",
            where=f"{objects.root}/{path}",
            fix="Remove the file; the next publish of the partition makes it anew.",
        ) from error


def _column(data: dict[str, Any]) -> ColumnStatistics:
    top = tuple((value, rows) for value, rows in data["top"])
    return ColumnStatistics(**{**data, "top": top, "histogram": tuple(data["histogram"])})
