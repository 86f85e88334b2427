"""Public data of which a corrected copy exists: contracts that never saw it flag what it corrects, cell by cell."""

from collections.abc import Mapping

import pytest

from lakehouse_assets_tests.evidence.measure import Measured, Score, measure
from lakehouse_assets_tests.evidence.page import REPORT, page
from lakehouse_assets_tests.tiers import KNOWN_TRUTH

pytestmark = [pytest.mark.integration, pytest.mark.known_truth]

# Counted in the files by others, before there was any of this.
WRONG = {"hospital": 509, "beers": 4_362}
ENOUGH = {"hospital": 0.95, "beers": 0.98}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Measured]:
    return measure(KNOWN_TRUTH, tmp_path_factory.mktemp("truth"))


@pytest.mark.parametrize("name", WRONG)
def test_the_corrected_copy_says_how_many_cells_are_wrong(measured: Mapping[str, Measured], name: str) -> None:
    assert measured[name].total.wrong == WRONG[name]


@pytest.mark.parametrize("name", WRONG)
def test_the_rules_flag_what_is_wrong_and_little_else(measured: Mapping[str, Measured], name: str) -> None:
    total = measured[name].total

    assert total.precision >= 0.9
    assert total.f1 >= ENOUGH[name]


def test_the_page_says_what_was_measured(measured: Mapping[str, Measured]) -> None:
    assert REPORT.read_text(encoding="utf-8") == page(measured), "`make evidence` writes it"


def test_scores_are_the_shares_they_are_called() -> None:
    score = Score(wrong=4, flagged=2, found=1)

    assert (score.precision, score.recall) == (0.5, 0.25)
    assert score.f1 == pytest.approx(1 / 3)


def test_rules_that_flag_nothing_score_nothing() -> None:
    assert Score(wrong=3, flagged=0, found=0).f1 == 0
