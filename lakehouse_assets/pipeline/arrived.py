"""Which partitions of a source have files that were not asked for yet. Looks at names, sizes and stamps, never inside.

What belongs here: what to look at, and what is new. What does not: asking for runs, which is a sensor's (`defs`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse_assets.connectors.protocol import WatchedConnector
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake

# Older partitions are looked at when the table's lookback reaches them, or a notification names them.
_RECENT_DAYS = 7
_REMEMBERED = 1_000
Tokens = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a watcher remembers: by table, what the files of each partition were; and messages to be deleted."""

    tokens: Mapping[str, Tokens]
    receipts: tuple[str, ...] = ()

    def dump(self) -> str:
        """Return it as text."""
        return json.dumps({"tokens": self.tokens, "receipts": self.receipts}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Arrived:
    """By table, the partitions whose files are new with what they are; and what is to be remembered."""

    fresh: Mapping[TableName, Tokens]
    seen: Seen


def load_seen(text: str | None) -> Seen | None:
    """Return what was remembered; None at the first start."""
    if not text:
        return None
    said = json.loads(text)
    return Seen(said["tokens"], tuple(said["receipts"]))


def find_arrived(lake: Lake, source: str, before: Seen | None) -> Arrived:
    """Return the partitions whose files have all arrived and are not those that were seen before.

    At the first start, partitions that have landed are taken as seen. Messages are deleted one call after they came:
    by then what they led to was asked for.
    """
    connector = lake.connector(source)
    if not isinstance(connector, WatchedConnector):
        return Arrived({}, Seen({}))
    notices = connector.notices(before.receipts if before else ())
    fresh: dict[TableName, Tokens] = {}
    remembered: dict[str, Tokens] = {}
    for name, table in lake.catalog.sources[source].tables.items():
        known = before.tokens.get(name, {}) if before else _landed(lake, table)
        partitions = lake.partitions(table.table)
        wanted = _recent(table, partitions)
        if notices is not None and before:
            told = set(connector.partitions_of(table, notices.objects))
            wanted = [partition for partition in partitions if partition in told]
        found = connector.arrivals(table, wanted)
        fresh[table.table] = {key: token for key, token in found.items() if known.get(key) not in {token, ""}}
        remembered[name] = _newest({key: token for key, token in {**known, **found}.items() if token})
    return Arrived(fresh, Seen(remembered, notices.receipts if notices else ()))


def _landed(lake: Lake, table: SourceTable) -> Tokens:
    opened = lake.open(table.table)
    return dict.fromkeys(opened.partitions, "") if opened else {}


def _recent(table: SourceTable, partitions: Sequence[str]) -> Sequence[str]:
    if not partitions:
        return ()
    days = max(_RECENT_DAYS, table.lookback.days + 1)
    first = _day(partitions[-1]) - timedelta(days=days - 1)
    return [partition for partition in partitions if _day(partition) >= first]


def _day(partition: str) -> date:
    return date.fromisoformat(partition[:10])  # of an hour, too


def _newest(tokens: Tokens) -> Tokens:
    return dict(sorted(tokens.items())[-_REMEMBERED:])
