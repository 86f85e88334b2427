"""Single values that a column may hold: within its type and what the rules of that column alone allow."""

import string
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.codes import COUNTRIES, CURRENCIES
from lakehouse_assets.quality.samples.pattern_text import text_of
from lakehouse_assets.quality.samples.promise import Meant, Promise
from lakehouse_assets.quality.samples.row_meaning import OF_A_VALUE

_TRIES = 200
_DAYS_BACK = 30
_WIDTH = {Kind.INTEGER: 2**31 - 1, Kind.LONG: 2**63 - 1}
_USUAL = 1000


def _word(random: Random, length: int = 8) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=length))


def _with_luhn(digits: str) -> str:
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return digits + str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def _iban(random: Random) -> str:
    account = "NWBK" + "".join(random.choices(string.digits, k=14))
    number = int("".join(str(int(letter, 36)) for letter in f"{account}GB00"))
    return f"GB{98 - number % 97:02}{account}"


# Texts of well-known formats; another rule of one column gives the passing value of its example.
FORMATS: Mapping[str, Callable[[Random], str]] = {
    "email": lambda random: f"{_word(random)}@example.com",
    "phone": lambda random: "+44" + "".join(random.choices(string.digits, k=10)),
    "url": lambda random: f"https://example.com/{_word(random)}",
    "uuid": lambda random: str(UUID(int=random.getrandbits(128))),
    "country": lambda random: random.choice(sorted(COUNTRIES)),
    "currency": lambda random: random.choice(sorted(CURRENCIES)),
    "iso_date": lambda random: f"20{random.randint(10, 29)}-0{random.randint(1, 9)}-{random.randint(10, 28)}",
    "luhn": lambda random: _with_luhn("".join(random.choices(string.digits, k=15))),
    "iban": _iban,
}


def draw_value(column: Column, promise: Promise, random: Random) -> Any:  # noqa: ANN401 - of the column's type
    """Return a value that is fine for every rule of this column alone; raise LakehouseError when none is found."""
    rules = [rule for rule in promise.of_rows if rule.spec.column == column.name and len(rule.columns) == 1]
    if column.name == promise.contract.partition_column:
        return promise.day
    for _ in range(_TRIES):
        value = _drawn(column, rules, promise, random)
        if not any(any(rule.breaks([{column.name: value}])) for rule in rules if rule.spec.rule in OF_A_VALUE):
            return value
    names = " and ".join(rule.spec.id for rule in rules) or "its type"
    raise LakehouseError(
        f"no value of {column.name!r} was found that is fine for {names}.",
        where=str(promise.contract.place),
        fix="Correct the rule that leaves no value, or give an example (lakehouse.example).",
    )


def _drawn(column: Column, rules: list[Meant], promise: Promise, random: Random) -> Any:  # noqa: ANN401 - of the column's type
    allowed = [rule.given[_LISTED[rule.spec.rule]] for rule in rules if rule.spec.rule in _LISTED]
    given = [promise.functions[rule.spec.rule].example.passing for rule in rules if rule.spec.rule not in _KNOWN]
    if allowed:
        return random.choice(list(allowed[0]))
    if column.type.kind is Kind.BOOLEAN:
        return random.random() < 0.5  # noqa: PLR2004 - heads or tails
    if column.type.kind is Kind.STRING:
        return _text(rules, given, random)
    if column.type.kind in {Kind.DATE, Kind.TIMESTAMP}:
        return _moment(column, rules, promise, random)
    return random.choice(given) if given else _number(column, rules, random)


_LISTED = {"in_set": "values", "in_reference": "entries"}
_KNOWN = {*OF_A_VALUE, *FORMATS, "required", "not_blank", "not_placeholder"}


def _text(rules: list[Meant], given: list[Any], random: Random) -> str:
    shapes = {rule.spec.rule: rule.given for rule in rules}
    if "matches" in shapes:
        return text_of(shapes["matches"]["pattern"], random)
    for name in FORMATS:
        if name in shapes:
            is_long = shapes[name].get("form") == "alpha3"
            return random.choice(sorted(COUNTRIES.values())) if is_long else FORMATS[name](random)
    if given:
        return str(random.choice(given))
    bounds = shapes.get("length", {})
    least = max(bounds.get("min") or 0, 1)
    most = bounds.get("max")
    return _word(random, random.randint(min(max(least, 6), most or 10), max(least, min(most or 10, 10))))


def _number(column: Column, rules: list[Meant], random: Random) -> int | float | Decimal:
    low, high = _bounds(rules)
    steps = [int(rule.given["value"]) for rule in rules if rule.spec.rule == "multiple_of"]
    scale = column.type.scale if column.type.kind is Kind.DECIMAL else 2
    most = Decimal(_WIDTH.get(column.type.kind, 10 ** (column.type.precision - column.type.scale or 15) - 1))
    low = max(-most, (min(Decimal(0), high - _USUAL) if high is not None else Decimal(0)) if low is None else low)
    high = min(most, low + _USUAL if high is None else high)
    if column.type.kind in _WIDTH:
        number = random.randint(int(low.to_integral_value("ROUND_CEILING")), max(int(low), int(high)))
        return number // steps[0] * steps[0] if steps else number
    drawn = (low + (high - low) * Decimal(random.randint(0, 10_000)) / 10_000).quantize(Decimal(1).scaleb(-scale))
    return drawn if column.type.kind is Kind.DECIMAL else float(drawn)


def _bounds(rules: list[Meant]) -> tuple[Decimal | None, Decimal | None]:
    lows = [*_given(rules, "min", "exclusive_min"), *_given(rules, "value", of="greater_than")]
    highs = [*_given(rules, "max", "exclusive_max"), *_given(rules, "value", of="less_than")]
    return max(lows, default=None), min(highs, default=None)


def _given(rules: list[Meant], *names: str, of: str = "between") -> Iterator[Decimal]:
    for rule in rules:
        if rule.spec.rule == of:
            yield from (Decimal(str(rule.given[name])) for name in names if rule.given.get(name) is not None)


def _moment(column: Column, rules: list[Meant], promise: Promise, random: Random) -> Any:  # noqa: ANN401 - date or time
    load, is_date = promise.contract.load, column.type.kind is Kind.DATE
    end = promise.day if is_date else datetime.combine(promise.day, time.max, UTC).replace(microsecond=0)
    ceilings = [rule.given[name] for rule in rules for name in _CEILING.get(rule.spec.rule, ()) if name in rule.given]
    floors = [rule.given[name] for rule in rules for name in _FLOOR.get(rule.spec.rule, ()) if name in rule.given]
    latest = min([end, *ceilings]) if not floors or max(floors) <= end else max(floors) + timedelta(_DAYS_BACK)
    latest = min([latest, *ceilings])
    back = timedelta(0) if column.name == load.event_time else timedelta(_DAYS_BACK)
    # Times lie inside the day of the partition where they say what the row is about.
    earliest = max([latest - back - (timedelta(0) if is_date else timedelta(hours=20)), *floors])
    span = latest - earliest
    return earliest + (timedelta(random.randint(0, span.days)) if is_date else _part(span, random))


_CEILING = {"not_after": ("value",), "less_than": ("value",), "between": ("max", "exclusive_max")}
_FLOOR = {"not_before": ("value",), "greater_than": ("value",), "between": ("min", "exclusive_min")}


def _part(span: timedelta, random: Random) -> timedelta:
    return timedelta(seconds=random.randint(0, int(span.total_seconds())))
