"""The commands that show the configuration: what they print and how they end."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakehouse_assets.cli.docs import pages
from lakehouse_assets.cli.main import build_app
from lakehouse_assets.cli.settings import masked
from lakehouse_assets.contracts.loader import load_valid_catalog
from lakehouse_assets.errors import ConfigError
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets.settings import SettingsBlock
from lakehouse_assets_tests.configuration import FILES, ORDERS, SALES, load

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(REPOSITORY / "config", folder)
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    monkeypatch.setenv("LAKEHOUSE_CONFIG_DIR", str(folder))
    monkeypatch.setenv("LAKEHOUSE_ENV", "local")
    return folder


def test_the_shipped_configuration_is_valid(config: Path) -> None:
    done = CliRunner().invoke(build_app(), ["validate"])

    assert done.exit_code == 0, done.output
    assert "0 errors" in done.output
    assert " tables from 1 source: " in done.output
    assert config.exists()


def test_validate_shows_tables_and_where_plug_ins_were_found(config: Path) -> None:
    shown = json.loads(CliRunner().invoke(build_app(), ["validate", "--json"]).output)

    assert config.exists()
    assert {table["layer"] for table in shown["tables"]} == {"bronze", "silver", "gold"}
    assert shown["plugins"]["rules"]["between"] == "lakehouse_assets.quality.rules.conformity"
    assert shown["plugins"]["sources"]["files"] == "lakehouse_assets.connectors.files"


def test_validate_fails_when_anything_is_wrong(config: Path) -> None:
    source = config / "sources/retail.yaml"
    source.write_text(source.read_text().replace("kind: files", "kind: flies"))

    done = CliRunner().invoke(build_app(), ["validate"])

    assert done.exit_code == 1
    assert "retail.yaml:3:1: error LH901" in done.output
    assert "Did you mean 'files'?" in done.output


def test_findings_are_data_as_well(config: Path) -> None:
    source = config / "sources/retail.yaml"
    source.write_text(source.read_text().replace("kind: files", "kind: flies"))

    findings = json.loads(CliRunner().invoke(build_app(), ["validate", "--json"]).output)["findings"]

    assert [(each["code"], each["severity"], each["line"]) for each in findings] == [("LH901", "error", 3)]


def test_no_setting_is_left_out(config: Path) -> None:
    worker = "{application: a, role: r, entryPoint: s3://b/job.py, messages: s3://b/m, environment: {SHOP_API_KEY: x}}"
    (config / "environments/local.yaml").write_text(
        "storageOptions: {aws_region: eu-west-1}\n"
        "spark: {remote: 'sc://host:15002/;token=abc;user_id=me', settings: {spark.driver.memory: 2g}}\n"
        f"worker: {worker}\nsources: {{retail: {{connection: {{location: here}}}}}}\n"
    )

    shown = json.loads(CliRunner().invoke(build_app(), ["settings", "--json"]).output)["settings"]

    values = {row["name"]: row["value"] for row in shown}
    keys = {block.alias or name for name, block in SettingsBlock.model_fields.items()}
    assert {name.partition(".")[0] for name in values} == keys
    assert values["spark.remote"] == "sc://host:15002/;token=***;user_id=me"
    assert values["worker.environment.SHOP_API_KEY"] == "***"
    assert values["worker.poll"] == "10s"


def test_settings_show_each_value_and_its_origin(config: Path) -> None:
    shown = json.loads(CliRunner().invoke(build_app(), ["settings", "--json"]).output)

    assert shown["environment"] == "local"
    assert {"name": "runLog", "value": "file", "origin": "config/environments/local.yaml:3:1"} in shown["settings"]
    assert config.exists()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("storageOptions.aws_secret_access_key", "abc", "***"),
        ("storageOptions.aws_access_key_id", "abc", "abc"),
        ("storageOptions.azure_storage_sas_token", "abc", "***"),
        ("stateUrl", "postgresql://lake:abc@db/lake", "postgresql://lake:***@db/lake"),
        ("stateUrl", "sqlite:////lake/state.db", "sqlite:////lake/state.db"),
        ("sources.crm.connection.password", "abc", "***"),
    ],
)
def test_secrets_are_never_shown(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_current(name: str) -> None:
    written = (REPOSITORY / "docs/reference" / name).read_text(encoding="utf-8")

    assert written == pages()[name], "run `lakehouse docs`"


def test_docs_writes_what_is_not_current(tmp_path: Path) -> None:
    folder = str(tmp_path / "reference")

    assert CliRunner().invoke(build_app(), ["docs", "--check", "--folder", folder]).exit_code == 1
    assert CliRunner().invoke(build_app(), ["docs", "--folder", folder]).exit_code == 0
    assert CliRunner().invoke(build_app(), ["docs", "--check", "--folder", folder]).exit_code == 0


def test_code_that_needs_a_valid_catalog_gets_every_error_at_once(config: Path) -> None:
    source = config / "sources/retail.yaml"
    source.write_text(
        source.read_text().replace("kind: files", "kind: flies").replace("retryPolicy: fixed", "retryPolicy: x")
    )

    with pytest.raises(ConfigError) as caught:
        load_valid_catalog(config, collect_vocabulary())

    assert [" LH901: " in text or " LH903: " in text for text in caught.value.findings] == [True, True]


def test_two_hundred_contracts_load_without_a_finding() -> None:
    many = {ORDERS.replace("orders", f"t{n}"): FILES[ORDERS].replace("orders", f"t{n}") for n in range(200)}
    files = {**{path: text for path, text in FILES.items() if path not in {ORDERS, SALES}}, **many}

    catalog, found = load(files)

    assert len(catalog.contracts) == 201
    assert found == ()
