"""Pages of an extraction that did not end, kept beside the table they are for: a killed one resumes where it was.

What is in a page and how one follows from another is its connector's. Pages hold values as bronze does, lie under the
same permissions, and are gone as soon as their partition was extracted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import zstandard

from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.naming import PAGES_FOLDER
from lakehouse_assets.pipeline.arrival import ARRIVAL
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.storage.objects import Objects

# What a source says now and what it said long ago are not one answer.
LONGEST = timedelta(hours=24)


@dataclass
class StoredCheckpoint:
    """The pages of one window, numbered files in a folder of their own."""

    objects: Objects
    folder: str
    _count: int = field(default=0, init=False)

    def pages(self) -> Iterator[bytes]:
        """Yield the pages that are there, from the first up to the first that is missing."""
        names = set(self.objects.names(self.folder))
        while self._name(self._count) in names:
            page = self.objects.read(self._name(self._count))
            if page is None:
                return
            self._count += 1
            yield zstandard.decompress(page)

    def keep(self, page: bytes) -> None:
        """Write the next page."""
        self.objects.write(self._name(self._count), zstandard.compress(page))
        self._count += 1

    def drop(self) -> None:
        """Remove all pages."""
        self.objects.delete(self.objects.names(self.folder))
        self._count = 0

    def _name(self, number: int) -> str:
        return f"{self.folder}/{number:06d}.zst"


@dataclass(frozen=True, slots=True)
class StoredCheckpoints:
    """Checkpoints of the tables of a lake."""

    lake: Lake

    def open(self, table: SourceTable, partition: str, window: str) -> StoredCheckpoint:
        """Return the checkpoint of a window; pages of another, and pages that are too old, are removed."""
        objects = self.lake.objects_of(table.table)
        folder = _folder_of(partition)
        wanted = f"{folder}/{sha256(window.encode()).hexdigest()[:16]}"
        entries = objects.entries(folder)
        oldest = min((entry.modified_at for entry in entries if entry.path.startswith(wanted)), default=None)
        is_stale = oldest is not None and datetime.now(UTC) - oldest > LONGEST
        objects.delete(entry.path for entry in entries if is_stale or not entry.path.startswith(wanted))
        return StoredCheckpoint(objects, wanted)


def forget_pages(step: Step, results: Iterable[PartitionResult]) -> None:
    """Remove the pages of partitions that were extracted, published or not: asking again asks the source."""
    if step.name.layer != "bronze" or step.lake.catalog.source_table(step.name).read is not None:
        return
    done = {_folder_of(one.partition) for one in results if not _is_refused(one)}
    objects = step.lake.objects_of(step.name)
    objects.delete(name for name in objects.names(PAGES_FOLDER) if name.rpartition("/")[0].rpartition("/")[0] in done)


def _is_refused(result: PartitionResult) -> bool:
    return any(rule.rule_id == ARRIVAL and not rule.passed for rule in result.record.results)


def _folder_of(partition: str) -> str:
    return f"{PAGES_FOLDER}/{partition}"
