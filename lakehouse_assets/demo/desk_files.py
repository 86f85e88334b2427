"""The exports of the customer desk, with everything that goes wrong on their way planted on purpose and counted.

Pure: which day brings what is decided here, whether it was found in `desk_check`.
"""

import csv
import io
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from lakehouse_assets.demo.desk import Change, changes_of

COLUMNS = ("Op", "CustomerNo", "ChangedAt", "Name", "Email", "Country", "Level", "Newsletter", "Joined")
Row = list[str]

# What a mistake does to a row, and the rule that must report it.
_MISTAKES: Mapping[str, tuple[str, int, str]] = {
    "no_number": ("customer_id.required", 1, ""),
    "no_time": ("changed_at.required", 2, ""),
    "odd_email": ("email.email", 4, "ada at example"),
    "odd_level": ("loyalty_level.in_set", 6, "platinum"),
    "odd_consent": ("is_subscribed.parse", 7, "perhaps"),
}


@dataclass(slots=True)
class PlantedChanges:
    """What was done to the exports, counted while it was done.

    `changes` are those that reach the log, each once: what the derived tables must follow from. `deletions` are those
    among them; `repeated` rows come twice in one day, `again` once more on another, `out_of_order` after a newer change
    of their account, `late` in the file of a later day; `bad` are refused, counted by rule in `rules`.
    """

    changes: list[Change] = field(default_factory=list)
    deletions: int = 0
    repeated: int = 0
    again: int = 0
    late: int = 0
    out_of_order: int = 0
    bad: int = 0
    rules: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Export:
    """The files of one day by suffix, and a sentence about what is wrong with them."""

    files: Mapping[str, bytes]
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What goes wrong on a day: numbers of rows. `held_back` come with the file of the day after next."""

    shuffled: bool = False
    twice: int = 0
    again: int = 0
    held_back: int = 0
    ghosts: int = 0
    sent_twice: bool = False
    mistakes: Sequence[str] = ()


_PLANS: Mapping[str, _Plan] = {
    "2011-11-27": _Plan(shuffled=True, twice=4),
    "2011-11-28": _Plan(sent_twice=True),
    "2011-11-29": _Plan(held_back=9, mistakes=tuple(_MISTAKES)),
    "2011-11-30": _Plan(again=6),
    "2011-12-01": _Plan(shuffled=True),
    "2011-12-02": _Plan(ghosts=2),
    "2011-12-04": _Plan(held_back=12, shuffled=True),
    "2011-12-06": _Plan(twice=3, again=5, mistakes=("odd_email", "no_number")),
    "2011-12-07": _Plan(shuffled=True, ghosts=1),
}


def write_exports(seed: int, days: Sequence[date], planted: PlantedChanges) -> dict[str, Export]:
    """Return what the desk exports on each day, and count in `planted` what was done to it."""
    return _Writer(seed, planted).write(days)


class _Writer:
    """Writes the days in order; keeps what a later file must bring."""

    def __init__(self, seed: int, planted: PlantedChanges) -> None:
        self._seed, self._planted = seed, planted
        self._chance = random.Random(seed + 3)  # noqa: S311 - a simulation must be repeatable
        self._owed: dict[str, list[Change]] = {}
        self._newest: dict[str, Change] = {}
        self._before: list[Change] = []

    def write(self, days: Sequence[date]) -> dict[str, Export]:
        names = [day.isoformat() for day in days]
        exports: dict[str, Export] = {}
        for number, (day, changes) in enumerate(changes_of(self._seed, days)):
            later = names[min(number + 2, len(names) - 1)]
            exports[day.isoformat()] = self._day(day, changes, later)
        return exports

    def _day(self, day: date, changes: list[Change], later: str) -> Export:
        plan, name = _PLANS.get(day.isoformat(), _Plan()), day.isoformat()
        late = self._owed.pop(name, [])
        changes, held = self._split(changes, plan.held_back)
        self._owed.setdefault(later, []).extend(held)
        again = self._chance.sample(self._before, k=min(plan.again, len(self._before)))
        spoilt, good = self._spoilt(changes, plan.mistakes)
        ghosts = [self._ghost(good[number]) for number in range(plan.ghosts)]
        rows = [*late, *good, *ghosts]
        fresh = [*rows, *again]
        if plan.shuffled:
            self._chance.shuffle(fresh)
        self._count(fresh, late, again)
        self._before = good
        twice = [change for change in good if not change.is_deletion][: plan.twice]
        self._planted.repeated += len(twice)
        content = _file([*map(_row, fresh), *map(_row, twice), *spoilt])
        files = {"": content} | ({"_resent": content} if plan.sent_twice else {})
        return Export(files, _told(plan, len(late)))

    def _split(self, changes: list[Change], count: int) -> tuple[list[Change], list[Change]]:
        held = set(self._chance.sample(range(len(changes)), k=count))
        stay = [change for number, change in enumerate(changes) if number not in held]
        return stay, [change for number, change in enumerate(changes) if number in held]

    def _spoilt(self, changes: list[Change], mistakes: Sequence[str]) -> tuple[list[Row], list[Change]]:
        """Spoil one living change for every mistake; what it said is lost, also to the truth."""
        living = [change for change in changes if not change.is_deletion]
        chosen = self._chance.sample(living, k=len(mistakes))
        rows = []
        for change, mistake in zip(chosen, mistakes, strict=True):
            rule, place, text = _MISTAKES[mistake]
            row = _row(change)
            rows.append([*row[:place], text, *row[place + 1 :]])
            self._planted.bad += 1
            self._planted.rules[rule] += 1
        return rows, [change for change in changes if change not in chosen]

    def _ghost(self, change: Change) -> Change:
        """Close an account that nobody ever opened."""
        number = str(90_000 + int(change.customer_id))[-5:]
        moment = change.changed_at + timedelta(seconds=1)
        return replace(change, customer_id=f"9{number[1:]}", changed_at=moment, is_deletion=True)

    def _count(self, rows: Sequence[Change], late: Sequence[Change], again: Sequence[Change]) -> None:
        planted = self._planted
        planted.late += len(late)
        planted.again += len(again)
        for change in rows:
            newest = self._newest.get(change.customer_id)
            if newest is not None and newest.changed_at > change.changed_at:
                planted.out_of_order += 1
            if newest is None or newest.changed_at < change.changed_at:
                self._newest[change.customer_id] = change
        fresh = [change for change in rows if change not in again]
        planted.changes += fresh
        planted.deletions += sum(change.is_deletion for change in fresh)


def _row(change: Change) -> Row:
    moment = change.changed_at.strftime("%Y-%m-%d %H:%M:%S")
    if change.is_deletion:
        return ["D", change.customer_id, moment, *[""] * 6]
    newsletter = str(change.is_subscribed).lower()
    described = [change.full_name, change.email, change.country, change.loyalty_level, newsletter]
    return ["U", change.customer_id, moment, *described, change.joined_date.isoformat()]


def _file(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()


def _told(plan: _Plan, late: int) -> str:
    said = [
        (plan.sent_twice, "sends its changes twice"),
        (plan.shuffled, "writes them in no order"),
        (plan.twice, f"writes {plan.twice} of them twice"),
        (plan.again, f"repeats {plan.again} of the day before"),
        (plan.held_back, f"forgets {plan.held_back}"),
        (late, f"brings {late} that it forgot"),
        (plan.ghosts, f"closes {plan.ghosts} accounts nobody opened"),
        (plan.mistakes, f"makes {len(plan.mistakes)} mistakes"),
    ]
    words = [text for is_said, text in said if is_said]
    return f"The customer desk {', '.join(words)}." if words else ""
