"""What a contract says, as metadata of its asset: Dagster's own keys where there is one, `lakehouse/…` otherwise."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from lakehouse_assets.contracts.model import Column, Contract, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName

_TRANSFORMS = Path(__file__).parents[1] / "transforms"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def to_key(table: TableName) -> dg.AssetKey:
    """Return the asset key of a table: its path in the lake."""
    return dg.AssetKey(table.parts)


def to_metadata(contract: Contract, *, uri: str, config_dir: Path) -> dict[str, Any]:
    """Return the definition metadata of a table's asset."""
    return {
        "dagster/column_schema": _column_schema(contract),
        "dagster/table_name": ".".join(contract.table.parts),
        "dagster/uri": uri,
        "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=_references(contract, config_dir)),
        "lakehouse/contract": str(contract.place),
        "lakehouse/contract_version": contract.version,
        "lakehouse/rules": len(contract.rules),
        "lakehouse/consumers": ", ".join(consumer.name for consumer in contract.consumers) or "none named",
        **({"lakehouse/runbook": contract.runbook} if contract.runbook else {}),
    }


def to_lineage(contract: Contract) -> dg.TableColumnLineage:
    """Return where each column comes from, as declared by `transformSourceObjects`."""
    return dg.TableColumnLineage({column.name: _origins(column) for column in contract.columns if column.sources})


def to_owners(contract: Contract) -> list[str]:
    """Return the owner in a form Dagster accepts: an address, or `team:<name>`."""
    if not contract.owner:
        return []
    return [contract.owner if _EMAIL.fullmatch(contract.owner) else f"team:{_slug(contract.owner)}"]


def to_tags(contract: Contract) -> dict[str, str]:
    """Return layer, tier, domain, status and the contract's own tags."""
    fixed = {"lakehouse/layer": contract.table.layer, "lakehouse/tier": str(contract.tier)}
    named = {"lakehouse/domain": contract.domain, "lakehouse/status": contract.status}
    own = {_slug(tag): "" for tag in contract.tags if _slug(tag)}
    return {**fixed, **{key: _slug(value) for key, value in named.items() if _slug(value)}, **own}


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._")[:63]


def _column_schema(contract: Contract) -> dg.TableSchema:
    rules: dict[str | None, list[RuleSpec]] = {}
    for rule in contract.rules:
        rules.setdefault(rule.column, []).append(rule)
    table_wide = [_claim(rule) for rule in rules.pop(None, [])]
    return dg.TableSchema(
        columns=[_to_column(column, rules.get(column.name, [])) for column in contract.columns],
        constraints=dg.TableConstraints(other=table_wide) if table_wide else None,
    )


def _to_column(column: Column, rules: Sequence[RuleSpec]) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=str(column.type),
        description=column.description or None,
        constraints=dg.TableColumnConstraints(
            nullable=not column.required,
            unique=column.unique or column.primary_key,
            other=[_claim(rule) for rule in rules],
        ),
        tags={"classification": _slug(column.classification)} if column.classification else None,
    )


def _claim(rule: RuleSpec) -> str:
    arguments = ", ".join(f"{name}={value}" for name, value in rule.arguments.items())
    return f"{rule.id}: {rule.rule}({arguments})"


def _origins(column: Column) -> list[dg.TableColumnDep]:
    pairs = (source.rpartition(".") for source in column.sources)
    return [dg.TableColumnDep(asset_key=to_key(table), column_name=name)
            for path, _, name in pairs if (table := _table(path)) is not None]  # fmt: skip


def _table(path: str) -> TableName | None:
    try:
        return TableName.parse(path)
    except LakehouseError:
        return None  # the loader has said so already


def _references(contract: Contract, config_dir: Path) -> list[dg.LocalFileCodeReference | dg.UrlCodeReference]:
    place = contract.place
    found = [("contract", f"{config_dir.parent}/{place.path}", place.line or 1)]
    name = f"{contract.table.short}.py"
    if name in _modules(contract.table.layer):
        found.append(("transform", f"{_TRANSFORMS}/{contract.table.layer}/{name}", 1))
    return [dg.LocalFileCodeReference(file_path=path, line_number=line, label=label) for label, path, line in found]


@cache
def _modules(layer: str) -> frozenset[str]:
    return frozenset(path.name for path in (_TRANSFORMS / layer).glob("*.py"))
