"""Which modules are mutated, and which tests have to notice: the fastest ones that say what the module is for."""

from dataclasses import dataclass

PACKAGE, TESTS = "lakehouse_assets", "lakehouse_assets_tests"
GROUPS = ("derive", "ledger", "quarantine", "windows", "publish guard")


@dataclass(frozen=True, slots=True)
class Target:
    """A module of a group and the tests that are run against its mutants."""

    group: str
    module: str
    tests: tuple[str, ...]


def _target(group: str, module: str, *tests: str) -> Target:
    return Target(group, f"{PACKAGE}/{module}", tuple(f"{TESTS}/{test}" for test in tests))


_ENTITY, _CONTRACT = "unit/pipeline/test_entity.py", "unit/pipeline/test_entity_contract.py"
_ROWS = "unit/pipeline/test_entity_rows.py"
_COMMIT = tuple(f"integration/storage/test_{name}.py" for name in ("commit_log", "commit_conflicts", "commit", "fence"))

TARGETS = (
    _target("derive", "pipeline/entities/entity.py", _CONTRACT, _ENTITY),
    _target("derive", "pipeline/entities/current.py", _ROWS, _ENTITY),
    _target("derive", "pipeline/entities/history.py", _ROWS, _ENTITY),
    _target("derive", "pipeline/entities/rules.py", "unit/pipeline/test_entity_rules.py", "pipelines/test_derive.py"),
    _target("derive", "pipeline/entities/work.py", "pipelines/test_derive.py", "pipelines/test_small_passes.py"),
    _target("derive", "pipeline/entities/passes.py", "unit/pipeline/test_passes.py", "pipelines/test_derive.py"),
    _target("derive", "pipeline/entities/derivation.py", "pipelines/test_derivation.py", "pipelines/test_derive.py"),
    _target("derive", "pipeline/entities/derive.py", "pipelines/test_derive.py", "pipelines/test_small_passes.py"),
    _target(
        "ledger",
        "pipeline/split.py",
        "pipelines/test_keys.py",
        "pipelines/test_shapes.py",
    ),
    _target("ledger", "quality/gate.py", "unit/quality/test_gate.py", "unit/quality/test_verdict.py"),
    _target("quarantine", "quality/quarantine.py", "unit/quality/test_verdict.py", "pipelines/test_shapes.py"),
    _target(
        "quarantine", "pipeline/refused/release.py", "pipelines/test_release.py", "pipelines/test_replay_quarantine.py"
    ),
    _target("quarantine", "pipeline/refused/exempt.py", "pipelines/test_accepted.py", "pipelines/test_exemptions.py"),
    _target("windows", "pipeline/built_in.py", "unit/pipeline/test_built_in.py"),
    _target("windows", "pipeline/replay.py", "pipelines/test_replay.py"),
    _target("windows", "pipeline/watermark.py", "pipelines/test_watermark.py"),
    _target("publish guard", "storage/commit.py", *_COMMIT, "integration/storage/test_lost_commits.py"),
    _target("publish guard", "storage/fence.py", *_COMMIT),
    _target(
        "publish guard",
        "pipeline/publish.py",
        "pipelines/test_publish.py",
        "pipelines/test_blocked_days.py",
        "pipelines/test_derive.py",
    ),
    _target("publish guard", "pipeline/standing.py", "pipelines/test_standing_inputs.py", "pipelines/test_standing.py"),
)
