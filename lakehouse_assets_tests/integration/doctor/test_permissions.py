"""Real permissions on a real server: whatever this user may not do is named by its verb, and the rest goes on."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakehouse_assets.documents.codes import Level
from lakehouse_assets.errors import StorageError
from lakehouse_assets.pipeline.doctor import examine
from lakehouse_assets_tests.lakes import DAY, ORDERS, deliver, order, refresh, rows_of, shop_lake
from lakehouse_assets_tests.places import KEY, SECRET, Place, S3Server, bucket_name, options_of, versitygw_binary

pytestmark = [pytest.mark.integration, pytest.mark.versitygw]

Policy = list[dict[str, object]]


def grants(user: str, bucket: str, *actions: str) -> Policy:
    """Return statements that let a user list a bucket and do some things to its objects."""
    everybody: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": [user]}}
    return [
        {**everybody, "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{bucket}"]},
        {**everybody, "Action": list(actions), "Resource": [f"arn:aws:s3:::{bucket}/*"]},
    ]


@pytest.fixture
def bucket(versitygw: S3Server, request: pytest.FixtureRequest) -> str:
    name = bucket_name(request.node.nodeid)
    versitygw.make_bucket(name)
    return name


@pytest.fixture
def user(versitygw: S3Server, bucket: str) -> Place:
    """Return the bucket's lake as a user sees it who may do nothing yet; user and bucket have one name."""
    binary = versitygw_binary()
    assert binary is not None
    admin = [binary, "admin", "--access", KEY, "--secret", SECRET, "--endpoint-url", versitygw.endpoint]
    create = ["create-user", "--access", bucket, "--secret", SECRET, "--role", "user"]
    subprocess.run([*admin, *create], check=True, capture_output=True)
    return Place(f"s3://{bucket}/lake", options_of(versitygw.endpoint, bucket))


def put_policy(server: S3Server, bucket: str, statements: Policy) -> None:
    """Attach a policy to a bucket, as its owner."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def missing(folder: Path, place: Place) -> dict[str, str]:
    """Return where the doctor says that something is not allowed, by the verb."""
    environ: Mapping[str, str] = {**place.environ, "LAKEHOUSE_CONFIG_DIR": str(folder / "config")}
    (found,) = (one.diagnoses for one in examine(environ) if one.probe == "permissions")
    return {one.what.split(":")[0].removeprefix("cannot "): one.where for one in found if one.level is Level.ERROR}


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        (("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), set()),
        (("s3:GetObject",), {"write"}),
        (("s3:PutObject", "s3:DeleteObject"), {"read"}),
    ],
    ids=["all of it", "only reading", "not reading"],
)
def test_what_a_user_may_not_do_is_named(
    tmp_path: Path, versitygw: S3Server, bucket: str, user: Place, *, allowed: tuple[str, ...], refused: set[str]
) -> None:
    shop_lake(tmp_path)
    put_policy(versitygw, bucket, grants(bucket, bucket, *allowed))

    assert set(missing(tmp_path, user)) == refused
    assert user.listing() == []


def test_a_user_without_any_right_is_told_all_of_it(tmp_path: Path, user: Place) -> None:
    shop_lake(tmp_path)

    assert set(missing(tmp_path, user)) == {"list", "write"}


def test_an_object_that_may_not_be_removed_again_is_named(
    tmp_path: Path, versitygw: S3Server, bucket: str, user: Place
) -> None:
    shop_lake(tmp_path)
    put_policy(versitygw, bucket, grants(bucket, bucket, "s3:GetObject", "s3:PutObject"))

    where = missing(tmp_path, user)

    assert set(where) == {"delete"}
    assert where["delete"] in {f"{user.root}/{path}" for path in user.listing()}


def test_a_run_that_may_only_read_ends_with_one_sentence_and_readers_go_on(
    tmp_path: Path, versitygw: S3Server, bucket: str, user: Place
) -> None:
    owner = shop_lake(tmp_path, environ=Place(user.root, options_of(versitygw.endpoint)).environ)
    deliver(owner, DAY, [order(1)])
    refresh(owner, DAY)
    put_policy(versitygw, bucket, grants(bucket, bucket, "s3:GetObject"))
    guest = shop_lake(tmp_path, environ=user.environ)
    deliver(guest, DAY, [order(1), order(2)])

    with pytest.raises(StorageError, match=r"^s3://.*(permissions|grant access)"):
        refresh(guest, DAY)

    assert rows_of(guest, ORDERS).height == 1
