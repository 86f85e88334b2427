"""Whoever is woken finds a page behind every link."""

from pathlib import Path

import pytest

from lakehouse_assets.incidents.incident import FailureClass
from lakehouse_assets.incidents.triage import default_runbook

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("failure_class", list(FailureClass))
def test_every_failure_class_has_a_runbook_that_says_where_to_look_and_how_to_fix(failure_class: FailureClass) -> None:
    page = (REPOSITORY / default_runbook(failure_class)).read_text()

    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## Look", "## Fix", "## Afterwards"]
