"""Results and errors that cross between processes arrive as what they were."""

import json
from dataclasses import replace

import pytest

from lakehouse_assets import errors
from lakehouse_assets.errors import ConfigError, LakehouseError, LostCommitsError, SourceError, StorageError
from lakehouse_assets.pipeline.messages import error_as_data, error_of, result_as_data, result_of
from lakehouse_assets.results import (
    AppliedExemption,
    DriftEvent,
    PartitionResult,
    Severity,
    SourceObject,
)
from lakehouse_assets_tests.builders import partition_record, rule_result


def over_the_wire(data: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(data))
    return found


def test_a_result_arrives_with_every_part_of_its_record() -> None:
    record = replace(
        partition_record("2026-01-05", rule_result("amount.between", failed_rows=1), read=5, quarantined=1),
        objects=(SourceObject("2026-01-05.csv", 12, "aa"),),
        low_score=Severity.WARNING,
        exemptions=(AppliedExemption("waiver", ("amount.between",), "ann", "seen before", "2026-02-01"),),
        drift=(DriftEvent("renamed", renamed=(("old", "new"),), where="bronze/shop/orders"),),
    )
    sent = PartitionResult("silver/orders", "2026-01-05", "published", "p1", record, 3, 1.5, "")

    assert result_of(over_the_wire(result_as_data(sent))) == sent


@pytest.mark.parametrize(
    "kind", [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, StorageError)]
)
def test_an_error_of_storage_arrives_as_its_own_class_because_that_decides_about_retries(
    kind: type[StorageError],
) -> None:
    sent = kind("the log is damaged.", where="silver/orders", fix="Restore it.")

    found = error_of(over_the_wire(error_as_data(sent)))

    assert type(found) is kind
    assert str(found) == str(sent)


def test_an_error_of_a_source_keeps_its_code() -> None:
    sent = SourceError("throttled", "the source asked to wait.", where="crm", fix="Run again.")

    found = error_of(over_the_wire(error_as_data(sent)))

    assert isinstance(found, SourceError)
    assert (found.code, str(found)) == ("throttled", str(sent))


def test_an_error_that_is_made_differently_arrives_as_its_sentence() -> None:
    sent = ConfigError(["config/base.yaml:1 is wrong"])

    found = error_of(over_the_wire(error_as_data(sent)))

    assert type(found) is LakehouseError
    assert str(found) == str(sent)


def test_other_messages_are_neither_results_nor_errors() -> None:
    assert result_of({"rows": 3}) is None
    assert error_of({"rows": 3}) is None
    assert result_of(error_as_data(LostCommitsError("gone."))) is None
