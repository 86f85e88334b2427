"""What the real shop's files must become, computed with the csv module and nothing of ours.

Every decision is taken from the contract's prose: accounting entries (A…) out, equal lines kept, stock movements
and fees beside revenue. One pass over 305 files, about six seconds.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

Raw = Mapping[str, str]
COUNTRIES = {"EIRE": "Ireland", "RSA": "South Africa", "USA": "United States"}
FEES = {"AMAZONFEE", "BANK CHARGES", "CRUK"}


@dataclass(frozen=True, slots=True)
class Customer:
    """Sums of one known customer."""

    orders: int
    cancellations: int
    net: Decimal
    first_order: str | None
    last_order: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """Sums of one stock code."""

    description: str | None
    descriptions: int
    sold_units: int
    net: Decimal
    first_sale: str | None
    last_sale: str | None


@dataclass(slots=True)
class Expected:
    """Row counts a day, revenue a day and country, products and customers."""

    read: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    net: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fees: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    products: dict[str, Product] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)

    @property
    def published(self) -> Counter[str]:
        """Rows of each day that readers of silver must see: equal lines are kept."""
        return Counter({day: rows - self.quarantined[day] for day, rows in self.read.items()})


def expect(drop: Path) -> Expected:
    """Return what the files in `drop` must become."""
    expected = Expected()
    kept: list[Raw] = []
    for path in sorted(drop.glob("*.csv")):
        rows = _rows(path)
        expected.read[path.stem] = len(rows)
        expected.repeated[path.stem] = len(rows) - len({tuple(row.values()) for row in rows})
        refused = [row for row in rows if row["InvoiceNo"].startswith("A")]
        expected.quarantined[path.stem] = len(refused)
        kept += [row for row in rows if not row["InvoiceNo"].startswith("A")]
    _add_days(expected, kept)
    expected.products.update(_products(kept))
    expected.customers.update(_customers(kept))
    return expected


def _rows(path: Path) -> list[Raw]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _amount(row: Raw) -> Decimal:
    return int(row["Quantity"]) * Decimal(row["UnitPrice"])


def _is_cancellation(row: Raw) -> bool:
    return row["InvoiceNo"].startswith("C")


def _is_stock_movement(row: Raw) -> bool:
    return Decimal(row["UnitPrice"]) == 0 and not row["CustomerID"] and not _is_cancellation(row)


def _is_revenue(row: Raw) -> bool:
    return row["StockCode"].upper() not in FEES and not _is_stock_movement(row)


def _key(row: Raw) -> tuple[str, str]:
    return row["InvoiceDate"][:10], COUNTRIES.get(row["Country"], row["Country"])


def _add_days(expected: Expected, rows: list[Raw]) -> None:
    for row in rows:
        key = _key(row)
        expected.net[key] += _amount(row) if _is_revenue(row) else 0
        expected.fees[key] += _amount(row) if row["StockCode"].upper() in FEES else 0
        if _is_revenue(row) and not _is_cancellation(row):
            expected.orders[key].add(row["InvoiceNo"])


def _products(rows: list[Raw]) -> Iterator[tuple[str, Product]]:
    grouped: dict[str, list[Raw]] = defaultdict(list)
    for row in rows:
        grouped[row["StockCode"].upper()].append(row)
    for code, lines in grouped.items():
        names = Counter(" ".join(row["Description"].split()) for row in lines if not _is_stock_movement(row))
        del names[""]
        revenue = [row for row in lines if _is_revenue(row)]
        sold = [row for row in revenue if not _is_cancellation(row)]
        days = sorted(row["InvoiceDate"][:10] for row in sold)
        yield (
            code,
            Product(
                description=min(names, key=lambda name: (-names[name], name)) if names else None,
                descriptions=len(names),
                sold_units=sum(int(row["Quantity"]) for row in sold),
                net=sum(map(_amount, revenue), Decimal()),
                first_sale=days[0] if days else None,
                last_sale=days[-1] if days else None,
            ),
        )


def _customers(rows: list[Raw]) -> Iterator[tuple[str, Customer]]:
    grouped: dict[str, list[Raw]] = defaultdict(list)
    for row in rows:
        if row["CustomerID"] and _is_revenue(row):
            grouped[row["CustomerID"].removesuffix(".0")].append(row)
    for customer, lines in grouped.items():
        days = sorted(row["InvoiceDate"][:10] for row in lines if not _is_cancellation(row))
        yield (
            customer,
            Customer(
                orders=len({row["InvoiceNo"] for row in lines if not _is_cancellation(row)}),
                cancellations=len({row["InvoiceNo"] for row in lines if _is_cancellation(row)}),
                net=sum(map(_amount, lines), Decimal()),
                first_order=days[0] if days else None,
                last_order=days[-1] if days else None,
            ),
        )
