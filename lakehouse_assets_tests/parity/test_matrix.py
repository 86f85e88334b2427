"""The libraries still answer what they answered when the kit and the lint were made for their differences."""

import pytest

from lakehouse_assets_tests.parity.cases import on_polars, on_spark
from lakehouse_assets_tests.parity.matrix import EQUAL, MISSING, answers, verdict
from lakehouse_assets_tests.parity.matrix_answers import ANSWERS

ENGINES = [
    "sail",
    pytest.param("spark_classic", marks=pytest.mark.spark),
]


@pytest.mark.parametrize("name", ENGINES)
def test_every_operation_compares_with_polars_as_it_did(name: str, request: pytest.FixtureRequest) -> None:
    missing = [operation for operation, said in ANSWERS[name].items() if said == MISSING]
    there = answers(on_polars(), missing)
    here = answers(on_spark(name, request.getfixturevalue(name)), missing)

    found = {operation: verdict(there[operation], here[operation]) for operation in there}

    assert {operation: said for operation, said in found.items() if said != EQUAL} == ANSWERS[name]


def test_there_are_more_than_two_hundred_operations_and_answers_only_about_them() -> None:
    names = answers(on_polars(), ()).keys()

    assert len(names) > 200
    assert all(those.keys() <= names for those in ANSWERS.values())
