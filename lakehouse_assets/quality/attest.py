"""The attestation: every declared rule with its outcome, so that a rule nobody ran cannot look like one that passed."""

import hashlib
from collections.abc import Sequence

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.quality.judge import result_of
from lakehouse_assets.results import Dimension, OnFailure, Outcome, RuleResult, Severity

RULES_EXECUTED = "rules_executed"
_FINGERPRINT = hashlib.sha256(RULES_EXECUTED.encode()).hexdigest()


def attest(declared: Sequence[RuleSpec], results: Sequence[RuleResult]) -> tuple[RuleResult, ...]:
    """Return the results, `not_run` for every declared rule without one, and whether all rules were executed.

    A declaration is executed by a result of the same id and fingerprint: an outcome of yesterday's rule is none.
    """
    judged = {(result.rule_id, result.fingerprint) for result in results}
    missing = [spec for spec in declared if (spec.id, spec.fingerprint) not in judged]
    complete = (*results, *(result_of(spec, Outcome.NOT_RUN, reason="declared, but not executed") for spec in missing))
    return (*complete, _executed(complete))


def _executed(results: Sequence[RuleResult]) -> RuleResult:
    idle = [result.rule_id for result in results if result.outcome is Outcome.NOT_RUN]
    return RuleResult(
        rule_id=RULES_EXECUTED,
        fingerprint=_FINGERPRINT,
        dimension=Dimension.COVERAGE,
        severity=Severity.CRITICAL,
        on_failure=OnFailure.BLOCK,
        outcome=Outcome.FAIL if idle else Outcome.PASS,
        failed_rows=len(idle),
        checked_rows=len(results),
        reason=f"{len(results) - len(idle)} of {len(results)} declared rules were executed" if idle else "",
    )
