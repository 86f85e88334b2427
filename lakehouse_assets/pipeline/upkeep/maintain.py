"""Maintenance of a table and its side tables: what should be done, as a plan; doing it, step by step, under a lease.

Every step looks at the lake afresh, so a run that was killed is simply run again. No step changes a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError, UnknownTableError
from lakehouse_assets.naming import TableName, blocked_of, dead_letters_of, quarantine_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import Lease, held
from lakehouse_assets.pipeline.upkeep.clean import KINDS, Removal, plan_removals, remove
from lakehouse_assets.pipeline.upkeep.compact import Rewrite, compact, plan_rewrites
from lakehouse_assets.pipeline.upkeep.needed import Needs, Pinned, cutoff_of, needs_of, pinned_versions, store_time
from lakehouse_assets.pipeline.upkeep.prune import plan_pruning, prune
from lakehouse_assets.storage.pins import read_releases, remove_release, write_release
from lakehouse_assets.storage.table import OpenTable


@dataclass(frozen=True, slots=True)
class Plan:
    """What maintenance would do to one table. `pruned` are partitions of its quarantine."""

    table: str
    rewrites: tuple[Rewrite, ...]
    pruned: tuple[str, ...]
    removals: tuple[Removal, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.rewrites or self.pruned or self.removals)


@dataclass(frozen=True, slots=True)
class Done:
    """One step that was done. `skipped` are partitions that another run published meanwhile."""

    table: str
    what: str
    files: int
    bytes: int = 0
    skipped: tuple[str, ...] = ()


def lease_of(table: TableName) -> str:
    """Return the lease under which files of a table are removed, or published again after they were replaced."""
    return f"maintain {table}"


def plan_maintenance(lake: Lake, table: TableName, *, at: datetime | None = None) -> Plan:
    """Return what should be done to a table; nothing is changed. `at` is the time of the store, unless it is given."""
    contract, opened = lake.contract(table), lake.open(table)
    if opened is None:
        return Plan(str(table), (), (), ())
    cutoff = _cutoff(lake, table, at)
    pinned = pinned_versions(lake, cutoff)
    needs = needs_of(lake, table, cutoff, pinned.get(table, ()))
    side = lake.open(quarantine_of(table))
    pruned = plan_pruning(side, needs, cutoff) if side and needs else {}
    removals = [
        removal
        for name in _folders(contract)
        for found in [_needs(lake, name, cutoff, pinned)]
        if found is not None
        for removal in plan_removals(lake, name, found, cutoff)
    ]
    return Plan(str(table), plan_rewrites(contract, opened), tuple(pruned), tuple(removals))


def maintain(lake: Lake, table: TableName, *, at: datetime | None = None) -> Iterator[Done]:
    """Do what a plan says, yielding each step once it is done.

    Raises LeaseHeldError while somebody else maintains the table.
    """
    contract = lake.contract(table)
    if lake.open(table) is None:
        return
    with held(lake, lease_of(table)) as lease:
        for step in _steps(lake, contract, lease, at):
            yield step
            if lease.is_lost:
                return


def keep_version(lake: Lake, table: TableName, name: str, version: int | None = None) -> int:
    """Keep a version (default: the newest) under a name for as long as somebody relies on it; return its number.

    Raises LakehouseError when its files are gone, LeaseHeldError while the table is maintained.
    """
    lake.contract(table)
    with held(lake, lease_of(table)):
        objects = lake.objects_of(table)
        if name in read_releases(objects):
            raise LakehouseError(
                f"a version is kept as {name!r} already.", where=str(table), fix="Choose another name."
            )
        chosen = _version(lake, table, version)
        write_release(objects, name, chosen.version, [file.path for file in chosen.files])
    return chosen.version


def _version(lake: Lake, table: TableName, version: int | None) -> OpenTable:
    newest = lake.open(table)
    if newest is None:
        raise UnknownTableError(f"{table} was never published.", fix="Materialise it first.")
    found = newest if version is None else lake.open(table, version) if version <= newest.version else None
    objects = lake.objects_of(table)
    if found is not None and all(objects.size(file.path) is not None for file in found.files):
        return found
    hours = lake.settings.maintenance.retention / timedelta(hours=1)
    raise LakehouseError(
        f"version {version} cannot be read any more, or not yet.",
        where=str(table),
        fix=f"The newest version is {newest.version}; what it replaced stays for {hours:g} hours.",
    )


def let_go(lake: Lake, table: TableName, name: str) -> None:
    """Keep a version no longer than any other."""
    objects, known = lake.objects_of(table), read_releases(lake.objects_of(table))
    if name not in known:
        raise LakehouseError(f"no version is kept as {name!r}.", where=str(table), fix=f"Kept: {', '.join(known)}.")
    remove_release(objects, name)


def _steps(lake: Lake, contract: Contract, lease: Lease, at: datetime | None) -> Iterator[Done]:
    yield from _compacted(lake, contract, lease)
    cutoff = _cutoff(lake, contract.table, at)
    yield from _pruned(lake, contract.table, cutoff)
    for name in _folders(contract):
        for kind in KINDS:
            # Pins and versions are read again for each kind: a step that began meanwhile must not lose a file.
            needs = _needs(lake, name, cutoff, pinned_versions(lake, cutoff))
            found = plan_removals(lake, name, needs, cutoff) if needs else ()
            for removal in (one for one in found if one.kind == kind):
                if needs is not None and not lease.is_lost:
                    remove(needs, removal)
                    yield Done(removal.table, f"removed {kind}", len(removal.paths), removal.bytes)


def _compacted(lake: Lake, contract: Contract, lease: Lease) -> Iterator[Done]:
    opened = lake.open(contract.table)
    planned = plan_rewrites(contract, opened) if opened else ()
    size = contract.load.partitions_per_chunk
    for start in range(0, len(planned), size):
        newest = lake.open(contract.table)
        partitions = [one.partition for one in planned[start : start + size]]
        if newest is None or lease.is_lost:
            return
        done = compact(lake, contract, newest, [name for name in partitions if newest.files_of([name])])
        written = [file for files in done.files.values() for file in files]
        yield Done(str(contract.table), "rewrote", len(written), sum(file.size for file in written), done.overtaken)


def _pruned(lake: Lake, table: TableName, cutoff: datetime) -> Iterator[Done]:
    name = quarantine_of(table)
    side, needs = lake.open(name), _needs(lake, table, cutoff, pinned_versions(lake, cutoff))
    groups = plan_pruning(side, needs, cutoff) if side and needs else {}
    if side is None or not groups:
        return
    done = prune(lake, side, groups)
    yield Done(str(name), "pruned", sum(len(files) for files in done.files.values()), skipped=done.overtaken)


def _needs(lake: Lake, name: TableName, cutoff: datetime, pinned: Pinned) -> Needs | None:
    return needs_of(lake, name, cutoff, pinned.get(name, ()))


def _cutoff(lake: Lake, table: TableName, at: datetime | None) -> datetime:
    return cutoff_of(lake, at or store_time(lake.objects_of(table)))


def _folders(contract: Contract) -> list[TableName]:
    table = contract.table
    letters = [dead_letters_of(*table.path)] if table.layer == "bronze" else []
    return [table, quarantine_of(table), blocked_of(table), *letters]
