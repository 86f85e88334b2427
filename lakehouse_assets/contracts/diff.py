"""What a contract's change means for its readers: how grave, who is compatible, and whether the version says so.

Two contracts go in, sentences come out. A changed promise is major where a reader can break on it or rows that were
fine are no longer; reading files is `loader`'s business.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse_assets.contracts.arguments import columns_of
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, RuleSpec
from lakehouse_assets.contracts.types import narrows
from lakehouse_assets.results import OnFailure

MAJOR, MINOR, PATCH = "major", "minor", "patch"
LEVELS = (PATCH, MINOR, MAJOR)
KINDS = {MAJOR: "breaking", MINOR: "additive", PATCH: "cosmetic"}
# As a schema registry says it: backward, those who rely on the new version can read what was published under the old
# one; forward, those who rely on the old version can read what will be published under the new one.
FULL, BACKWARD, FORWARD, NEITHER = "full", "backward", "forward", "none"
_DRAFTS = frozenset({"proposed", "draft"})
# Told with the column it is about.
REQUIRED = "required"
NEVER_BREAK, NOTIFY = "never-break", "notify-30-days"
_STRENGTH = {OnFailure.KEEP: 0, OnFailure.QUARANTINE: 1, OnFailure.BLOCK: 2}
_LOWER, _UPPER = {"min", "greater_than"}, {"max", "less_than"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions of a contract: how grave, about what, a sentence, and who is compatible.

    `columns`: those it is about; none is all of them.
    """

    level: str
    subject: str
    sentence: str
    compatibility: str = FULL
    columns: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The change in a word: breaking, additive or cosmetic."""
        return KINDS[self.level]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, the level they need, and what is wrong with the new version or "" when it says enough."""

    changes: tuple[Change, ...]
    needs: str
    problem: str
    compatibility: str = FULL


def compare(old: Contract, new: Contract) -> Comparison:
    """Return how two versions of a contract differ, the gravest first."""
    changes = [*_columns(old, new), *_loading(old, new), *_rules(old, new)]
    if not changes and _words(old) != _words(new):
        changes = [Change(PATCH, "words", "only what describes the table changed.")]
    ordered = tuple(sorted(changes, key=lambda one: (-LEVELS.index(one.level), one.subject)))
    needs = ordered[0].level if ordered else ""
    return Comparison(ordered, needs, _problem(old, new, needs), _together(ordered))


def _together(changes: Iterable[Change]) -> str:
    words = {change.compatibility for change in changes} - {FULL}
    return FULL if not words else words.pop() if len(words) == 1 else NEITHER


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    renamed = {column.renamed_from: name for name, column in after.items() if column.renamed_from in before}
    for name, column in before.items():
        if name in after:
            yield from _column(column, after[name])
        elif name in renamed:
            said = f"is called {renamed[name]} and still filled (lakehouse.renamedFrom)."
            yield Change(MINOR, name, said, FULL, (name,))
            yield from _column(column, after[renamed[name]], is_renamed=True)
        else:
            yield Change(MAJOR, name, "is gone.", BACKWARD, (name,))
    for name, column in after.items():
        if name not in before and name not in renamed.values():
            if column.required:
                yield Change(MAJOR, name, "a new required column.", FORWARD, (name,))
            else:
                yield Change(MINOR, name, "a new column.", FULL, (name,))


def _column(old: Column, new: Column, *, is_renamed: bool = False) -> Iterator[Change]:
    about = (old.name,)
    if old.type != new.type:
        word = "narrower" if narrows(old.type, new.type) else "other"
        said = f"has the {word} type {new.type} instead of {old.type}."
        yield Change(MAJOR, old.name, said, _of_types(old.type, new.type), about)
    if old.required != new.required:
        said, fits = ("is required now.", FORWARD) if new.required else ("may be null now.", BACKWARD)
        yield Change(MAJOR, old.name, said, fits, about)
    if (old.unique, old.primary_key) != (new.unique, new.primary_key):
        said = "identifies a row differently (unique, primaryKey)."
        yield Change(MAJOR, old.name, said, NEITHER, about)
    if old.renamed_from and not new.renamed_from and not is_renamed:
        said = f"the former name of {old.name} is no longer filled."
        yield Change(MAJOR, old.renamed_from, said, BACKWARD, (old.renamed_from,))
    if (old.sources, old.parse) != (new.sources, new.parse):
        yield Change(MINOR, old.name, "comes from elsewhere or is read differently.", FULL, about)


def _of_types(old: ColumnType, new: ColumnType) -> str:
    """Values of a type that holds all of the other's can be read as it, but not the other way round."""
    if Kind.STRING in {old.kind, new.kind} or Kind.BOOLEAN in {old.kind, new.kind}:
        return NEITHER
    ways = narrows(old, new), narrows(new, old)
    return {(False, True): BACKWARD, (True, False): FORWARD, (True, True): NEITHER}.get(ways, FULL)


