"""Rules that Spark refuses at once, before it computes anything: they are errors in their place, not a crash."""

from typing import TYPE_CHECKING

import narwhals as nw
import pytest

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.engines.spark_engine import SparkEngine
from lakehouse_assets.quality.judge import RowRule, isolate
from lakehouse_assets.results import Dimension, OnFailure, Severity

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(900)]


def test_a_rule_that_takes_numbers_for_truths_is_found_among_sound_ones(spark_classic: "SparkSession") -> None:
    frame: nw.LazyFrame = nw.from_native(spark_classic.createDataFrame([(1,), (2,)], "amount long"))
    what = (Dimension.CONFORMITY, Severity.ERROR, OnFailure.QUARANTINE)
    spec = RuleSpec("amount.between", "between", RuleKind.ROW, *what, "fp", "amount", {})
    rules = [RowRule(spec, nw.col("amount") > 1), RowRule(spec, nw.col("amount") & nw.col("amount"))]

    sound, broken = isolate(frame, rules, SparkEngine(spark_classic).collect)

    assert sound.error == ""
    assert broken.error.startswith("the rule raised ")
