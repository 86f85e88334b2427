"""The files of deployment and CI are valid, hardened and free of secrets; nothing here needs Docker."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse_assets_tests.repository import ROOT, run, tool

DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SECRET_NAMES = re.compile(r"(?i)password|secret|htpasswd|_key$|_url$")


def fits_schema(schema: str, file: Path) -> bool:
    """Whether a file fits a schema that check-jsonschema carries."""
    return run(tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", file).returncode == 0


def written_secrets(services: dict[str, Any]) -> list[str]:
    """Return the variables named like a secret whose value stands in the file."""
    return [
        f"{service}.{name}"
        for service, block in services.items()
        for name, value in block.get("environment", {}).items()
        if SECRET_NAMES.search(name) and not re.fullmatch(r"\$\{\w+:\?[^}]*\}", str(value))
    ]


def services() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def test_the_compose_file_fits_its_schema() -> None:
    assert fits_schema("compose-spec", COMPOSE)


def test_a_misspelt_compose_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE.read_text().replace("depends_on", "dependson"))
    assert not fits_schema("compose-spec", tmp_path / "compose.yaml")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_fits_its_schema_and_starts_with_no_rights(workflow: Path) -> None:
    assert fits_schema("github-workflows", workflow)
    assert yaml.safe_load(workflow.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}


def test_the_dockerfile_passes_its_linter() -> None:
    judged = run(tool("hadolint"), DOCKERFILE)
    assert judged.returncode == 0, judged.stdout


def test_a_careless_dockerfile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN pip install polars\n")
    assert run(tool("hadolint"), tmp_path / "Dockerfile").returncode != 0


def test_the_image_runs_without_rights_from_locked_packages() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
    assert text.count("--require-hashes") == 2


def test_the_image_starts_what_the_code_location_starts() -> None:
    command = re.findall(r"^CMD (.+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert json.loads(command) == services()["code"]["command"]


def test_no_secret_stands_in_the_compose_file() -> None:
    assert written_secrets(services()) == []


def test_a_secret_in_the_compose_file_is_found() -> None:
    mutant = {"postgres": {"environment": {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:-lake}", "POSTGRES_DB": "lake"}}}
    assert written_secrets(mutant) == ["postgres.POSTGRES_PASSWORD"]


def test_only_the_proxy_can_be_reached_and_only_from_this_host() -> None:
    published = {name: block["ports"] for name, block in services().items() if "ports" in block}
    assert list(published) == ["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])


@pytest.mark.parametrize("service", ["proxy", "webserver", "daemon", "code", "objects"])
def test_a_process_has_no_more_rights_than_it_needs(service: str) -> None:
    block = services()[service]
    assert block["read_only"] is True
    assert block["cap_drop"] == ["ALL"]
    assert block["security_opt"] == ["no-new-privileges:true"]


def test_every_image_names_its_version() -> None:
    images = [block["image"] for block in services().values() if not block["image"].startswith("lakehouse:")]
    assert [image for image in images if not re.search(r":v?\d+\.\d+", image)] == []


def test_the_check_for_secrets_finds_one(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("AWS_KEY = 'AKIA{}'\n".format("QYLPMN5HFIQR7XYA"))
    assert run(tool("detect-secrets-hook"), tmp_path / "settings.py").returncode != 0


@pytest.mark.parametrize("script", ["scripts/bootstrap", "scripts/check", ".ci/run"])
def test_a_script_passes_its_linter_and_can_be_started(script: str) -> None:
    judged = run(tool("shellcheck"), script)
    assert judged.returncode == 0, judged.stdout
    assert (ROOT / script).stat().st_mode & 0o111


def test_the_help_names_every_target() -> None:
    targets = set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = run("make", "help").stdout
    assert {target for target in targets if f"make {target} " not in said} == set()
    assert {"demo", "test", "check", "bench"} <= targets
