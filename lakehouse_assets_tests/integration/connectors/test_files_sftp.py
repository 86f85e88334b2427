"""Files on an SFTP server land as those of a folder do, from the server that is meant and from nowhere else in it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko  # noqa: TID253 - makes keys for the tests
import polars as pl
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets_tests.builders import file_source
from lakehouse_assets_tests.doubles.sftp import PASSWORD, USER, SftpServer, sftp_server
from lakehouse_assets_tests.drops import DAY, arrived, refused

pytestmark = pytest.mark.integration

NEXT = "2026-01-06"
HEAD = "id,name\n"
KEY = paramiko.ECDSAKey.generate()


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """Return the folder of the location; the server shows the one around it."""
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def server(drop: Path) -> Iterator[SftpServer]:
    with sftp_server(drop.parent, key=KEY) as running:
        yield running


def extract(server: SftpServer, *partitions: str, **options: Any) -> dict[str, Extraction | Rejection]:  # noqa: ANN401 - of `read`
    """Return answers of the server; `connection` replaces keys of the connection."""
    keys = {"location": f"{server.url}drop", "password": PASSWORD, "host_key": server.host_key}
    connection = {key: value for key, value in {**keys, **options.pop("connection", {})}.items() if value}
    source = file_source(connection, "id", "name", **options)
    return dict(Files(source, Access(environ={})).extract(source.tables["orders"], partitions or [DAY]))


def test_files_are_found_by_pattern_and_read(server: SftpServer, drop: Path) -> None:
    (drop / DAY).mkdir()
    (drop / DAY / "b 1.csv").write_text(HEAD + "2,b\n")
    (drop / DAY / "a.csv").write_text(HEAD + "1,a\n")
    (drop / DAY / "c.csv.part").write_text(HEAD)
    (drop / NEXT).mkdir()
    (drop / NEXT / "a.csv").write_text(HEAD + "3,c")

    answers = extract(server, DAY, NEXT, "2026-01-07", pattern="{partition}/*.csv")

    rows = arrived(answers[DAY])
    assert rows["_source_object"].to_list() == [f"{DAY}/a.csv", f"{DAY}/b 1.csv"]
    assert rows["id"].to_list() == ["1", "2"]
    refusals = [answer.error.code for answer in answers.values() if isinstance(answer, Rejection)]
    assert refusals == ["truncated", "missing"]


def test_a_large_file_comes_whole(server: SftpServer, drop: Path) -> None:
    (drop / f"{DAY}.csv").write_text(HEAD + "1,a\n" * 2_000_000)

    answer = extract(server)[DAY]

    assert arrived(answer).height == 2_000_000


def test_a_parquet_file_lands(server: SftpServer, drop: Path) -> None:
    pl.DataFrame({"id": ["1"], "name": ["a"]}).write_parquet(drop / f"{DAY}.parquet")

    answer = extract(server, pattern="{partition}.parquet", format="parquet")[DAY]

    assert arrived(answer)["id"].to_list() == ["1"]


def test_a_key_opens_the_door_as_a_password_does(server: SftpServer, drop: Path) -> None:
    (drop / f"{DAY}.csv").write_text(HEAD + "1,a\n")
    text = io.StringIO()
    KEY.write_private_key(text)

    answer = extract(server, connection={"password": "", "private_key": text.getvalue()})[DAY]

    assert arrived(answer).height == 1


@pytest.mark.parametrize(
    ("connection", "code"),
    [
        ({"host_key": ""}, "host_key"),
        ({"host_key": f"ssh-ed25519 {'A' * 68}"}, "unreachable"),
        ({"password": "wrong"}, "denied"),  # pragma: allowlist secret
        ({"private_key": "no key"}, "connection"),  # pragma: allowlist secret
        ({"pasword": "x"}, "connection"),
    ],
    ids=["unknown server", "other kind of key", "wrong password", "no key", "unknown option"],
)
def test_a_connection_that_cannot_be_trusted_reads_nothing(
    connection: dict[str, str], code: str, server: SftpServer, drop: Path
) -> None:
    (drop / f"{DAY}.csv").write_text(HEAD + "1,a\n")

    answer = refused(extract(server, connection=connection)[DAY])

    assert answer.error.code == code
    assert PASSWORD not in str(answer.error)
    assert server.opened == []


def test_another_server_at_the_same_address_is_not_asked(server: SftpServer, drop: Path) -> None:
    other = paramiko.ECDSAKey.generate()
    declared = f"{other.get_name()} {other.get_base64()}"

    answer = refused(extract(server, connection={"host_key": declared})[DAY])

    assert answer.error.code == "host_key"
    assert server.host_key in answer.error.fix


def test_a_link_out_of_the_folder_is_not_followed(server: SftpServer, drop: Path) -> None:
    (drop.parent / "secret.csv").write_text(HEAD + "1,a\n")
    (drop / f"{DAY}.csv").symlink_to(drop.parent / "secret.csv")

    assert refused(extract(server)[DAY]).error.code == "outside"
    assert server.opened == []


def test_a_server_that_is_not_there_is_told_and_may_be_asked_again(drop: Path) -> None:
    with sftp_server(drop.parent) as gone:
        pass

    answer = refused(extract(gone)[DAY])

    assert answer.error.code == "unreachable"
    assert f"127.0.0.1:{gone.port}" in str(answer.error)
    assert f"{USER}@" not in str(answer.error)