def _loading(old: Contract, new: Contract) -> Iterator[Change]:
    if set(old.load.keys) != set(new.load.keys):
        yield Change(MAJOR, "lakehouse.load", "the key changed.", NEITHER)
    if (old.load.mode, old.partition_column) != (new.load.mode, new.partition_column):
        yield Change(MAJOR, "lakehouse.load", "mode or partition column changed.", NEITHER)
    elif old.load != new.load and set(old.load.keys) == set(new.load.keys):
        yield Change(MINOR, "lakehouse.load", "rows are loaded differently.")
    if old.gate != new.gate:
        yield Change(MINOR, "lakehouse.publishGate", "partitions are kept back under other conditions.")


def _rules(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({rule.id: rule for rule in each.rules} for each in (old, new))
    gone = {column.name for column in old.columns} - {column.name for column in new.columns}
    for name, rule in before.items():
        if name in after:
            yield from _rule(rule, after[name])
        elif rule.column not in gone and rule.rule != REQUIRED:
            yield Change(MAJOR, name, "the guarantee is gone.", BACKWARD, columns_of(rule))
    fresh = {column.name for column in new.columns} - {column.name for column in old.columns}
    for name, rule in after.items():
        if name not in before and rule.column not in fresh and rule.rule != REQUIRED:
            yield Change(MINOR, name, "a new rule.", FORWARD, columns_of(rule))


def _rule(old: RuleSpec, new: RuleSpec) -> Iterator[Change]:
    if old.fingerprint == new.fingerprint:
        return
    about = tuple(dict.fromkeys((*columns_of(old), *columns_of(new))))
    if _STRENGTH[new.on_failure] < _STRENGTH[old.on_failure]:
        said = f"bad rows are treated as {new.on_failure} instead of {old.on_failure}."
        yield Change(MAJOR, old.id, said, BACKWARD, about)
    elif old.column != new.column:
        yield Change(MINOR, old.id, f"looks at {new.column} instead of {old.column}.", NEITHER, about)
    elif old.arguments != new.arguments or old.rule != new.rule:
        is_narrower = old.rule != new.rule or _is_narrower(old, new)
        fits = NEITHER if old.rule != new.rule else _of_rules(old, new)
        level, said = (MAJOR, "is narrower.") if is_narrower else (MINOR, "is wider.")
        yield Change(level, old.id, said, fits, about)
    else:
        stricter = _STRENGTH[new.on_failure] > _STRENGTH[old.on_failure]
        yield Change(MINOR, old.id, "has another severity or consequence.", FORWARD if stricter else FULL, about)


def _of_rules(old: RuleSpec, new: RuleSpec) -> str:
    ways = _is_narrower(old, new), _is_narrower(new, old)
    return {(True, False): FORWARD, (False, True): BACKWARD}.get(ways, NEITHER)


def _is_narrower(old: RuleSpec, new: RuleSpec) -> bool:
    """Whether values that satisfied the old rule may violate the new one; what cannot be compared counts."""
    if old.rule == "in_set":
        return not _texts(old.arguments["values"]) <= _texts(new.arguments["values"])
    for name in {*old.arguments, *new.arguments}:
        side = old.rule if old.rule in _LOWER | _UPPER else name
        if _moves_in(side, old.arguments.get(name), new.arguments.get(name)):
            return True
    return False


def _moves_in(side: str, old: Any, new: Any) -> bool:  # noqa: ANN401 - bounds of any type
    if old == new or new is None:
        return False
    are_numbers = all(isinstance(each, int | float) for each in (old, new))
    if side not in _LOWER | _UPPER or old is None or not (are_numbers or type(old) is type(new)):
        return True
    return bool(new > old if side in _LOWER else new < old)


def _problem(old: Contract, new: Contract, needs: str) -> str:
    before, after = (tuple(int(part) for part in each.version.split(".")) for each in (old, new))
    # A change cannot free itself of what was promised before it.
    policies = {old.breaking_change_policy, new.breaking_change_policy}
    if {old.status, new.status} <= _DRAFTS:
        return ""
    if needs == MAJOR and old.table == new.table and NEVER_BREAK in policies:
        return "breaking changes are promised never to happen (never-break): make a new table beside it."
    depth = {MAJOR: 1, MINOR: 2, PATCH: 3}.get(needs, 0)
    if after[:depth] > before[:depth] or not needs:
        return ""
    notice = ", and consumers are told 30 days before" if needs == MAJOR and NOTIFY in policies else ""
    return f"version {new.version} does not say so: a {needs} version after {old.version} is due{notice}."


def _by_name(contract: Contract) -> dict[str, Column]:
    return {column.name: column for column in contract.columns}


def _words(contract: Contract) -> Mapping[str, Any]:
    return {key: value for key, value in (contract.odcs or {}).items() if key != "version"}


def _texts(values: Iterable[object]) -> set[str]:
    return {str(value) for value in values}
