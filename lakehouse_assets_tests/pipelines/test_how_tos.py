"""Every recipe in docs/how-to, and the README, does what it says: each page in a checkout of its own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from lakehouse_assets.connectors.snowflake import open_session
from lakehouse_assets_tests import postgres
from lakehouse_assets_tests.doubles import crm_lake, redshift, snowflake
from lakehouse_assets_tests.doubles.sftp import PASSWORD, sftp_server
from lakehouse_assets_tests.kafka import Broker
from lakehouse_assets_tests.places import S3Server
from lakehouse_assets_tests.recipes import Block, blocks, checkout, expect, follow
from lakehouse_assets_tests.repository import ROOT
from lakehouse_assets_tests.spark import s3a_jars

pytestmark = pytest.mark.integration

# A JVM on a busy machine takes its time.
ON_SPARK = [pytest.mark.spark, pytest.mark.timeout(900)]
MARKS = {"run-on-spark": ON_SPARK, "read-redshift": [pytest.mark.postgres], "read-kafka": [pytest.mark.kafka]}
PAGES = [
    pytest.param(page, marks=MARKS.get(page.stem, ()))
    for page in (ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md")))
]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes") / "fresh"
    folder.mkdir()
    checkout(folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_that_is_followed_to_the_letter_leads_where_it_says(
    page: Path, fresh: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder, text = tmp_path / "checkout", page.read_text(encoding="utf-8")
    shutil.copytree(fresh, folder)
    if "S3_ENDPOINT" in text:
        request.getfixturevalue("object_store")
    if "KAFKA_BROKERS" in text:
        request.getfixturevalue("kafka_brokers")
    if "SNOWFLAKE_HOST" in text:
        request.getfixturevalue("snowflake_account")
    if "REDSHIFT_HOST" in text:
        request.getfixturevalue("redshift_cluster")
    if "SALESFORCE_URL" in text:
        request.getfixturevalue("crm_systems")
    if "SPARK_SERVER" in text:
        request.getfixturevalue("spark_server")

    if "PARTNER_SFTP" in text:
        request.getfixturevalue("sftp")

    follow(text, folder)


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in for the server of a partner, on which a file has lain for long."""
    file = tmp_path / "partner" / "outgoing" / "returns-2011-12-08.csv"
    file.parent.mkdir(parents=True)
    file.write_text("order_id,reason\n1,too small\n", encoding="utf-8")
    os.utime(file, (0, 0))
    with sftp_server(tmp_path / "partner") as server:
        told = {"SFTP": f"{server.url}outgoing", "PASSWORD": PASSWORD, "HOST_KEY": server.host_key}
        for name, text in told.items():
            monkeypatch.setenv(f"PARTNER_{name}", text)
        yield


@pytest.fixture
def spark_server(spark_connect_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the Spark that a reader of a page has, and for the libraries it opens S3 with."""
    monkeypatch.setenv("SPARK_SERVER", spark_connect_url)
    monkeypatch.setenv("S3A_JARS", str(s3a_jars()))


@pytest.fixture
def kafka_brokers(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the brokers that a reader of a page has."""
    monkeypatch.setenv("KAFKA_BROKERS", broker.address)


@pytest.fixture
def snowflake_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in for the account that a reader of a page has, with two orders of a day."""
    with snowflake.running() as account:
        with open_session({**account, "database": "SALES"}) as session, session.cursor() as cursor:
            types = "order_id NUMBER(38,0), customer_id TEXT, amount NUMBER(18,4), order_date DATE"
            cursor.execute(f"CREATE TABLE orders ({types})")
            cursor.execute("INSERT INTO orders VALUES (1, 'c1', 1.5, '2026-01-05'), (2, 'c2', 2, '2026-01-05')")
        for name in ("account", "user", "password", "host", "port", "protocol"):
            monkeypatch.setenv(f"SNOWFLAKE_{name.upper()}", account[name])
        yield


@pytest.fixture
def redshift_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in for the cluster that a reader of a page has, with two events of a day."""
    with postgres.running() as server, redshift.running(url := server.format(database="postgres"), {}) as port:
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
        with engine.begin() as connection:
            types = "event_id text, kind text, price numeric(12,4), happened_at timestamptz"
            connection.exec_driver_sql(f"CREATE SCHEMA web; CREATE TABLE web.events ({types})")
            values = "('e1', 'view', 1.5, '2026-01-05 08:00+00'), ('e2', 'cart', NULL, '2026-01-05 09:00+00')"
            connection.exec_driver_sql(f"INSERT INTO web.events VALUES {values}")  # noqa: S608 - constants
        engine.dispose()
        known = {"HOST": "127.0.0.1", "PORT": str(port), "DATABASE": "postgres", "USER": "lake", "SSL": "false"}
        for name, value in {**known, "UNLOAD_TO": "s3://lake/unloaded"}.items():
            monkeypatch.setenv(f"REDSHIFT_{name}", value)
        yield


@pytest.fixture
def crm_systems(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in for the organisation and the account that a reader of a page has."""
    with crm_lake.running() as systems:
        for name, value in systems.variables.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.fixture
def object_store(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the store that a reader of a page has: moto, and what the page asks its reader to set."""
    moto.make_bucket("lake")
    told = {"S3_ENDPOINT": moto.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, text in told.items():
        monkeypatch.setenv(name, text)


@pytest.mark.parametrize(
    "page",
    [
        "```sh\nfalse\n```\n",
        "```sh exit=1\ntrue\n```\n",
        "```sh\necho one\n```\n```text\ntwo\n```\n",
        "```sh\necho one; echo two\n```\n```text\ntwo\none\n```\n",
        '```diff title="a.txt"\n-two\n+three\n```\n',
        "```ruby\nputs 1\n```\n",
    ],
    ids=["failure", "success where a failure is due", "other output", "other order", "other lines", "other language"],
)
def test_a_page_that_is_wrong_is_found(page: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")

    with pytest.raises(AssertionError, match=r"^line \d+: "):
        follow(page, tmp_path)


def test_a_page_writes_changes_runs_and_expects(tmp_path: Path) -> None:
    page = '```csv title="in/a.csv"\nx\n1\n```\n```diff title="in/a.csv"\n x\n-1\n+2\n```\n```sh\ncat in/a.csv\n```\n'

    follow(page + "```text\nx\n…\n```\n", tmp_path)

    assert (tmp_path / "in/a.csv").read_text() == "x\n2\n"


def test_three_dots_stand_for_anything_in_a_line() -> None:
    said = "read 16 =  published 15 + quarantined 1\n"

    expect(Block("text", {}, "read … = published … quarantined 1\n", 1), said)

    assert [block.language for block in blocks("```text\n…\n```\n")] == ["text"]
