"""A model of a dbt schema file to a draft: columns, data tests and constraints."""

from collections.abc import Mapping
from typing import Any

from lakehouse_assets.contracts.exchange.draft import Draft, DraftColumn, members, rule, type_of
from lakehouse_assets.contracts.exchange.from_expectations import carry
from lakehouse_assets.errors import LakehouseError

_FIX = "Write it by hand where it matters."


def from_dbt(document: Mapping[str, Any], model: str = "") -> Draft:
    """Return the draft of one model; raise LakehouseError when the file holds several and none is named."""
    models = {
        str(each.get("name")): each for key in ("models", "seeds", "snapshots") for each in document.get(key) or ()
    }
    if not model and len(models) == 1:
        model = next(iter(models))
    if model not in models:
        what = f"there is no model {model!r}." if model else f"the file holds {len(models)} models."
        raise LakehouseError(what, fix=f"Write --from dbt:MODEL with one of {', '.join(models)}.")
    written = models[model]
    draft = Draft(str(written.get("description") or "").strip())
    for listed in written.get("columns") or ():
        _column(draft, members(listed))
    for test in _tests(written):
        _test(draft, test, None)
    for constraint in written.get("constraints") or ():
        _constraint(draft, constraint, [draft.column(str(name)) for name in constraint.get("columns") or ()])
    return draft


def _column(draft: Draft, listed: Mapping[str, Any]) -> None:
    column = draft.column(str(listed.get("name")))
    column.description = str(listed.get("description") or "").strip()
    word = str(listed.get("data_type") or "")
    column.type = type_of(word)
    if not column.type:
        what = f"the type {word}" if word else "its type"
        draft.lose(column.name, what, "It is text here: write physicalType.")
    for test in _tests(listed):
        _test(draft, test, column)
    for constraint in listed.get("constraints") or ():
        _constraint(draft, constraint, [column])


def _tests(owner: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for listed in (*(owner.get("tests") or ()), *(owner.get("data_tests") or ())):
        if isinstance(listed, str):
            found.append((listed, {}))
            continue
        name, given = next(iter(members(listed).items()), ("", {}))
        inner = {**members(given), **members(members(given).get("arguments"))}
        config = members(inner.pop("config", {}))
        inner.pop("arguments", None)
        found.append((str(name), {**inner, **{key: config[key] for key in ("severity", "where") if key in config}}))
    return found


def _test(draft: Draft, test: tuple[str, dict[str, Any]], column: DraftColumn | None) -> None:
    name, given = test
    short = name.rpartition(".")[2]
    where = column.name if column else "the table"
    word = "warning" if str(given.get("severity", "")).lower() == "warn" else "error"
    if short.startswith("expect_"):
        source = {"column": column.source} if column else {}
        carry(draft, short, {**source, **given}, word)
    elif given.get("where"):
        draft.lose(
            where, f"{name} where {given['where']}", "Rules look at every row: write `required_when` or `implies`."
        )
    elif not (_of_column(column, short, given, word) if column else _of_table(draft, short, given, word)):
        fix = _reference(given) if short == "relationships" else _FIX
        draft.lose(where, f"the test {name}", fix)


def _reference(given: Mapping[str, Any]) -> str:
    target = str(given.get("to", "")).replace("ref(", "").strip("')\" ")
    to = f"{{type: foreignKey, to: {target}.{given.get('field')}}}"
    return f"Once that table has a contract, write relationships: [{to}]."


def _of_column(column: DraftColumn, short: str, given: Mapping[str, Any], word: str) -> bool:
    is_error, name = word == "error", column.name
    match short:
        case "not_null" if is_error:
            column.required = True
        case "unique" if is_error:
            column.unique = True
        case "not_null":
            column.quality.append(rule("required", rule_id=f"{name}_is_there", severity=word))
        case "accepted_values" if given.get("values"):
            column.quality.append(
                rule("in_set", rule_id=f"{name}_is_known", severity=word, values=list(given["values"]))
            )
        case "not_accepted_values" if given.get("values"):
            values = list(given["values"])
            column.quality.append(rule("not_in_set", rule_id=f"{name}_is_allowed", severity=word, values=values))
        case "not_empty_string":
            column.quality.append(rule("not_blank", rule_id=f"{name}_not_blank", severity=word))
        case "accepted_range" if "min_value" in given or "max_value" in given:
            prefix = "" if given.get("inclusive", True) else "exclusive_"
            ends = {f"{prefix}min": given.get("min_value"), f"{prefix}max": given.get("max_value")}
            column.quality.append(rule("between", rule_id=f"{name}_in_range", severity=word, **ends))
        case _:
            return False
    return True


def _of_table(draft: Draft, short: str, given: Mapping[str, Any], word: str) -> bool:
    if short != "unique_combination_of_columns":
        return False
    names = [draft.column(str(name)).name for name in given.get("combination_of_columns") or ()]
    if names:
        draft.quality.append(rule("unique", rule_id=f"{'_'.join(names)}_unique", severity=word, columns=names))
    return bool(names)


def _constraint(draft: Draft, constraint: Mapping[str, Any], columns: list[DraftColumn]) -> None:
    kind = str(constraint.get("type") or "")
    for column in columns if kind in {"not_null", "primary_key"} else ():
        column.required = True
        column.primary_key = column.primary_key or kind == "primary_key"
    if kind == "unique" and len(columns) == 1:
        columns[0].unique = True
    elif kind == "unique" and columns:
        names = [column.name for column in columns]
        draft.quality.append(rule("unique", rule_id=f"{'_'.join(names)}_unique", columns=names))
    elif kind not in {"not_null", "primary_key", "unique"}:
        where = ", ".join(column.name for column in columns) or "the table"
        draft.lose(where, f"the constraint {kind} {constraint.get('expression') or ''}".strip())
