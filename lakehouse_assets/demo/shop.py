"""A small web shop, simulated day by day: what its till knows to be true. Same seed, same shop, to the last line.

What is wrong with the files it exports is planted in `dirt`, never here.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from lakehouse_assets.demo.catalogue import COUNTRIES, Product, build_products

SEED = 20111125
CENT = Decimal("0.01")
_GUEST_SHARE, _CANCELLED_SHARE, _SCANNED_TWICE_SHARE = 0.12, 0.05, 0.007
_NOTES = ("damaged", "found", "?", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice as the till knows it; `customer_id` is empty for guests, prices are in pounds."""

    invoice_no: str
    stock_code: str
    description: str
    quantity: int
    invoiced_at: datetime
    unit_price: Decimal
    customer_id: str
    country: str

    @property
    def amount(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account; `weight` is how often they come."""

    id: str
    country: str
    weight: float


class Shop:
    """The shop between two days. `trade` must be called for its days in order."""

    def __init__(self, seed: int = SEED) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - a simulation must be repeatable
        self._products = build_products(self._chance)
        self._customers = self._build_customers(640)
        self._next_invoice = 578_001
        self._cancellable: list[Line] = []

    def trade(self, day: date) -> list[Line]:
        """Return every line the till booked on `day`, in the order of booking."""
        busy = {4: 1.25, 6: 0.62}.get(day.weekday(), 1.0)
        wanted = int(self._chance.uniform(1050, 1400) * busy)
        lines: list[Line] = []
        clock = datetime.combine(day, time(7, 40), UTC)
        while len(lines) < wanted:
            clock += timedelta(minutes=self._chance.expovariate(1 / 9))
            booked = min(clock, datetime.combine(day, time(20, 30), UTC)).replace(second=0, microsecond=0)
            lines += self._document(booked)
        lines += self._end_of_day(datetime.combine(day, time(20, 31), UTC))
        return lines

    def _document(self, at: datetime) -> list[Line]:
        if self._cancellable and self._chance.random() < _CANCELLED_SHARE:
            return [self._cancellation(at)]
        order = list(self._order(at))
        self._cancellable.append(self._chance.choice(order))
        return order

    def _order(self, at: datetime) -> Iterator[Line]:
        customer = self._chance.choices(self._customers, [one.weight for one in self._customers])[0]
        is_guest = customer.country == "United Kingdom" and self._chance.random() < _GUEST_SHARE * 2
        number = self._number()
        size = 1 + min(60, int(self._chance.lognormvariate(2.2, 0.9)))
        for product in self._chance.choices(self._products, [one.weight for one in self._products], k=size):
            buyer = "" if is_guest else customer.id
            line = self._sale(number, product, at, customer=buyer, country=customer.country)
            yield line
            if self._chance.random() < _SCANNED_TWICE_SHARE:
                yield line
        if customer.country != "United Kingdom":
            price = Decimal(self._chance.choice((15, 18, 28, 40)))
            yield Line(number, "POST", "POSTAGE", 1, at, price, customer.id, customer.country)

    def _sale(self, number: str, product: Product, at: datetime, *, customer: str, country: str) -> Line:
        quantity = self._chance.choice((1, 1, 1, 2, 2, 3, 4, 6, 6, 8, 10, 12, 12, 24, 48))
        price = product.price if customer else (product.price * Decimal("1.18")).quantize(CENT)
        return Line(number, product.code, product.name, quantity, at, price, customer, country)

    def _cancellation(self, at: datetime) -> Line:
        sold = self._cancellable.pop(self._chance.randrange(len(self._cancellable)))
        back = -self._chance.randint(1, sold.quantity)
        return replace(sold, invoice_no=f"C{self._number()}", quantity=back, invoiced_at=at)

    def _end_of_day(self, at: datetime) -> Iterator[Line]:
        """Stock that was found or lost, and what marketplaces keep on Fridays: no sales, yet lines of the export."""
        for product in self._chance.sample(self._products, k=self._chance.randint(2, 5)):
            note, quantity = self._chance.choice(_NOTES), self._chance.choice((-24, -12, -6, -1, 4, 30))
            yield Line(self._number(), product.code, note, quantity, at, Decimal(0), "", "United Kingdom")
        if at.weekday() == 4:  # noqa: PLR2004 - Friday
            fee = Decimal(self._chance.randint(4_000, 19_000)) * CENT
            yield Line(f"C{self._number()}", "AMAZONFEE", "AMAZON FEE", -1, at, fee, "", "United Kingdom")

    def _number(self) -> str:
        self._next_invoice += 1
        return str(self._next_invoice)

    def _build_customers(self, count: int) -> Sequence[Customer]:
        countries = self._chance.choices(list(COUNTRIES), list(COUNTRIES.values()), k=count)
        ids = self._chance.sample(range(12_346, 18_288), k=count)
        return [
            Customer(str(number), country, self._chance.paretovariate(1.6))
            for number, country in zip(ids, countries, strict=True)
        ]
