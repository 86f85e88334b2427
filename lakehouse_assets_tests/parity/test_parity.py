"""Every case gives the same on Polars and on Spark: on Sail with every commit, on real Spark where Java is."""

import pytest

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets_tests.parity import (
    groups,
    invariants,
    ledgers,
    operations,
    over_time,
    parsers,
    partitions,
    queries,
    reconciled,
    rules,
    statistics,
    tables,
    windows,
)
from lakehouse_assets_tests.parity.cases import Case, Engine, differences, on_polars, on_spark
from lakehouse_assets_tests.parity.catalog import RULES
from lakehouse_assets_tests.parity.gaps import GAPS, known

CASES: tuple[Case, ...] = (
    *operations.batches(),
    *operations.wholes(),
    *parsers.wholes(),
    *rules.batches(),
    *rules.wholes(),
    *partitions.tasks(),
    queries.task(),
    *groups.tasks(),
    *over_time.tasks(),
    *reconciled.tasks(),
    *statistics.tasks(),
    *windows.batches(),
    *windows.wholes(),
    *invariants.tasks(),
    *ledgers.tasks(),
    *tables.wholes(),
)
POLARS = on_polars()
ENGINES = [
    "sail",
    pytest.param("spark_connect", marks=pytest.mark.spark),
    pytest.param("spark_classic", marks=pytest.mark.spark),
]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return on_spark(request.param, request.getfixturevalue(request.param))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_gives_what_it_gives_on_polars(engine: Engine, case: Case) -> None:
    want = POLARS.answers(case)
    assert not [said for said in want.values() if isinstance(said, str)], want

    found = differences(want, engine.answers(case))

    assert {name: said for name, said in found.items() if name not in known(engine.name, case.name)} == {}
    assert known(engine.name, case.name) <= found.keys(), "a known gap is closed: take it out of `gaps`"


def test_every_rule_has_a_case() -> None:
    names = {case.name for case in CASES}

    # Those over time look at numbers; what these are measured by is on every type.
    framed = {name for name, rule in RULES.items() if rule.signature.kind is not RuleKind.OVER_TIME}
    assert {f"rule {name}" for name in framed} <= names


def test_every_rule_over_partitions_is_judged_on_columns_of_every_type() -> None:
    names = {case.name for case in CASES}

    assert {f"{name} on every type" for name, rule in RULES.items() if rule.signature.kind is not RuleKind.ROW} <= names


def test_a_known_gap_names_a_case_and_a_reason() -> None:
    names = {case.name for case in CASES}

    assert all(gap.reason.endswith(".") and gap.answers.keys() <= names for gap in GAPS)
