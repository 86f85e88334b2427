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
_SPLIT = tuple(f"pipelines/test_{name}.py" for name in ("split", "keys", "accepted"))
_DERIVE = tuple(f"pipelines/test_{name}.py" for name in ("small_passes", "derive_work", "derive"))
# Without those that start the command line: slow, and no other word on the module.
_REPLAY = tuple(
    f"pipelines/test_replay.py::test_{name}"
    for name in (
        "a_shorter_and_corrected_file_means_what_its_source_says",
        "extracting_the_same_again_makes_no_commit",
        "asked_for_by_hand_the_source_replaces_what_landed_and_the_difference_is_told",
        "a_day_that_is_empty_now_is_told_as_withdrawn_whole",
        "a_rejected_extraction_keeps_what_landed",
        "a_past_snapshot_is_not_even_looked_at_again",
        "a_past_snapshot_is_judged_by_todays_rules_and_keeps_what_was_said_about_its_arrival",
        "days_that_are_asked_for_together_are_told_each_for_itself",
        "every_changed_row_is_told_whichever_of_its_hashes_is_greater",
        "a_past_snapshot_whose_record_is_damaged_is_published_as_it_landed",
        "of_many_rows_the_first_ids_are_listed_and_all_are_counted",
        "the_open_day_of_a_snapshot_is_extracted_as_often_as_it_runs",
        "rows_kept_of_a_state_source_keep_the_columns_they_landed_with",
        "the_ledger_of_a_union_balances_and_says_what_was_read_from_the_source",
    )
)
_RELEASE = tuple(
    f"pipelines/test_replay_quarantine.py::test_{name}"
    for name in (
        "rows_that_pass_now_are_released_into_their_own_partition",
        "withdrawals_are_refused_and_nothing_is_changed",
        "announced_withdrawals_go_into_quarantine",
        "what_became_withdrawals_after_the_rehearsal_is_refused_all_the_same",
        "a_table_without_quarantine_says_what_to_replay_instead",
    )
)
_WATERMARK = tuple(
    f"pipelines/test_watermark.py::test_{name}"
    for name in (
        "nothing_published_has_no_watermark",
        "a_table_that_is_one_partition_has_no_watermark_though_it_has_a_calendar",
        "a_table_without_gaps_is_complete_until_the_end_of_its_newest_day",
        "the_first_gap_ends_it_and_every_gap_is_named",
        "closed_days_and_the_day_that_is_not_over_are_no_gaps",
    )
)

TARGETS = (
    _target("derive", "pipeline/entities/entity.py", _CONTRACT, _ENTITY),
    _target("derive", "pipeline/entities/current.py", _ROWS, _ENTITY),
    _target("derive", "pipeline/entities/history.py", _ROWS, _ENTITY),
    _target("derive", "pipeline/entities/rules.py", "unit/pipeline/test_entity_rules.py"),
    _target("derive", "pipeline/entities/work.py", "pipelines/test_small_passes.py", "pipelines/test_derive.py"),
    _target("derive", "pipeline/entities/passes.py", "unit/pipeline/test_passes.py", "pipelines/test_small_passes.py"),
    _target("derive", "pipeline/entities/derivation.py", "pipelines/test_derivation.py"),
    _target("derive", "pipeline/entities/derive.py", *_DERIVE),
    _target("ledger", "pipeline/split.py", *_SPLIT),
    _target("ledger", "pipeline/repeats.py", "unit/pipeline/test_repeats.py", "pipelines/test_keys.py"),
    _target("ledger", "quality/gate.py", "unit/quality/test_gate.py", "unit/quality/test_verdict.py"),
    _target("quarantine", "quality/quarantine.py", "unit/quality/test_verdict.py", "pipelines/test_shapes.py"),
    _target("quarantine", "pipeline/refused/release.py", "pipelines/test_release.py", *_RELEASE),
    _target("quarantine", "pipeline/refused/exempt.py", "pipelines/test_accepted.py"),
    _target("windows", "pipeline/built_in.py", "unit/pipeline/test_built_in.py"),
    _target("windows", "pipeline/replay.py", "unit/pipeline/test_replay_parts.py", *_REPLAY),
    _target("windows", "pipeline/watermark.py", *_WATERMARK),
    _target("publish guard", "storage/commit.py", *_COMMIT, "integration/storage/test_lost_commits.py"),
    _target("publish guard", "storage/fence.py", *_COMMIT),
    _target(
        "publish guard",
        "pipeline/publish.py",
        "pipelines/test_publish.py",
        "pipelines/test_blocked_days.py",
        "pipelines/test_derive_work.py",
        "pipelines/test_dead_letters.py",
    ),
    _target("publish guard", "pipeline/standing.py", "pipelines/test_standing_inputs.py"),
)
