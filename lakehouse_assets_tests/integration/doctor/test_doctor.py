"""The doctor finds what would make runs fail or lose data, says how to mend it, and leaves everything as it was."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakehouse_assets.documents.codes import Level
from lakehouse_assets.pipeline.diagnosis import Diagnosis
from lakehouse_assets.pipeline.doctor import examine, probes
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.probes.clock import judge as judge_clock
from lakehouse_assets.pipeline.probes.disk import judge as judge_disk
from lakehouse_assets.pipeline.probes.versions import wrong_versions
from lakehouse_assets_tests.lakes import DAY, ORDERS, deliver, order, refresh, shop_lake
from lakehouse_assets_tests.places import Place, options_of
from lakehouse_assets_tests.proxy import Fault, Proxy, always
from lakehouse_assets_tests.repository import ROOT, SCRIPTS

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("_forgotten_proofs")]

Found = dict[str, list[Diagnosis]]


def environ_of(folder: Path, place: Place | None = None, **more: str) -> dict[str, str]:
    """Return the variables that select the shop below `folder`, its lake at a place."""
    where = place.environ if place else {"LAKEHOUSE_ROOT": str(folder / "lake")}
    return {**where, "LAKEHOUSE_CONFIG_DIR": str(folder / "config"), "LAKEHOUSE_RUN_LOG": "off", **more}


def look(environ: Mapping[str, str]) -> Found:
    """Return what every probe found."""
    return {one.probe: list(one.diagnoses) for one in examine(environ)}


def errors(found: Found) -> dict[str, list[str]]:
    """Return the errors of every probe that has any."""
    wrong = {name: [one.what for one in some if one.level is Level.ERROR] for name, some in found.items()}
    return {name: some for name, some in wrong.items() if some}


def filled(folder: Path, place: Place | None = None) -> Lake:
    """Return a shop with a published day."""
    lake = shop_lake(folder, environ=place.environ if place else None)
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)
    return lake


def test_a_lake_that_is_well_passes_everywhere_and_is_left_as_it_was(place: Place, tmp_path: Path) -> None:
    filled(tmp_path, place)
    before = place.listing()

    found = look(environ_of(tmp_path, place))

    assert errors(found) == {}
    assert all(found.values()), "every probe says something"
    assert place.listing() == before


def test_nothing_is_made_where_no_lake_is_yet(tmp_path: Path) -> None:
    shop_lake(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    assert errors(look(environ_of(tmp_path))) == {}

    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_behind_a_proxy_that_drops_conditions_is_refused(tmp_path: Path, bucket: Place, proxy: Proxy) -> None:
    proxy.fault = always(Fault.STRIPPED)
    shop_lake(tmp_path)
    place = Place(bucket.root, options_of(proxy.endpoint))

    found = look(environ_of(tmp_path, place))

    (said,) = (one for one in found["atomicity"] if one.level is Level.ERROR)
    assert set(errors(found)) == {"atomicity"}
    assert "could be lost without an error" in said.what
    assert "If-None-Match" in said.fix
    assert bucket.listing() == []


def test_a_proof_does_not_keep_the_doctor_from_looking(tmp_path: Path, bucket: Place, proxy: Proxy) -> None:
    place = Place(bucket.root, options_of(proxy.endpoint))
    filled(tmp_path, place)
    proxy.fault = always(Fault.STRIPPED)

    assert "atomicity" in errors(look(environ_of(tmp_path, place)))


@pytest.mark.parametrize(("seconds", "level"), [(3, Level.INFO), (60, Level.WARNING), (-3600, Level.ERROR)])
def test_a_clock_that_is_off_is_seen_without_any_permission(
    tmp_path: Path, bucket: Place, proxy: Proxy, seconds: int, level: Level
) -> None:
    proxy.skew_seconds = seconds
    shop_lake(tmp_path)
    place = Place(bucket.root, options_of(proxy.endpoint, "nobody", "wrong"))

    (said,) = look(environ_of(tmp_path, place))["clock"]

    assert said.level is level


@pytest.mark.parametrize(
    ("skew", "said"),
    [(400.0, "400.0 seconds ahead of"), (-400.0, "400.0 seconds behind"), (0.0, "0.0 seconds behind")],
)
def test_the_direction_of_a_skew_is_said(skew: float, said: str) -> None:
    assert said in judge_clock(skew, "there").what


@pytest.mark.parametrize(("free", "level"), [(0.9, Level.ERROR), (1.0, Level.WARNING), (5.0, Level.INFO)])
def test_a_disk_that_fills_up_is_seen_before_it_is_full(free: float, level: Level) -> None:
    assert judge_disk(Path("/lake"), free).level is level


def test_libraries_of_another_version_and_missing_ones_are_named() -> None:
    lines = ["polars==0.1", "no-such-library>=2", "pytest>=1"]

    assert [sentence.split()[0] for sentence in wrong_versions(lines)] == ["polars", "no-such-library"]


def test_a_switch_that_turns_validation_off_is_found(tmp_path: Path) -> None:
    shop_lake(tmp_path)

    found = look(environ_of(tmp_path, PANDERA_VALIDATION_ENABLED="False"))

    assert "switches validation off" in errors(found)["validation"][0]


def test_settings_that_cannot_be_read_are_the_only_finding_about_the_lake(tmp_path: Path) -> None:
    shop_lake(tmp_path)

    found = look(environ_of(tmp_path, LAKEHOUSE_ROOTS="x"))

    assert set(errors(found)) == {"configuration"}
    assert found["permissions"] == found["disk"] == []


def test_a_contract_that_cannot_be_used_is_found_at_its_line(tmp_path: Path) -> None:
    shop_lake(tmp_path)
    contract = tmp_path / "config/contracts/silver/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("logicalType: integer", "logicalType: intger"))

    (said,) = (one for one in look(environ_of(tmp_path))["configuration"] if one.level is Level.ERROR)

    assert said.where.startswith("config/contracts/silver/orders.odcs.yaml:")
    assert "'integer'" in said.fix


def test_a_file_in_place_of_the_lake_is_found(tmp_path: Path) -> None:
    shop_lake(tmp_path)
    (tmp_path / "lake").write_text("no folder")

    assert "a file lies where" in errors(look(environ_of(tmp_path)))["permissions"][0]


def test_a_folder_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    shop_lake(tmp_path)

    # Linux lets nobody make a folder there, not even root.
    found = errors(look(environ_of(tmp_path, LAKEHOUSE_ROOT="/proc", LAKEHOUSE_STATE_URL="sqlite://")))

    assert "cannot list, read, write or delete" in found["permissions"][0]
    assert "cannot be created" in found["atomicity"][0]
    assert "could not look" in found["clock"][0]


def test_a_table_whose_log_is_damaged_is_named(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    newest = max(Path(lake.root_of(ORDERS), "_delta_log").glob("*.json"))
    newest.write_bytes(b"")

    (said,) = (one for one in look(environ_of(tmp_path))["tables"] if one.level is Level.ERROR)

    assert said.where == lake.root_of(ORDERS)


def test_a_store_that_does_not_answer_is_found_once_a_probe(tmp_path: Path) -> None:
    shop_lake(tmp_path)

    found = errors(look(environ_of(tmp_path, Place("s3://bucket/lake", options_of("http://127.0.0.1:1")))))

    assert {name: len(said) for name, said in found.items()} == {
        "atomicity": 1,
        "clock": 1,
        "permissions": 2,
        "tables": 1,
    }
    assert "Debug" not in str(found)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://host/db", "cannot live in"),
        ("postgresql://lake:hush@127.0.0.1:1/db", "cannot be used"),  # pragma: allowlist secret
    ],
)
def test_a_state_store_that_cannot_be_used_is_found_and_its_password_is_not_told(
    tmp_path: Path, url: str, said: str
) -> None:
    shop_lake(tmp_path)

    found = look(environ_of(tmp_path, LAKEHOUSE_STATE_URL=url))

    assert said in errors(found)["state_store"][0]
    assert "hush" not in str(found)


def test_a_state_store_of_another_revision_is_found_and_not_migrated(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - as another program would

    shop_lake(tmp_path)
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as old:
        old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        old.execute("INSERT INTO alembic_version VALUES ('0000')")
    old.close()

    (said,) = (
        one
        for one in look(environ_of(tmp_path, LAKEHOUSE_STATE_URL=f"sqlite:///{file}"))["state_store"]
        if one.level is Level.ERROR
    )

    assert "lakehouse state migrate" in said.fix
    with sqlite3.connect(file) as old:
        assert old.execute("SELECT name, version_num FROM sqlite_master, alembic_version").fetchall() == [
            ("alembic_version", "0000")
        ]
    old.close()


def test_a_lake_in_a_store_with_its_state_on_one_machine_is_a_warning(tmp_path: Path, bucket: Place) -> None:
    shop_lake(tmp_path)

    (said, _) = look(environ_of(tmp_path, bucket))["state_store"]

    assert (said.level, "PostgreSQL" in said.fix) == (Level.WARNING, True)


def test_a_probe_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lakehouse_assets.pipeline.probes as package  # noqa: PLC0415

    (tmp_path / "weather.py").write_text(
        "from lakehouse_assets.pipeline.diagnosis import fine, probe\n\n@probe\ndef rain(_):\n    yield fine('dry')\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])

    found = probes()
    sys.modules.pop("lakehouse_assets.pipeline.probes.weather")

    assert set(found) - {"weather"} == PROBES
    assert "weather" in found


PROBES = {path.stem for path in (ROOT / "lakehouse_assets/pipeline/probes").glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_is_explained(name: str) -> None:
    page = (ROOT / "docs/how-to/check-an-installation.md").read_text(encoding="utf-8")

    assert f"| `{name}` |" in page


def doctor(environ: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Type the command."""
    env = {"PATH": str(SCRIPTS), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environ}
    command = [sys.executable, "-c", "from lakehouse_assets.cli.main import main; main()", "doctor", *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_the_command_says_that_all_is_well_wherever_the_machine_stands(tmp_path: Path, zone: str) -> None:
    shop_lake(tmp_path)

    done = doctor(environ_of(tmp_path, TZ=zone))

    assert (done.returncode, done.stderr) == (0, "")
    assert "This installation can be trusted with data." in done.stdout


def test_the_command_fails_with_one_sentence_and_keeps_its_json_whole(tmp_path: Path) -> None:
    shop_lake(tmp_path)

    done = doctor(environ_of(tmp_path, PANDERA_VALIDATION_ENABLED="0", LAKEHOUSE_STATE_URL="x"), "--json")

    said = json.loads(done.stdout)
    wrong = {one["probe"]: one for one in said if one["severity"] == "error"}
    assert done.returncode == 1
    assert "things have to be mended" in done.stderr
    assert set(said[0]) == {"probe", "severity", "what", "where", "fix"}
    assert {"validation", "state_store"} <= set(wrong)
    assert all(one["fix"] for one in wrong.values())
