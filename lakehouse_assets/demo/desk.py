"""The customer desk of the shop, simulated: who opened, changed and closed an account, and when. Same seed, same desk.

What the desk knows to be true. How its exports distort it is `desk_files`, what follows from it `desk_truth`.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from lakehouse_assets.demo.catalogue import COUNTRIES

_FIRST_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gwen", "Hugo", "Iris", "Jon", "Kim", "Leo", "Mia", "Noa")
_LAST_NAMES = ("Abbot", "Brook", "Clarke", "Dale", "East", "Field", "Grove", "Hill", "Iver", "Jones", "Knight", "Lane")
_LEVELS = ("basic", "silver", "gold")
_ACCOUNTS, _NEW_A_DAY, _CHANGES_A_DAY = 180, 6, 34
_CLOSED_SHARE, _BACK_SHARE = 0.12, 0.3


@dataclass(frozen=True, slots=True)
class Change:
    """One thing the desk did to an account: the whole account as it was afterwards, or that it was closed."""

    customer_id: str
    changed_at: datetime
    full_name: str
    email: str
    country: str
    loyalty_level: str
    is_subscribed: bool
    joined_date: date
    is_deletion: bool = False


class Desk:
    """The desk between two days. `work` must be called for its days in order."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed + 2)  # noqa: S311 - a simulation must be repeatable
        self._numbers = iter(self._chance.sample(range(12_346, 18_288), k=2_000))
        self._open: dict[str, Change] = {}
        self._closed: dict[str, Change] = {}

    def work(self, day: date) -> list[Change]:
        """Return everything the desk did on `day`, in order; no two changes of an account at one moment."""
        is_first = not self._open
        moments = self._moments(day, _ACCOUNTS if is_first else _NEW_A_DAY + _CHANGES_A_DAY)
        count = _ACCOUNTS if is_first else _NEW_A_DAY
        opened = [self._opened(at, day) for at in moments[:count]]
        return [*opened, *(self._done(at) for at in moments[count:])]

    def _moments(self, day: date, count: int) -> list[datetime]:
        start = datetime.combine(day, time(8), UTC)
        return [start + timedelta(seconds=second) for second in sorted(self._chance.sample(range(36_000), k=count))]

    def _opened(self, at: datetime, day: date) -> Change:
        name = f"{self._chance.choice(_FIRST_NAMES)} {self._chance.choice(_LAST_NAMES)}"
        number = str(next(self._numbers))
        account = Change(
            customer_id=number,
            changed_at=at,
            full_name=name,
            email=f"{name.lower().replace(' ', '.')}.{number}@example.com",
            country=self._country(),
            loyalty_level="basic",
            is_subscribed=self._chance.random() < 0.5,  # noqa: PLR2004 - a coin
            joined_date=day - timedelta(days=self._chance.randrange(900)),
        )
        self._open[number] = account
        return account

    def _done(self, at: datetime) -> Change:
        if self._closed and self._chance.random() < _CLOSED_SHARE * _BACK_SHARE:
            back = self._closed.pop(self._chance.choice(sorted(self._closed)))
            return self._kept(replace(back, changed_at=at, joined_date=at.date(), is_deletion=False))
        account = self._open[self._chance.choice(sorted(self._open))]
        if self._chance.random() < _CLOSED_SHARE:
            self._closed[account.customer_id] = self._open.pop(account.customer_id)
            return replace(account, changed_at=at, is_deletion=True)
        return self._kept(self._changed(account, at))

    def _kept(self, account: Change) -> Change:
        self._open[account.customer_id] = account
        return account

    def _changed(self, account: Change, at: datetime) -> Change:
        kind = self._chance.choice(("country", "level", "newsletter", "email", "joined", "nothing"))
        moved = replace(account, changed_at=at)
        match kind:
            case "country":
                return replace(moved, country=self._country())
            case "level":
                return replace(moved, loyalty_level=self._chance.choice(_LEVELS))
            case "newsletter":
                return replace(moved, is_subscribed=not account.is_subscribed)
            case "email":
                return replace(moved, email=f"new.{account.email}")
            case "joined":
                return replace(moved, joined_date=account.joined_date - timedelta(days=1))
            case _:
                return moved

    def _country(self) -> str:
        return self._chance.choices(list(COUNTRIES), list(COUNTRIES.values()))[0]


def changes_of(seed: int, days: Sequence[date]) -> Iterator[tuple[date, list[Change]]]:
    """Yield every day with what the desk did."""
    desk = Desk(seed)
    for day in days:
        yield day, desk.work(day)
