"""Mistakes that exports make, planted on purpose and counted: one entry a rule of the contract that must find it.

Pure: rows in, rows out. Which mistake happens on which day is `story`; whether all were found is `check`.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from lakehouse_assets.demo.shop import Line

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
Row = list[str]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What happens to one row. `rules` are the ids that must report it, `what` says it to a person."""

    what: str
    rules: tuple[str, ...]
    spoil: Callable[[Row], Row]


@dataclass(slots=True)
class Planted:
    """What was put wrong on purpose, counted while it was done.

    `bad_rows` must end in quarantine and `lost_amount` with them; `rules` counts rows by the id of the rule that must
    report them. `rejected` counts files by the code they must be refused with, `blocked` holds days by the rule that
    must keep them back, `low_scores` days whose score must be too low, `late_rows` come one day late,
    `repeated_rows` in a file that was sent twice.
    """

    bad_rows: int = 0
    lost_amount: Decimal = Decimal(0)
    rules: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    blocked: dict[str, str] = field(default_factory=dict)
    low_scores: set[str] = field(default_factory=set)
    unknown_columns: set[str] = field(default_factory=set)
    late_rows: int = 0
    repeated_rows: int = 0


def _set(column: str, value: str) -> Callable[[Row], Row]:
    place = COLUMNS.index(column)
    return lambda row: [*row[:place], value, *row[place + 1 :]]


def _change(column: str, change: Callable[[str], str]) -> Callable[[Row], Row]:
    place = COLUMNS.index(column)
    return lambda row: [*row[:place], change(row[place]), *row[place + 1 :]]


MISTAKES: Mapping[str, Mistake] = {
    "words": Mistake("a quantity in words", ("quantity.parse",), _set("Quantity", "a dozen")),
    "overflow": Mistake("a quantity beyond all integers", ("quantity.overflow",), _set("Quantity", "99999999999")),
    "too_many": Mistake(
        "a quarter of a million units", ("quantity.between", "quantity_is_plausible"), _set("Quantity", "250000")
    ),
    "nothing": Mistake("a line about nothing", ("quantity_is_not_zero",), _set("Quantity", "0")),
    "comma": Mistake(
        "a decimal comma",
        ("unit_price.parse",),
        _change("UnitPrice", lambda text: text.replace(".", ",")),
    ),
    "negative": Mistake("a negative price", ("unit_price.between",), _change("UnitPrice", lambda text: f"-{text}")),
    "british_date": Mistake(
        "a date in another format",
        ("invoiced_at.parse",),
        _change("InvoiceDate", lambda text: f"{text[8:10]}/{text[5:7]}/{text[:4]} {text[11:16]}"),
    ),
    "next_year": Mistake(
        "a clock one year ahead",
        ("booked_by_the_end_of_the_day", "too_early"),
        _change("InvoiceDate", lambda text: f"{int(text[:4]) + 1}{text[4:]}"),
    ),
    "journal": Mistake(
        "a journal entry among the sales", ("invoice_no.matches",), _change("InvoiceNo", lambda number: f"A{number}")
    ),
    "no_invoice": Mistake("no invoice number", ("invoice_no.required",), _set("InvoiceNo", "")),
    "no_product": Mistake("no stock code", ("stock_code.required", "stock_code_is_known"), _set("StockCode", "")),
    "no_country": Mistake("no country", ("country.required",), _set("Country", "")),
    "no_account": Mistake("a word instead of an account", ("customer_id.matches",), _set("CustomerID", "guest")),
    "lost_sign": Mistake(
        "a return that is no cancellation",
        ("sign_fits_document",),
        _change("Quantity", lambda text: f"-{text}"),
    ),
    "torn": Mistake("a record that breaks off", ("well_formed",), lambda row: row[:5]),
    "shifted": Mistake("a record with a field too many", ("well_formed",), lambda row: [*row[:3], "", *row[3:]]),
}


def to_rows(lines: Sequence[Line]) -> list[Row]:
    """Return lines as the shop's export writes them: identifiers as 17850.0, prices without trailing zeros."""
    return [
        [
            line.invoice_no,
            line.stock_code,
            line.description,
            str(line.quantity),
            line.invoiced_at.strftime("%Y-%m-%d %H:%M:%S"),
            _price(line.unit_price),
            f"{line.customer_id}.0" if line.customer_id else "",
            line.country,
        ]
        for line in lines
    ]


def plant(planted: Planted, lines: Sequence[Line], wanted: Mapping[str, int], chance: random.Random) -> list[Row]:
    """Return the rows of an export in which each mistake was made `wanted` times, and count them in `planted`.

    Only plain sales are spoiled, each at most once, so that every count can be predicted.
    """
    rows = to_rows(lines)
    sales = [number for number, line in enumerate(lines) if _is_plain_sale(line)]
    chosen = iter(chance.sample(sales, k=sum(wanted.values())))
    for name, count in wanted.items():
        for number in (next(chosen) for _ in range(count)):
            rows[number] = MISTAKES[name].spoil(rows[number])
            planted.bad_rows += 1
            planted.lost_amount += lines[number].amount
            planted.rules.update(MISTAKES[name].rules)
    return rows


def _is_plain_sale(line: Line) -> bool:
    return line.quantity > 0 and line.unit_price > 0 and line.stock_code != "POST" and "." in _price(line.unit_price)


def _price(price: Decimal) -> str:
    text = f"{price.normalize():f}"
    return text if "." in text else f"{text}.0"
