"""Which table of an entity judges which rule: what is about arrivals the change log, what is about keys the others."""

from dataclasses import replace

from lakehouse_assets.contracts.fingerprints import fingerprint
from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.naming import VALID_FROM, TableName, history_of

UNIQUE = "unique"


def rules_of_changes(contract: Contract) -> tuple[RuleSpec, ...]:
    """Return the rules about rows, partitions and references; a key may change many times a day."""
    return tuple(spec for spec in contract.rules if not _is_about_keys(spec))


def rules_of_derived(contract: Contract, table: TableName, role: Role) -> tuple[RuleSpec, ...]:
    """Return the rules about a whole table, and uniqueness: of keys inside a bucket, of anything else everywhere.

    Beside a current table the history only has to hold every version once.
    """
    specs = [spec for spec in contract.rules if _is_about_keys(spec)]
    if role is Role.CURRENT:
        return tuple(spec if _is_key(spec, contract) else _everywhere(spec) for spec in specs)
    beside = table == history_of(contract.table)
    whole = [spec for spec in specs if spec.rule != UNIQUE and not beside]
    return (*(_per_version(spec) for spec in specs if _is_key(spec, contract)), *whole)


def is_judged_in_history(spec: RuleSpec, contract: Contract) -> bool:
    """Whether a uniqueness rule says something about versions: it names exactly the keys."""
    return spec.rule != UNIQUE or _is_key(spec, contract)


def _is_about_keys(spec: RuleSpec) -> bool:
    return spec.kind is RuleKind.TABLE or spec.rule == UNIQUE


def _is_key(spec: RuleSpec, contract: Contract) -> bool:
    return spec.rule == UNIQUE and set(spec.arguments.get("columns", ())) == set(contract.load.keys)


def _everywhere(spec: RuleSpec) -> RuleSpec:
    return _changed(replace(spec, kind=RuleKind.TABLE))


def _per_version(spec: RuleSpec) -> RuleSpec:
    columns = [*spec.arguments["columns"], VALID_FROM]
    return _changed(replace(spec, arguments={**spec.arguments, "columns": columns}))


def _changed(spec: RuleSpec) -> RuleSpec:
    meaning = {**spec.arguments, "scope": spec.kind.value}
    return replace(
        spec,
        fingerprint=fingerprint(spec.rule, spec.column, meaning, on_failure=spec.on_failure, severity=spec.severity),
    )
