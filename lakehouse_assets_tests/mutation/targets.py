"""Which modules are mutated, and which tests have to notice: the fastest ones that say what the module is for."""

from dataclasses import dataclass

PACKAGE, TESTS = "lakehouse_assets", "lakehouse_assets_tests"
GROUPS = ("ledger", "quarantine", "windows", "publish guard")


@dataclass(frozen=True, slots=True)
class Target:
    """A module of a group and the tests that are run against its mutants."""

    group: str
    module: str
    tests: tuple[str, ...]


def _target(group: str, module: str, *tests: str) -> Target:
    return Target(group, f"{PACKAGE}/{module}", tuple(f"{TESTS}/{test}" for test in tests))


TARGETS = (
    _target(
        "ledger",
        "pipeline/split.py",
        "pipelines/test_shapes.py",
        "pipelines/test_keys.py",
        "pipelines/test_conservation.py",
        "pipelines/test_second_run.py",
    ),
    _target("quarantine", "quality/quarantine.py", "pipelines/test_shapes.py", "pipelines/test_conservation.py"),
    _target("windows", "pipeline/built_in.py", "unit/pipeline/test_built_in.py"),
    _target("publish guard", "storage/commit.py", "integration/storage"),
    _target(
        "publish guard",
        "pipeline/publish.py",
        "pipelines/test_second_run.py",
        "pipelines/test_blocked_days.py",
        "pipelines/test_races.py",
    ),
)
