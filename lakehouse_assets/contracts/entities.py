"""An entity: one contract with `mode: derived` becomes a change log and the tables that are derived from it.

What such a contract must not say is `entity_load`; how tables are derived is the pipeline's business.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lakehouse_assets.contracts.entity_rules import rules_of_changes, rules_of_derived
from lakehouse_assets.contracts.fingerprints import rule_set, with_deletes
from lakehouse_assets.contracts.loading import Gate, History, Load, Mode, Role
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Deletes, Kind
from lakehouse_assets.naming import (
    DELETED_AT,
    IS_CURRENT,
    IS_DELETED,
    VALID_FROM,
    VALID_TO,
    TableName,
    changes_of,
    current_of,
    history_of,
    previous_of,
    surrogate_key_of,
)

NEWEST, VERSION, PREVIOUS = 1, 2, 3
VERSIONED = frozenset({History.SCD2, History.SCD4, History.SCD6})
_TIMESTAMP, _BOOLEAN, _LONG = ColumnType(Kind.TIMESTAMP), ColumnType(Kind.BOOLEAN), ColumnType(Kind.LONG)
_SAYS: Mapping[Role, str] = {
    Role.CHANGES: "Every change as it arrived, judged; what is derived from it is a function of these rows.",
    Role.CURRENT: "One row per key: what holds now.",
    Role.HISTORY: "One row per version of a key, valid from `valid_from` to before `valid_to`.",
}


def tables_in(name: TableName, data: Mapping[str, Any]) -> tuple[TableName, ...]:
    """Return the tables that a contract file makes; of a file that is wrong elsewhere, too."""
    match data if name.layer == "silver" else {}:
        case {"schema": [{"customProperties": [*entries]}, *_]}:
            for entry in entries:
                match entry:
                    case {"property": "lakehouse.load", "value": {"mode": "derived", **rest}}:
                        return tuple(table for table, _ in _tables(name, rest.get("history")))
    return (name,)


def expand(contract: Contract, deletes: Deletes | None = None) -> tuple[Contract, ...]:
    """Return the tables of an entity's contract; any other contract is its one table.

    `deletes`: how its source tells deletions, which decides about the rows of the change log.
    """
    if contract.load.mode is not Mode.DERIVED:
        return (contract,)
    derived = [_derived(contract, table, role) for table, role in _tables(contract.table, contract.load.history)[1:]]
    return (_changes(contract, deletes), *derived)


def promised_columns(contract: Contract) -> frozenset[str]:
    """Return the names of all columns that the tables of a contract have."""
    return frozenset(column.name for table in expand(contract) for column in table.columns)


def added_names(name: TableName, columns: Sequence[Column], load: Load) -> frozenset[str]:
    """Return the names of the columns that derivation adds to some table of an entity."""
    roles = [role for _, role in _tables(name, load.history)[1:]]
    return frozenset(added.name.lower() for role in roles for added in _added(name, columns, load, role))


def types_of(columns: Sequence[Column], load: Load, role: Role) -> dict[str, int]:
    """Return how each column but the keys is kept in one table: 0 first, 1 newest, 2 by version, 3 newest and previous.

    Without a word about it a column makes versions, unless `tracked` names others. The column that orders changes is
    only among them when somebody said so: it is that of the change which began the version, and makes none.
    """
    silent = {*load.keys, *({load.sequence_by} - {*load.tracked})}
    named = [column for column in columns if column.scd_type is not None or column.name not in silent]
    return {column.name: _type_of(column, load, role) for column in named if column.name not in load.keys}


def _type_of(column: Column, load: Load, role: Role) -> int:
    if column.scd_type is not None:
        chosen = column.scd_type
    elif load.tracked:
        chosen = VERSION if column.name in load.tracked else NEWEST
    else:
        chosen = VERSION
    return NEWEST if chosen == VERSION and role is not Role.HISTORY else chosen


def _tables(name: TableName, history: object) -> list[tuple[TableName, Role]]:
    last = {
        History.SCD2: [(name, Role.HISTORY)],
        History.SCD6: [(name, Role.HISTORY)],
        History.SCD4: [(name, Role.CURRENT), (history_of(name), Role.HISTORY)],
    }
    known = next((one for one in History if one == history), History.NONE)
    return [(changes_of(name), Role.CHANGES), *last.get(known, [(name, Role.CURRENT)])]


def _changes(contract: Contract, deletes: Deletes | None) -> Contract:
    load = replace(
        contract.load,
        mode=Mode.PARTITION,
        history=History.NONE,
        tracked=(),
        scd_types={},
        soft_deletes=False,
        buckets=1,
    )
    rules = rules_of_changes(contract)
    decided = rule_set((rule.fingerprint for rule in rules), contract.columns, load, contract.gate)
    return replace(
        contract,
        table=changes_of(contract.table),
        role=Role.CHANGES,
        load=load,
        rules=rules,
        rule_set=with_deletes(decided, deletes) if deletes else decided,
        description=_described(contract, Role.CHANGES),
    )


def _derived(contract: Contract, table: TableName, role: Role) -> Contract:
    load = replace(contract.load, event_time="", scd_types=types_of(contract.columns, contract.load, role))
    own = [_of_role(column, contract, role) for column in contract.columns]
    columns = (*own, *_added(contract.table, contract.columns, contract.load, role))
    rules, gate = rules_of_derived(contract, table, role), Gate(empty_partition="allow")
    return replace(
        contract,
        table=table,
        role=role,
        columns=columns,
        rules=rules,
        load=load,
        gate=gate,
        upstreams=(changes_of(contract.table),),
        rule_set=rule_set((rule.fingerprint for rule in rules), columns, load, gate),
        description=_described(contract, role),
    )


def _of_role(column: Column, contract: Contract, role: Role) -> Column:
    # A key is there once in `current`, and once a version in history.
    identifies = role is Role.CURRENT
    return replace(
        _made_from(column, contract.table, column.name),
        renamed_from=column.renamed_from,
        primary_key=column.primary_key and identifies,
        unique=column.unique and identifies,
    )


def _made_from(column: Column, entity: TableName, *sources: str) -> Column:
    places = tuple(".".join((*changes_of(entity).parts, source)) for source in sources)
    return replace(column, sources=places, transform_logic="", renamed_from="")


def _added(entity: TableName, columns: Sequence[Column], load: Load, role: Role) -> Iterator[Column]:
    types, known = types_of(columns, load, role), {column.name: column for column in columns}
    for name, chosen in types.items():
        if chosen == PREVIOUS:
            text = f"{name} before its latest change; null when it never changed."
            yield _copy(known[name], previous_of(name), entity, text)
    dated = (load.sequence_by,)
    if role is Role.HISTORY:
        yield _made(VALID_FROM, _TIMESTAMP, entity, dated, "When the version began; included.", required=True)
        yield _made(VALID_TO, _TIMESTAMP, entity, dated, "When it ended; excluded. Null while it holds.")
        yield _made(IS_CURRENT, _BOOLEAN, entity, dated, "Whether it is the newest version and holds.", required=True)
    if role is Role.HISTORY and load.history is History.SCD6:
        for name in (each for each, chosen in types.items() if chosen == VERSION and each != load.sequence_by):
            yield _copy(known[name], current_of(name), entity, f"{name} as it is in the newest version.")
    if load.soft_deletes:
        yield _made(IS_DELETED, _BOOLEAN, entity, dated, "Whether the key is gone.", required=True)
        yield _made(DELETED_AT, _TIMESTAMP, entity, dated, "Since when it is gone; null while it is there.")
    if role is Role.HISTORY:
        made_from = (*load.keys, *dated)
        text = "Identifies a version; the same in every rebuild."
        yield _made(surrogate_key_of(entity), _LONG, entity, made_from, text, required=True)


def _copy(column: Column, name: str, entity: TableName, text: str) -> Column:
    plain = replace(column, name=name, required=False, primary_key=False, unique=False, scd_type=None, description=text)
    return _made_from(plain, entity, column.name)


def _made(
    name: str, kind: ColumnType, entity: TableName, sources: Sequence[str], text: str, *, required: bool = False
) -> Column:
    return _made_from(Column(name, kind, required=required, description=text), entity, *sources)


def _described(contract: Contract, role: Role) -> str:
    return f"{contract.description} {_SAYS[role]}".strip()
