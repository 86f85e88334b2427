"""The rules of one check as people read them in Dagster: a table, and a list of those that failed with a way to rows.

Counts, row ids and places; never a value of a row. What colour a check has is `checks`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.results import Outcome, PartitionRecord, RuleResult

TABLE = dg.TableSchema(
    columns=[
        dg.TableColumn("rule", "string"),
        dg.TableColumn("outcome", "string"),
        dg.TableColumn("failed_rows", "int"),
        dg.TableColumn("checked_rows", "int"),
        dg.TableColumn("severity", "string"),
        dg.TableColumn("on_failure", "string"),
        dg.TableColumn("line", "int"),
        dg.TableColumn("sample_rows", "string"),
        dg.TableColumn("accepted", "string"),
    ]
)
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|"})


@dataclass(frozen=True, slots=True)
class Beside:
    """What helps to look closer: whose rules they are, where its files are shown, and rows that broke them.

    `address` is where this checkout is shown on the web, "" where nobody said; `samples` are row ids by partition and
    rule.
    """

    contract: Contract | None = None
    address: str = ""
    samples: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def place(self, rule: RuleResult) -> str:
        """Return the file and line where a rule is declared; of one that is built in, those of its table."""
        return place_of(self.contract, rule) if self.contract is not None else ""

    def line(self, rule: RuleResult) -> int:
        """Return the line where a rule is declared."""
        line = self.place(rule).rpartition(":")[2]
        return int(line) if line.isdigit() else rule.line

    def link(self, rule: RuleResult) -> str:
        """Return where the line of a rule is shown on the web, or ""."""
        return _shown_at(self.address, self.place(rule)) if self.address else ""

    @property
    def contract_place(self) -> dg.MetadataValue | None:
        """The contract file: a link where its address is known."""
        if self.contract is None:
            return None
        place = str(self.contract.place)
        return dg.MetadataValue.url(_shown_at(self.address, place)) if self.address else dg.MetadataValue.text(place)


def place_of(contract: Contract, rule: RuleResult) -> str:
    """Return `path:line` of a rule; of one that is built in, those of its column or its table."""
    spec = next((spec for spec in contract.rules if spec.id == rule.rule_id), None)
    if spec and spec.place.path:
        return str(spec.place)
    own = next((column.line for column in contract.columns if column.name == rule.column), 0)
    return f"{contract.place.path}:{rule.line or own or contract.place.line or 1}"


def to_table(rules: Iterable[RuleResult], record: PartitionRecord, beside: Beside) -> dg.MetadataValue:
    """Return every rule of a check with its outcome, broken ones first; cells are too narrow for reasons."""
    ordered = sorted(rules, key=lambda rule: (rule.passed, rule.outcome is Outcome.SKIPPED))
    return dg.MetadataValue.table([_row(rule, record, beside) for rule in ordered], schema=TABLE)


def to_list(failed: Sequence[RuleResult], record: PartitionRecord, beside: Beside) -> str:
    """Return the rules that failed as Markdown, each with its rows and a link to the line that promises it."""
    return "\n".join(_item(rule, record, beside) for rule in failed)


def _item(rule: RuleResult, record: PartitionRecord, beside: Beside) -> str:
    name, place, link = rule.rule_id.translate(_SPECIAL), beside.place(rule), beside.link(rule)
    counts = f"{rule.failed_rows:,} of {rule.checked_rows:,} rows" if rule.failed_rows else rule.outcome.value
    told = [f"**{name}** ({rule.severity}): {counts}"]
    told += [rule.reason.translate(_SPECIAL)] if rule.reason else []
    rows = _samples(rule, record, beside)
    told += ["rows " + ", ".join(f"`{row}`" for row in rows)] if rows else []
    told += [f"[{place}]({link})" if link else f"`{place}`"] if place else []
    return "- " + "; ".join(told)


def _row(rule: RuleResult, record: PartitionRecord, beside: Beside) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "rule": rule.rule_id,
            "outcome": rule.outcome.value,
            "failed_rows": rule.failed_rows,
            "checked_rows": rule.checked_rows,
            "severity": rule.severity.value,
            "on_failure": rule.on_failure.value,
            "line": beside.line(rule),
            "sample_rows": ", ".join(_samples(rule, record, beside)),
            "accepted": _accepted(rule, record),
        }
    )


def _samples(rule: RuleResult, record: PartitionRecord, beside: Beside) -> tuple[str, ...]:
    return beside.samples.get((record.partition, rule.rule_id), ()) if rule.outcome is Outcome.FAIL else ()


def _accepted(rule: RuleResult, record: PartitionRecord) -> str:
    """Return by what a rule was accepted, who answers for it and until when."""
    named = [one for one in record.exemptions if rule.rule_id in one.rules]
    return "; ".join(f"{one.kind} by {one.owner} until {one.expires_on}: {one.reason}" for one in named)


def _shown_at(address: str, place: str) -> str:
    path, _, line = place.rpartition(":")
    at = f"{path}#L{line}" if line.isdigit() else place
    return f"{address.rstrip('/')}/{at}"
