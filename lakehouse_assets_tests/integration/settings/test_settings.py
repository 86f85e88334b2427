"""Layers of settings: which one wins, where a value came from, and what is refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from lakehouse_assets.errors import ConfigError
from lakehouse_assets.settings import load_settings, variable_names


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "environments").mkdir(parents=True)
    (folder / "environments/base.yaml").write_text("runLog: stdout\nstaleness: {warn: 6h, fail: 1d}\n")
    (folder / "environments/local.yaml").write_text("staleness: {warn: 3h}\n")
    (folder / "environments/bucket.yaml").write_text(
        'root: "s3://${BUCKET}/lake/"\nstorageOptions: {aws_region: eu-west-1}\n'
        "sources:\n  shop:\n    connection: {location: here}\n    calendar: {ends: '2010-12-02'}\n"
    )
    return folder


def problems(environ: dict[str, str], config: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ, config)
    return list(caught.value.findings)


def test_without_anything_the_local_environment_applies(config: Path) -> None:
    settings = load_settings({}, config)

    assert settings.environment == "local"
    assert settings.root == str(config.parent / ".lake/local")
    assert settings.state_url == f"sqlite:///{config.parent}/.lake/local/state.db"


def test_the_environments_file_wins_over_base_key_by_key(config: Path) -> None:
    settings = load_settings({}, config)

    assert settings.staleness_warn == timedelta(hours=3)
    assert settings.staleness_fail == timedelta(days=1)


def test_a_variable_wins_over_both_files(config: Path) -> None:
    settings = load_settings({"LAKEHOUSE_STALENESS__WARN": "5min", "LAKEHOUSE_RUN_LOG": "off"}, config)

    assert settings.staleness_warn == timedelta(minutes=5)
    assert settings.run_log == "off"


def test_every_value_knows_the_layer_that_set_it(config: Path) -> None:
    origins = load_settings({"LAKEHOUSE_RUN_LOG": "off"}, config).origins

    assert origins["runLog"] == "environment variable LAKEHOUSE_RUN_LOG"
    assert origins["staleness.warn"] == "config/environments/local.yaml:1:13"
    assert origins["staleness.fail"] == "config/environments/base.yaml:2:23"
    assert origins["root"] == "default"


def test_an_object_store_keeps_its_state_in_a_local_folder(config: Path) -> None:
    settings = load_settings({"LAKEHOUSE_ENV": "bucket", "BUCKET": "acme"}, config)

    assert settings.root == "s3://acme/lake"
    assert not settings.is_local
    assert settings.state_url == f"sqlite:///{config.parent}/.lake/bucket/state.db"


def test_what_differs_for_a_source_is_kept_with_its_place(config: Path) -> None:
    overlay = load_settings({"LAKEHOUSE_ENV": "bucket", "BUCKET": "acme"}, config).sources["shop"]

    assert overlay.connection == {"location": "here"}
    assert overlay.calendar == {"ends": "2010-12-02"}
    assert overlay.spot.line == 4


def test_variables_reach_into_sources_and_storage_options(config: Path) -> None:
    environ = {
        "LAKEHOUSE_ENV": "bucket",
        "BUCKET": "acme",
        "LAKEHOUSE_SOURCES__SHOP__CONNECTION__LOCATION": "there",
        "LAKEHOUSE_STORAGE_OPTIONS__AWS_REGION": "eu-north-1",
    }

    settings = load_settings(environ, config)

    assert settings.sources["shop"].connection == {"location": "there"}
    assert settings.storage_options == {"aws_region": "eu-north-1"}


def test_an_unknown_environment_offers_the_nearest(config: Path) -> None:
    found = problems({"LAKEHOUSE_ENV": "bukcet"}, config)

    assert len(found) == 1
    assert "LH210" in found[0]
    assert "Did you mean 'bucket'?" in found[0]


def test_an_unknown_variable_offers_the_nearest(config: Path) -> None:
    found = problems({"LAKEHOUSE_ROT": "x", "LAKEHOUSE_SOURCES__SHOP__CADENCE": "x"}, config)

    assert len(found) == 2
    assert "Did you mean 'LAKEHOUSE_ROOT'?" in found[0]


def test_an_unknown_key_is_found_at_its_line(config: Path) -> None:
    (config / "environments/local.yaml").write_text("runLog: off\nstateUlr: x\n")

    found = problems({}, config)

    assert any(text.startswith("config/environments/local.yaml:2:1: error LH201") for text in found)
    assert any("LH108" in text for text in found)


def test_a_wrong_value_of_a_variable_names_the_variable(config: Path) -> None:
    assert "environment variable LAKEHOUSE_RUN_LOG: error LH203" in problems({"LAKEHOUSE_RUN_LOG": "loud"}, config)[0]


def test_a_missing_variable_of_a_reference_is_named_with_its_line(config: Path) -> None:
    found = problems({"LAKEHOUSE_ENV": "bucket"}, config)[0]

    assert found.startswith("config/environments/bucket.yaml:1:1: error LH906")
    assert "BUCKET" in found


def test_the_folder_may_be_named_by_a_variable(config: Path) -> None:
    assert load_settings({"LAKEHOUSE_CONFIG_DIR": str(config)}).config_dir == config


def test_every_variable_is_in_the_example_file() -> None:
    text = (Path(__file__).parents[3] / ".env.example").read_text()

    assert [name for name in variable_names() if f"{name}=" not in text] == []
