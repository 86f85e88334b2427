"""dataframely: a schema with its rules, filtered; its counts of failures are the answer."""

from pathlib import Path

import dataframely as dy
import polars as pl

from benchmarks.peers.thirty import (
    DAY_BEGINS,
    DAY_ENDS,
    KEYS,
    LENGTHS,
    NEVER_SOLD,
    PATTERNS,
    RANGES,
    REQUIRED,
    RULES,
    SETS,
    Counts,
    count,
    moment,
)


class Lines(dy.Schema):
    """The contract."""

    order_id = dy.String(primary_key=True, regex=f"^{PATTERNS['order_id']}$")
    invoice_id = dy.String(nullable=False, regex=f"^{PATTERNS['invoice_id']}$")
    line = dy.Int32(nullable=False, min=RANGES["line"][0], max=int(RANGES["line"][1]))
    customer_id = dy.String(
        nullable=False,
        regex=f"^{PATTERNS['customer_id']}$",
        min_length=LENGTHS["customer_id"][0],
        max_length=LENGTHS["customer_id"][1],
    )
    product_id = dy.String(
        nullable=False,
        regex=f"^{PATTERNS['product_id']}$",
        min_length=LENGTHS["product_id"][0],
        max_length=LENGTHS["product_id"][1],
    )
    quantity = dy.Int32(
        nullable=False,
        min=RANGES["quantity"][0],
        max=int(RANGES["quantity"][1]),
        check={"not_in_set": lambda c: ~c.is_in(NEVER_SOLD)},
    )
    unit_price = dy.Decimal(18, 4, nullable=False, min=0, max=10_000)
    discount = dy.Float64(nullable=True, min=RANGES["discount"][0], max=RANGES["discount"][1])
    amount = dy.Decimal(18, 4, nullable=False, min=0, max=1_000_000)
    currency = dy.String(nullable=False, check=lambda c: c.is_in(SETS["currency"]))
    status = dy.String(nullable=True, check=lambda c: c.is_in(SETS["status"]))
    channel = dy.String(nullable=True, check=lambda c: c.is_in(SETS["channel"]))
    country = dy.String(nullable=True, min_length=LENGTHS["country"][0], max_length=LENGTHS["country"][1])
    email = dy.String(nullable=True, regex=f"^{PATTERNS['email']}$")
    ordered_at = dy.Datetime(
        nullable=False, time_unit="us", time_zone="UTC", min=moment(DAY_BEGINS), max=moment(DAY_ENDS)
    )
    shipped_at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")

    @dy.rule()
    def compared(cls) -> pl.Expr:  # noqa: N805 - its decorator makes a class method of it
        """No order is later than its shipping."""
        return pl.col("ordered_at") <= pl.col("shipped_at")

    @dy.rule()
    def line_of_invoice(cls) -> pl.Expr:  # noqa: N805 - its decorator makes a class method of it
        """Line numbers of an invoice differ."""
        return ~pl.struct(KEYS["line_of_invoice"]).is_duplicated()


def work(source: Path) -> tuple[Counts, str]:
    """Filter; `counts` leaves out what nothing failed."""
    _, failure = Lines.filter(pl.scan_parquet(source))
    return _named(failure.counts()), dy.__version__


def _named(found: Counts) -> dict[str, int]:
    """Return counts by the ids of rules; a length or range is told as a lower and an upper bound."""
    told = {"primary_key": "order", "line_of_invoice": "line_of_invoice", "compared": "ordered_at-compare_columns"}
    told |= {f"{name}|nullability": f"{name}-required" for name in REQUIRED}
    told |= {f"{name}|regex": f"{name}-matches" for name in PATTERNS}
    told |= {f"{name}|{end}_length": f"{name}-length" for name in LENGTHS for end in ("min", "max")}
    told |= {f"{name}|{end}": f"{name}-between" for name in RANGES for end in ("min", "max")}
    told |= {f"{name}|check": f"{name}-in_set" for name in SETS}
    told |= {"quantity|check__not_in_set": "quantity-not_in_set"}
    told |= {"ordered_at|min": "ordered_at-not_before", "ordered_at|max": "ordered_at-not_after"}
    counts = dict.fromkeys([*(rule.id for rule in RULES), *KEYS], 0)
    for name, failed in found.items():
        counts[told.get(name, name)] = counts.get(told.get(name, name), 0) + failed
    return counts


if __name__ == "__main__":
    count(work)
