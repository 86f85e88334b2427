"""`make spark-jars` says what is missing and how to get it."""

import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from lakehouse_assets_tests.repository import ROOT, run
from lakehouse_assets_tests.spark import s3a_jars

JAVA = "#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Return a folder with what every machine has, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sed", "cat"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def fetch(tools: Path, cache: Path) -> tuple[int, str]:
    """Run the script with these tools and an empty cache."""
    env = {"PATH": str(tools), "HOME": str(cache), "XDG_CACHE_HOME": str(cache)}
    done = run("/bin/sh", str(ROOT / "scripts" / "spark-jars"), env=env)
    return done.returncode, done.stderr


def java(tools: Path, version: str) -> None:
    """Put a Java there that only tells its version."""
    (tools / "java").write_text(JAVA.format(version=version))
    (tools / "java").chmod(0o755)


def test_a_missing_java_is_named_with_a_remedy(tools: Path, tmp_path: Path) -> None:
    code, said = fetch(tools, tmp_path)
    assert code == 1
    assert "Spark needs Java 17 or newer, and there is none here" in said


def test_an_old_java_is_named_with_its_version(tools: Path, tmp_path: Path) -> None:
    java(tools, "11.0.20")
    code, said = fetch(tools, tmp_path)
    assert code == 1
    assert "java is Java 11" in said


def test_a_missing_maven_is_named_with_a_remedy(tools: Path, tmp_path: Path) -> None:
    java(tools, "21.0.2")
    code, said = fetch(tools, tmp_path)
    assert code == 1
    assert "Maven fetches the jars, and it is not here" in said


def jars_for_delta(cache: Path) -> Path:
    jars = cache / "lakehouse-assets" / "jars"
    jars.mkdir(parents=True)
    for name in ("delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"):
        (jars / name).write_bytes(b"jar")
    return jars


def test_jars_for_s3_that_are_missing_are_fetched_too(tools: Path, tmp_path: Path) -> None:
    java(tools, "17.0.9")
    jars_for_delta(tmp_path)
    assert "Maven fetches the jars, and it is not here" in fetch(tools, tmp_path)[1]


def test_the_jars_for_s3_are_of_the_hadoop_that_is_inside_spark() -> None:
    version = s3a_jars().name.removeprefix("s3a-")
    jars = distribution("pyspark").locate_file("pyspark/jars")
    assert Path(str(jars), f"hadoop-client-api-{version}.jar").is_file()
    assert f"<hadoop>{version}</hadoop>" in (ROOT / "requirements" / "spark-jars.xml").read_text()


def test_jars_that_are_there_are_not_fetched_again(tools: Path, tmp_path: Path) -> None:
    java(tools, "17.0.9")
    (jars_for_delta(tmp_path) / "s3a-3.5.0").mkdir()
    assert fetch(tools, tmp_path) == (0, "")
