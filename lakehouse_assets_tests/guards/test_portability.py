"""Transforms and rules hold nothing that engines read differently, and the lint that says so finds what it must."""

import pytest

from lakehouse_assets_tests.portability import CASTS, METHODS, check_rooms, check_source

REFUSED = {
    "import polars as pl": "import polars",
    "from pyspark.sql import functions": "import pyspark.sql",
    "rows.join_asof(rates, on='day')": ".join_asof()",
    "nw.col('a').filter(nw.col('b') > 0).sum()": ".filter(…).sum()",
    "nw.col('a').n_unique().over('b')": ".n_unique().over()",
    "nw.col('a').str.replace('x', 'y')": ".replace()",
    "nw.col('a').replace_strict({1: 2})": ".replace_strict()",
    "nw.col('a').dt.weekday()": ".weekday()",
    "nw.col('a').round(2)": ".round()",
    "rows.drop_nulls('a')": ".drop_nulls()",
    "rows.to_native()": ".to_native()",
    "nw.col('a').dt.offset_by('1d')": ".offset_by()",
    "nw.col('a').dt.truncate('15m')": ".truncate() to several units",
    "nw.col('a').str.strip_chars()": ".strip_chars()",
    "nw.col('a').cast(nw.String)": ".cast(nw.String)",
    "nw.col('a').cast(nw.String())": ".cast(nw.String)",
    r"nw.col('a').str.contains(r'^\d+\z')": r"\d in a pattern",
    r"nw.col('a').str.contains(r'\W')": r"\w in a pattern",
    "nw.col('a').str.contains('^a$')": "$ in a pattern",
    "nw.col('a').str.replace_all('a(?=b)', '')": "look-around or a back-reference in a pattern",
    "nw.col('a').is_null().sum()": "sum of truths",
    "(nw.col('a') > 1).sum()": "sum of truths",
    "(~nw.col('a')).mean()": "mean of truths",
    "nw.when(nw.col('b') > 0).then(nw.col('a')).otherwise(0).sum()": ".sum() of whatever comes",
    "nw.col('a') * nw.col('b')": "a product of columns",
    "reduce(operator.mul, columns)": "operator.mul",
    "nw.col('a').max().first()": ".first()",
}
ALLOWED = [
    "import narwhals as nw",
    "nw.when(nw.col('b') > 0).then(nw.col('a')).otherwise(0).cast(nw.Int64).sum()",
    "nw.col('amount').sum()  # portable: a decimal",
    "nw.col('a').dt.offset_by('1d').cast(nw.Date)",
    "nw.col('a').dt.truncate('1h')",
    "nw.col('a').str.strip_chars(kit.BLANKS)",
    r"nw.col('a').str.contains(r'^[0-9]+\z')",
    r"nw.col('a').str.contains(r'\$')",
    "nw.col('a').str.replace_all('$', '', literal=True)",
    "nw.col('a').is_null().cast(nw.Int64).sum()",
    "nw.col('a') * 100",
    "def rate(max): return nw.col('a') * max",
    "kit.rounded_product(nw.col('a'), nw.col('b'), 4)",
    "kit.as_of(rows, rates, by=['currency'], on='day', take=['rate'])",
    "nw.col('a') * nw.col('b')  # portable: both are whole numbers",
]


def test_transforms_and_rules_are_portable() -> None:
    assert [str(finding) for finding in check_rooms()] == []


@pytest.mark.parametrize(("source", "construct"), REFUSED.items(), ids=REFUSED.values())
def test_what_engines_read_differently_is_found_with_its_portable_spelling(source: str, construct: str) -> None:
    (finding,) = check_source(source)

    assert finding.construct == construct
    assert finding.instead in str(finding)


@pytest.mark.parametrize("source", ALLOWED)
def test_what_engines_read_alike_is_let_through(source: str) -> None:
    assert check_source(source) == []


def test_a_reason_that_says_nothing_is_none() -> None:
    assert check_source("nw.col('a').round(2)  # portable:")


def test_every_method_has_a_portable_spelling() -> None:
    assert all({**METHODS, **CASTS}.values())
