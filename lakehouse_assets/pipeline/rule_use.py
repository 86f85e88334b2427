"""What the rules of a contract were good for: how much each looked at, what it caught, since when it has not run.

A rule that never caught anything is not bad: its canary says whether it could. One that does not run says nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lakehouse_assets.contracts.model import Contract, RuleSpec
from lakehouse_assets.pipeline.canaries import canaries
from lakehouse_assets.results import Outcome
from lakehouse_assets.state.rule_reports import Look, Said, looks, said_in
from lakehouse_assets.state.store import Store

WINDOW = 90
_RAN = frozenset({Outcome.PASS, Outcome.FAIL})


@dataclass(frozen=True, slots=True)
class RuleUse:
    """One declared rule over a window. `looks` are the partitions in which it ran, `rows` those it looked at there.

    `caught` are the partitions in which it failed in some attempt; `idle` how many of the newest partitions in a row it
    did not run in, and `why`. `canary` says what became of its canary today.
    """

    table: str
    rule_id: str
    rule: str
    severity: str
    looks: int
    rows: int
    caught: int
    caught_rows: int
    idle: int
    why: str
    place: str
    canary: str = ""

    @property
    def never_caught(self) -> bool:
        """Whether it ran, and every time everything was fine."""
        return self.looks > 0 and not self.caught


@dataclass(frozen=True, slots=True)
class Uses:
    """The rules of one table over the same window."""

    table: str
    looks: int
    rules: tuple[RuleUse, ...]


def uses_of(
    store: Store, contract: Contract, functions: Mapping[str, Callable[..., Any]], *, last: int = WINDOW
) -> Uses:
    """Return what every declared rule of a table was good for, as the state store knows it.

    Only today's rule counts: what another one of the same id said before it was changed, it did not say.
    """
    table = str(contract.table)
    with store.reading() as connection:
        window = looks(connection, table, last=last, by_publish=not contract.is_partitioned)
        said = said_in(connection, table, window)
    sung = {one.rule_id: one.verdict for one in canaries(contract, functions)} if contract.rules else {}
    by_rule: dict[tuple[str, str], list[Said]] = {}
    for one in said:
        by_rule.setdefault((one.rule_id, one.fingerprint), []).append(one)
    found = [_use(contract, spec, window, by_rule.get((spec.id, spec.fingerprint), [])) for spec in contract.rules]
    return Uses(table, len(window), tuple(replace(use, canary=sung.get(use.rule_id, "")) for use in found))


def _use(contract: Contract, spec: RuleSpec, window: Sequence[Look], said: Sequence[Said]) -> RuleUse:
    attempts: dict[str, dict[str, Said]] = {}
    for one in said:
        attempts.setdefault(one.look, {})[one.publish] = one
    ran = [newest for look in window if (newest := _newest(look, attempts.get(look.name, {}))) is not None]
    caught = {one.look: one.failed_rows for one in said if one.outcome == Outcome.FAIL}
    idle, why = _idle(window, attempts)
    return RuleUse(
        table=str(contract.table),
        rule_id=spec.id,
        rule=spec.rule,
        severity=spec.severity.value,
        looks=len(ran),
        rows=sum(one.checked_rows for one in ran),
        caught=len(caught),
        caught_rows=sum(caught.values()),
        idle=idle,
        why=why,
        place=str(spec.place),
    )


def _newest(look: Look, attempts: Mapping[str, Said]) -> Said | None:
    said = [attempts[publish] for publish in look.publishes if publish in attempts]
    return next((one for one in reversed(said) if one.outcome in _RAN), None)


def _idle(window: Sequence[Look], attempts: Mapping[str, Mapping[str, Said]]) -> tuple[int, str]:
    """Return in how many of the newest looks a rule did not run, and what it said in the newest of them."""
    count, why = 0, ""
    for look in reversed(window):
        said = attempts.get(look.name, {})
        if _newest(look, said) is not None:
            break
        newest = next((said[publish] for publish in reversed(look.publishes) if publish in said), None)
        why = why or ("not among the rules of its publish" if newest is None else newest.reason or newest.outcome)
        count += 1
    return count, why
