"""The benchmark of thirty rules counts what its generator planted, tells who counts otherwise, and draws a page."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures.judged import difference
from benchmarks.page_judged import judged_part
from benchmarks.peers.thirty import DAY_BEGINS, DAY_ENDS, EMAIL, KEYS, RULES, moment
from benchmarks.thirty import fault_places, order_lines, truth
from benchmarks.workloads import judge30

ROWS = 20_000
Row = dict[str, Any]


def _broken(rule: str, column: str, given: dict[str, Any]) -> Callable[[Row], bool]:
    """Return whether a row breaks a rule, in plain Python; a null breaks only that it is asked for."""
    claims: dict[str, Callable[[Any], bool]] = {
        "matches": lambda value: re.fullmatch(given["pattern"], value) is not None,
        "length": lambda value: given["min"] <= len(value) <= given["max"],
        "between": lambda value: given["min"] <= value <= given["max"],
        "in_set": lambda value: value in given["values"],
        "not_in_set": lambda value: value not in given["values"],
        "not_before": lambda value: value >= moment(DAY_BEGINS),
        "not_after": lambda value: value <= moment(DAY_ENDS),
    }
    if rule == "required":
        return lambda row: row[column] is None
    if rule == "compare_columns":
        return lambda row: None not in (row[column], row["shipped_at"]) and row[column] > row["shipped_at"]
    return lambda row: row[column] is not None and not claims[rule](row[column])


def test_there_are_thirty_rules_and_two_keys() -> None:
    assert (len({rule.id for rule in RULES}), len(KEYS)) == (30, 2)


def test_the_generator_knows_what_is_wrong_with_its_rows_and_no_row_breaks_two_rules() -> None:
    rows = order_lines(ROWS).collect().to_dicts()
    broken = {rule.id: _broken(rule.rule, rule.column, dict(rule.arguments)) for rule in RULES}

    found = {name: [at for at, row in enumerate(rows) if breaks(row)] for name, breaks in broken.items()}
    keys = {name: [tuple(row[column] for column in columns) for row in rows] for name, columns in KEYS.items()}
    repeats = {name: len(values) - len(set(values)) for name, values in keys.items()}

    assert {name: len(at) for name, at in found.items()} | {
        name: 2 * count for name, count in repeats.items()
    } == truth(ROWS)
    assert len({at for places in found.values() for at in places}) == sum(map(len, found.values()))
    assert len(fault_places()) == 27


def test_a_contract_and_a_select_by_hand_count_the_same(tmp_path: Path) -> None:
    judge30.prepare(tmp_path, ROWS)

    assert judge30.ours(tmp_path, ROWS) > 0
    assert judge30.plain(tmp_path, ROWS) > 0


def test_who_counts_otherwise_is_told() -> None:
    right = dict(truth(ROWS))

    assert difference(right, ROWS) == ""
    assert difference(right | {"line-between": 3}, ROWS) == "line-between: 3 instead of 20"
    assert (
        difference({name: count for name, count in right.items() if name != "order"}, ROWS) == "order: 0 instead of 4"
    )
    assert difference(right | {"other": 1}, ROWS) == "other: asked by nobody"


def _run(what: str, seconds: float, **told: object) -> Row:
    return {"what": what, "seconds": seconds, "cpu_seconds": seconds, "peak_gib": 0.5, **told}


@pytest.mark.parametrize("fault", ["", "line-between: 3 instead of 20"])
def test_the_page_has_everybody_fastest_first_and_says_who_is_wrong(fault: str) -> None:
    rounds = [
        _run("judge30 prepare 5000000", 0),
        *(_run("judge30 ours 5000000", seconds) for seconds in (3.0, 2.0, 2.5)),
        _run("judge30 plain 5000000", 2.0),
        _run("peers.pandera.thirty", 20.0, version="0.35.0", fault=fault),
        _run("peers.pointblank.thirty", 0, fault="its environment is missing: `make bench-peers`"),
    ]

    part = judged_part({"judge30_ratio": {"rounds": rounds}})

    lines = [line for line in part[""].splitlines() if line.startswith("| ")][1:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| one select by hand",
        "| this project",
        "| pandera (Polars)",
        "| pointblank",
    ]
    assert " 2.50 | 1.2 | 0.50 | right |" in lines[1]
    assert ("**wrong**: line-between" in lines[2]) is bool(fault)
    assert "its environment is missing" in lines[3]
    assert ("pandera" in part["figures/judged.svg"]) is not bool(fault)
    assert judged_part({}) == {}


def test_no_fault_lies_where_a_key_is_repeated() -> None:
    rows = order_lines(ROWS).collect()
    late = rows.filter(rows["shipped_at"] < rows["ordered_at"])

    assert late.height == truth(ROWS)["ordered_at-compare_columns"]
    assert (rows["shipped_at"] - rows["ordered_at"]).drop_nulls().max() == timedelta(days=6)
    assert re.fullmatch(EMAIL, rows["email"][0])
