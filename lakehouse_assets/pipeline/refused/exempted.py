"""What waivers and overrides did: each entry with the partitions that are served under it, and their trail in records.

Records are written before the commit they belong to, are named with their sha256 in it, and are never rewritten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind
from lakehouse_assets.naming import META_FOLDER, TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import readable_record, served
from lakehouse_assets.results import PUBLISHED, AppliedExemption, PartitionRecord

IN_FORCE, EXPIRED = "in force", "expired"
_SUFFIX = ".json.zst"


@dataclass(frozen=True, slots=True)
class ExemptionUse:
    """An entry of a waiver file, whether it has an effect today, and what readers see because of it.

    `served_partitions` were published under it; of an expired entry they are outdated. `waived_rows` are the rows
    in quarantine there that only waived rules refused.
    """

    table: str
    entry: Exemption
    state: str
    served_partitions: tuple[str, ...]
    waived_rows: int


@dataclass(frozen=True, slots=True)
class ExemptedPublish:
    """One partition of one publish that a waiver or an override decided about: a line of the audit trail."""

    table: str
    partition: str
    publish: str
    run_id: str
    finished_at: str
    exemption: AppliedExemption


def list_exemptions(lake: Lake) -> list[ExemptionUse]:
    """Return every entry of every waiver file."""
    return [use for table in lake.catalog.waivers for use in _uses(lake, table)]


def _uses(lake: Lake, table: TableName) -> Iterator[ExemptionUse]:
    words = served(lake, table, skip_damaged=True)
    today = datetime.now(UTC).date()
    for entry in lake.catalog.waivers[table]:
        used = [word.of for partition, word in words.items() if entry.covers(partition) and _decided(entry, word.of)]
        state = IN_FORCE if entry.is_in_force(today) else EXPIRED
        rows = sum(of.waived_rows for of in used) if entry.kind is ExemptionKind.WAIVER else 0
        yield ExemptionUse(str(table), entry, state, tuple(of.partition for of in used), rows)


def _decided(entry: Exemption, of: PartitionRecord) -> bool:
    accepted = of.waived if entry.kind is ExemptionKind.WAIVER else of.overridden
    return not set(accepted).isdisjoint(entry.rules)


def exempted_publishes(lake: Lake, table: TableName) -> list[ExemptedPublish]:
    """Return everything that was ever published of a table under a waiver or an override, oldest first."""
    objects = lake.objects_of(table)
    found: list[ExemptedPublish] = []
    for path in objects.names(META_FOLDER):
        name = path.rsplit("/", 1)[-1]
        record = readable_record(objects, name.removesuffix(_SUFFIX)) if name.endswith(_SUFFIX) else None
        for one in record.partitions if record else ():
            if record is not None and one.status == PUBLISHED:
                line = (record.table, one.partition, record.publish, record.run_id, record.finished_at)
                found += [ExemptedPublish(*line, exemption) for exemption in one.exemptions]
    return sorted(found, key=lambda one: (one.finished_at, one.partition))
