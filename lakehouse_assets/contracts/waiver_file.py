"""`config/waivers/<table>.yaml`: accepted quarantine and overrides, each with owner, reason and expiry.

An entry that nobody answers for, that names what does not exist or what must never be exempted is an error. One that
has expired is a warning: the night it expires must not stop every table there is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import Field

from lakehouse_assets.contracts.calendar import day_of
from lakehouse_assets.contracts.exemption import RANGE, Exemption, ExemptionKind
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.blocks import Block, Items, read_block
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps
from lakehouse_assets.naming import LAYERS, SNAPSHOT_PARTITION, TableName, is_name
from lakehouse_assets.results import OnFailure

# Rules that tables have without declaring them; those of columns are `<column>.<name>`.
REPEATED_KEY = "repeated_key"
WAIVABLE = frozenset({"well_formed", "too_late", "too_early", REPEATED_KEY})
WAIVABLE_OF_COLUMNS = frozenset(
    {"parse", "overflow", "non_finite", "out_of_range", "nonexistent_time", "ambiguous_time"}
)
OVERRIDABLE = frozenset({"quarantine_ratio", "empty_partition", "min_rows"})
# What these say cannot be accepted: rows are gone, rules did not run, nothing is there, or a key has two lives.
_INVARIANTS = frozenset({"one_row_per_key", "no_overlap", "no_gap", "one_current_version", "rows_carried"})
NEVER = frozenset({"ledger_balances", "rules_executed", "schema", "arrival", "input"}) | _INVARIANTS


class _EntryBlock(Block):
    owner: str = Field("", description="Who answers for it. Required.")
    reason: str = Field("", description="Why it is accepted. Required.")
    expires: str = Field("", description="Last day on which it has an effect, `2026-03-31`. Required.")


class WaiverBlock(_EntryBlock):
    """One entry of `waivers`: rows that a rule refused stay in quarantine, out of gate, score and alerts."""

    rule: str = Field(description="Id of the rule, such as `quantity.between`; with `columns`, the part after the dot.")
    columns: Items[str] = Field((), description="Columns whose rule of that name is meant.")
    partitions: Items[str] = Field((), description="Keys and ranges `A...B`; left out, every partition.")


class OverrideBlock(_EntryBlock):
    """One entry of `overrides`: partitions are published although these rules fail."""

    rules: Items[str] = Field(min_length=1, description="Ids of rules that block, such as `quarantine_ratio`.")
    partitions: Items[str] = Field(min_length=1, description="Keys and ranges `A...B`.")


class WaiverFile(Block):
    """A waiver file. It lies under the full name of its table: `config/waivers/silver/orders.yaml`."""

    waivers: Items[WaiverBlock] = Field((), description="Accepted quarantine.")
    overrides: Items[OverrideBlock] = Field((), description="Accepted failures of partitions.")


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: ExemptionKind
    block: WaiverBlock | OverrideBlock
    rules: tuple[str, ...]
    steps: Steps


def table_of_waivers(path: str) -> TableName | None:
    """Return the table a file below `waivers/` is about, or None when it can be about none."""
    _, _, name = path.partition("/")
    stem, dot, suffix = name.rpartition(".")
    layer, *parts = stem.split("/")
    fits = layer in LAYERS and len(parts) == (2 if layer == "bronze" else 1) and all(map(is_name, parts))
    return TableName(layer, tuple(parts)) if fits and dot and suffix == "yaml" else None


def read_waivers(contract: Contract, reading: Reading, today: date) -> tuple[Exemption, ...]:
    """Return the exemptions of a table; what is wrong with them become findings."""
    document = reading.document
    block = read_block(WaiverFile, document.data, document, (), reading.report)
    if block is None:
        return ()
    found = (_read(entry, contract, reading, today) for entry in _entries(block))
    return tuple(one for one in found if one is not None)


def _entries(block: WaiverFile) -> Iterator[_Entry]:
    for index, waiver in enumerate(block.waivers):
        rules = tuple(f"{column}.{waiver.rule}" for column in waiver.columns) or (waiver.rule,)
        yield _Entry(ExemptionKind.WAIVER, waiver, rules, ["waivers", index])
    for index, override in enumerate(block.overrides):
        yield _Entry(ExemptionKind.OVERRIDE, override, override.rules, ["overrides", index])


def _read(entry: _Entry, contract: Contract, reading: Reading, today: date) -> Exemption | None:
    _check_answered(entry, reading)
    _check_rules(entry, contract, reading)
    _check_partitions(entry, contract, reading)
    expires_on = _day(entry.block.expires)
    if expires_on is None:
        if entry.block.expires.strip():
            hint = "Write a date in quotes, such as '2026-03-31'."
            reading.tell("LH203", [*entry.steps, "expires"], "expires is not a date.", hint)
        return None
    if expires_on < today:
        message = f"the {entry.kind} of {', '.join(entry.rules)} expired on {expires_on}; it has no effect."
        reading.tell("LH815", [*entry.steps, "expires"], message, "Remove it, or have its owner renew it.")
    block = entry.block
    place = str(reading.place(entry.steps))
    return Exemption(entry.kind, entry.rules, block.partitions, block.owner, block.reason, expires_on, place)


def _check_answered(entry: _Entry, reading: Reading) -> None:
    for name in ("owner", "reason", "expires"):
        if not getattr(entry.block, name).strip():
            message = f"the {entry.kind} of {', '.join(entry.rules)} has no {name}."
            reading.tell("LH811", [*entry.steps, name], message, f"Add {name}:.")


def _check_rules(entry: _Entry, contract: Contract, reading: Reading) -> None:
    known = known_rules(contract)
    for rule in entry.rules:
        if rule in NEVER:
            message = f"{rule!r} can never be exempted: rows would be lost, unaudited, or are not there."
            reading.tell("LH814", entry.steps, message, "Correct what it found.")
        elif rule not in known:
            reading.tell("LH812", entry.steps, f"{contract.table} has no rule {rule!r}.", nearest(rule, known))
        elif known[rule] not in _ACTIONS[entry.kind]:
            message = f"{rule!r} does not {_WORDS[entry.kind]}; there is nothing for a {entry.kind} to accept."
            reading.tell("LH814", entry.steps, message, _HINTS[entry.kind])


_ACTIONS = {ExemptionKind.WAIVER: {OnFailure.QUARANTINE}, ExemptionKind.OVERRIDE: {OnFailure.BLOCK}}
_WORDS = {ExemptionKind.WAIVER: "quarantine rows", ExemptionKind.OVERRIDE: "block a partition"}
_HINTS = {
    ExemptionKind.WAIVER: "A rule that blocks is overridden under overrides:, one that only warns is left to warn.",
    ExemptionKind.OVERRIDE: "A rule that quarantines is waived under waivers:.",
}


def known_rules(contract: Contract) -> Mapping[str, OnFailure]:
    """Return what happens when each rule of a table fails that an exemption may name, built-in ones included."""
    built_in = dict.fromkeys(OVERRIDABLE, OnFailure.BLOCK)
    if contract.table.layer == "silver":
        columns = (f"{column.name}.{name}" for column in contract.columns for name in sorted(WAIVABLE_OF_COLUMNS))
        built_in |= dict.fromkeys((*sorted(WAIVABLE), *columns), OnFailure.QUARANTINE)
    elif contract.table.layer == "gold":
        built_in[REPEATED_KEY] = OnFailure.QUARANTINE
    return built_in | {rule.id: rule.on_failure for rule in contract.rules}


def _check_partitions(entry: _Entry, contract: Contract, reading: Reading) -> None:
    for index, written in enumerate(entry.block.partitions):
        if not _exists(written, contract):
            hint = "Write an open day of its calendar, or a range such as 2026-01-05...2026-01-09."
            if not contract.is_partitioned:
                hint = f"The table has one partition, '{SNAPSHOT_PARTITION}'."
            message = f"{contract.table} has no partition {written!r}."
            reading.tell("LH813", [*entry.steps, "partitions", index], message, hint)


def _exists(written: str, contract: Contract) -> bool:
    if not contract.is_partitioned:
        return written == SNAPSHOT_PARTITION
    first, dots, last = written.partition(RANGE)
    calendar = contract.calendar
    if calendar is None or not all(calendar.names(one) for one in ((first, last) if dots else (first,))):
        return False
    if not dots:
        return calendar.holds(first)
    return any(first <= key <= last for key in calendar.partitions(day_of(last)))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None
