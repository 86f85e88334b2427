"""How many rules each table declares in each dimension."""

from dataclasses import replace

from lakehouse_assets.contracts.covered import covered
from lakehouse_assets.contracts.model import Catalog, Contract, RuleKind, RuleSpec
from lakehouse_assets.results import Dimension, OnFailure, Severity
from lakehouse_assets_tests.builders import bare_contract


def promising(table: str, *dimensions: Dimension) -> Contract:
    rules = tuple(
        RuleSpec(f"r{number}", "r", RuleKind.ROW, dimension, Severity.ERROR, OnFailure.BLOCK, "f")
        for number, dimension in enumerate(dimensions)
    )
    return replace(bare_contract(table), rules=rules)


def catalog(*contracts: Contract) -> Catalog:
    return Catalog({contract.table: contract for contract in contracts})


def test_rules_are_counted_by_the_words_shown_to_people() -> None:
    (found,) = covered(catalog(promising("silver/orders", Dimension.COVERAGE, Dimension.COMPLETENESS)))

    assert found.by_dimension == {
        "Completeness": 2,
        "Uniqueness": 0,
        "Validity": 0,
        "Accuracy": 0,
        "Consistency": 0,
        "Timeliness": 0,
    }


def test_every_table_is_there_in_order_also_one_without_rules() -> None:
    found = covered(catalog(promising("silver/orders"), promising("gold/sales", Dimension.ACCURACY)))

    assert [(one.table, one.rules) for one in found] == [("gold/sales", 1), ("silver/orders", 0)]
