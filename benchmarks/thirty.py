"""Typed order lines with one fault for nearly each of thirty rules, what is wrong with them, and their contract."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from benchmarks.data import cyclic
from benchmarks.peers.thirty import DAY_BEGINS, KEYS, RULES, Asked, Counts, moment, named

MONEY = pl.Decimal(18, 4)
# A rule that is broken is broken by one row of so many, each rule at a place of its own.
EVERY, STEP, FIRST = 1_000, 30, 7
# Of so many rows one repeats the key of the row before; no other fault lies there.
REPEAT_EVERY, REPEATED = 10_000, {"order": 991, "line_of_invoice": 983}
LINES = 20

# What a fault writes into the column of its rule; rules that are not here hold for all rows, but are asked as well.
_WRONG: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "order_id-matches": lambda value: pl.concat_str(pl.lit("X"), value.str.slice(1)),
    "invoice_id-matches": lambda value: pl.concat_str(pl.lit("J"), value.str.slice(1)),
    "customer_id-required": lambda _: pl.lit(None, pl.String),
    "customer_id-matches": lambda value: pl.concat_str(pl.lit("K"), value.str.slice(1)),
    "customer_id-length": lambda value: pl.concat_str(value, pl.lit("0" * 20)),
    "product_id-required": lambda _: pl.lit(None, pl.String),
    "product_id-matches": lambda value: pl.concat_str(pl.lit("Q"), value.str.slice(1)),
    "product_id-length": lambda value: value.str.slice(0, 4),
    "quantity-required": lambda _: pl.lit(None, pl.Int32),
    "quantity-between": lambda _: pl.lit(0, pl.Int32),
    "quantity-not_in_set": lambda _: pl.lit(13, pl.Int32),
    "unit_price-required": lambda _: pl.lit(None, MONEY),
    "unit_price-between": lambda value: -value,
    "discount-between": lambda _: pl.lit(1.5),
    "amount-required": lambda _: pl.lit(None, MONEY),
    "amount-between": lambda value: -value,
    "line-between": lambda value: value + 100,
    "currency-required": lambda _: pl.lit(None, pl.String),
    "currency-in_set": lambda _: pl.lit("XXX"),
    "status-in_set": lambda _: pl.lit("lost"),
    "channel-in_set": lambda _: pl.lit("fax"),
    "country-length": lambda value: pl.concat_str(value, pl.lit("R")),
    "email-matches": lambda value: value.str.replace("@", " at "),
    "ordered_at-required": lambda _: pl.lit(None, pl.Datetime("us", "UTC")),
    "ordered_at-not_before": lambda value: value.dt.offset_by("-1d"),
    "ordered_at-not_after": lambda value: value.dt.offset_by("2d"),
    # The other column is what is wrong: this one has bounds of its own.
    "ordered_at-compare_columns": lambda value: value,
}
# So that an order of two days later is still no later than it was shipped.
_SHIPPED_AFTER, _SHIPPED_BEFORE = "5d", "-1h"


def fault_places() -> dict[str, int]:
    """Return at which of a thousand rows each rule is broken that is broken at all."""
    broken = [rule.id for rule in RULES if rule.id in _WRONG]
    return {name: FIRST + STEP * number for number, name in enumerate(broken)}


def truth(rows: int) -> Counts:
    """Return how many of `rows` rows break each rule and are members of a repeated key, without any engine."""
    counts = {name: len(range(place, rows, EVERY)) for name, place in fault_places().items()}
    keys = {name: 2 * len(range(place, rows, REPEAT_EVERY)) for name, place in REPEATED.items()}
    return named(counts | keys)


def order_lines(rows: int) -> pl.LazyFrame:
    """Return the lines with their faults, in the types of their contract."""
    number = pl.col("n")
    frame = _clean(rows)
    for name, place in fault_places().items():
        column = name.partition("-")[0]
        wrong = pl.when(number % EVERY == place).then(_WRONG[name](pl.col(column))).otherwise(pl.col(column))
        frame = frame.with_columns(wrong.alias(column))
    too_early = number % EVERY == fault_places()["ordered_at-compare_columns"]
    shipped = pl.when(too_early).then(pl.col("ordered_at").dt.offset_by(_SHIPPED_BEFORE))
    frame = frame.with_columns(shipped.otherwise(pl.col("shipped_at")).alias("shipped_at"))
    for name, place in REPEATED.items():
        last = KEYS[name][-1]
        again = pl.when(number % REPEAT_EVERY == place).then(pl.col(last).shift(1)).otherwise(pl.col(last))
        frame = frame.with_columns(again.alias(last))
    return frame.drop("n", "x")


def _clean(rows: int) -> pl.LazyFrame:
    number, x = pl.col("n"), pl.col("x")
    price = (x % 50_000 + 100).cast(MONEY) / pl.lit(100).cast(MONEY)
    begins = pl.lit(moment(DAY_BEGINS)).dt.cast_time_unit("us")
    ordered = begins + pl.duration(seconds=x % 86_400)
    typed = cyclic(rows).with_columns(
        order_id=_padded("O", number, 9),
        invoice_id=_padded("I", number // LINES, 8),
        line=(number % LINES + 1).cast(pl.Int32),
        customer_id=_padded("C", x % 200_000, 7),
        product_id=_padded("P", x // 7 % 5_000, 5),
        quantity=(x % 12 + 1).cast(pl.Int32),
        unit_price=price.cast(MONEY),
        discount=(x % 10).cast(pl.Float64) / 20,
        currency=_one_of(x, "EUR", "USD", "GBP"),
        status=_one_of(x // 3, "pending", "shipped", "delivered"),
        channel=_one_of(x // 9, "web", "shop", "phone"),
        country=_one_of(x // 27, "GB", "FR", "DE"),
        email=pl.format("customer{}@example.com", x % 200_000),
        ordered_at=ordered,
        shipped_at=ordered.dt.offset_by(_SHIPPED_AFTER),
    )
    amount = (pl.col("unit_price") * pl.col("quantity").cast(pl.Decimal(18, 0))).cast(MONEY)
    return typed.with_columns(amount=amount)


def _padded(letter: str, value: pl.Expr, width: int) -> pl.Expr:
    return pl.format("{}{}", pl.lit(letter), value.cast(pl.String).str.zfill(width))


def _one_of(x: pl.Expr, one: str, two: str, three: str) -> pl.Expr:
    return pl.when(x % 3 == 0).then(pl.lit(one)).when(x % 3 == 1).then(pl.lit(two)).otherwise(pl.lit(three))


_TYPES = {
    **dict.fromkeys(("order_id", "invoice_id", "customer_id", "product_id"), ("string", "string")),
    **dict.fromkeys(("currency", "status", "channel", "country", "email"), ("string", "string")),
    **dict.fromkeys(("line", "quantity"), ("integer", "integer")),
    **dict.fromkeys(("unit_price", "amount"), ("number", "decimal(18,4)")),
    **dict.fromkeys(("ordered_at", "shipped_at"), ("timestamp", "timestamp")),
    "discount": ("number", "double"),
}


def write_contract(path: Path) -> None:
    """Write the contract that promises all of it; JSON is YAML."""
    properties = [
        {"name": name, "logicalType": logical, "physicalType": physical, "transformLogic": "generated"}
        for name, (logical, physical) in _TYPES.items()
    ]
    rules = [_declared(rule.id, rule.rule, _arguments(rule)) for rule in RULES]
    keys = [_declared(name, "unique", {"columns": list(columns)}) for name, columns in KEYS.items()]
    load = {"property": "lakehouse.load", "value": {"mode": "partition"}}
    table = {
        "name": "lines",
        "physicalName": "silver.lines",
        "logicalType": "object",
        "properties": properties,
        "quality": [*rules, *keys],
        "customProperties": [load],
    }
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "silver.lines",
        "name": "lines",
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "Order lines of the benchmark."},
        "schema": [table],
        "team": {"name": "bench", "members": [{"username": "bench@example.com", "role": "owner"}]},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contract, indent=1))


def _arguments(rule: Asked) -> dict[str, object]:
    return {"column": rule.column, **rule.arguments}


def _declared(name: str, rule: str, arguments: Mapping[str, object]) -> dict[str, object]:
    implementation = {"rule": rule, **arguments}
    return {"id": name, "type": "custom", "engine": "lakehouse", "implementation": implementation}
