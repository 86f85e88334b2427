"""What a derived table was derived from, and what happened to its change log since. Records and file lists, no rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import SNAPSHOT_PARTITION, is_publish_set, partition_folder, publish_of
from lakehouse_assets.pipeline.entities.entity import Entity
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.refused.exempt import is_as_accepted
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import Derivation
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.publish_sets import read_set
from lakehouse_assets.storage.table import OpenTable


@dataclass(frozen=True, slots=True)
class Difference:
    """Files of the change log that were published, and that were taken back, since a derivation."""

    added: tuple[DataFile, ...] = ()
    removed: tuple[DataFile, ...] = ()

    @property
    def files(self) -> tuple[DataFile, ...]:
        """All of them: the keys in here are the touched ones."""
        return (*self.added, *self.removed)


def last_derivation(step: Step, entity: Entity) -> Derivation | None:
    """Return the derivation whose buckets are served, or None when everything has to be derived again.

    That is so at first, when its record is gone or damaged, when a bucket's file is, and when the contract's version,
    its rules, their overrides or the meaning of its columns changed.
    """
    objects = step.lake.objects_of(step.name)
    word = recorded(objects, step.table, step.partitions, skip_damaged=True).get(SNAPSHOT_PARTITION)
    if word is None or word.record.derivation is None:
        return None
    record, found = word.record, word.record.derivation
    is_same = (record.contract_version, record.rule_set) == (step.contract.version, step.contract.rule_set)
    if not is_same or found.meaning != entity.meaning or not is_as_accepted(step.lake, step.name, word.of):
        return None
    return found if not missing(objects, step.table.partition_column, step.table.files) else None


def log_files(log: OpenTable) -> dict[str, tuple[str, ...]]:
    """Return the names of the files of each partition of a change log: what a derivation remembers of it."""
    names: dict[str, list[str]] = {}
    for file in log.files:
        names.setdefault(file.partition, []).append(_name(file))
    return {partition: tuple(sorted(found)) for partition, found in sorted(names.items())}


def difference(objects: Objects, log: OpenTable, taken: Mapping[str, tuple[str, ...]]) -> Difference | None:
    """Return what changed in a log since its files were `taken`; None when files that were taken back are gone.

    Publishes are compared, not files: compaction writes the same rows again, under the same publish.
    """
    now = log_files(log)
    added: list[DataFile] = []
    removed: list[DataFile] = []
    for partition in sorted(name for name in {*now, *taken} if now.get(name) != taken.get(name)):
        have, had = (_by_publish(objects, names.get(partition, ())) for names in (now, taken))
        fresh = {name for publish in have.keys() - had.keys() for name in have[publish]}
        gone = {name for publish in had.keys() - have.keys() for name in had[publish]}
        folder = partition_folder(log.partition_column, partition)
        added += [file for file in log.files_of([partition]) if _name(file) in fresh]
        removed += [DataFile(f"{folder}/{name}", 0, partition) for name in sorted(gone)]
    if missing(objects, log.partition_column, removed):
        return None
    return Difference(tuple(added), tuple(removed))


def missing(objects: Objects, partition_column: str, files: Iterable[DataFile]) -> bool:
    """Whether any of some files does not exist any more."""
    wanted = {file.path for file in files}
    partitions = {file.partition for file in files}
    found = {path for each in partitions for path in objects.names(partition_folder(partition_column, each))}
    return not wanted <= found


def _name(file: DataFile) -> str:
    return file.path.rsplit("/", 1)[-1]


def _by_publish(objects: Objects, names: Iterable[str]) -> dict[str, set[str]]:
    """Return the files that hold rows of each publish; maintenance may have put several into one."""
    found: dict[str, set[str]] = {}
    for name in names:
        publish = publish_of(name) or name
        for each in read_set(objects, publish) if is_publish_set(publish) else (publish,):
            found.setdefault(each, set()).add(name)
    return found
