"""Connection values take environment variables when a connection is opened, and say which one is missing."""

import pytest

from lakehouse_assets.connectors.connection import resolve
from lakehouse_assets.errors import ConfigError
from lakehouse_assets_tests.builders import file_source


@pytest.mark.parametrize(
    ("written", "environ", "resolved"),
    [
        ("${DROP}", {"DROP": "/in"}, "/in"),
        ("s3://${BUCKET}/${PREFIX:-raw}", {"BUCKET": "b"}, "s3://b/raw"),
        ("${DROP:-.lake/drop}", {}, ".lake/drop"),
        ("${DROP:-.lake/drop}", {"DROP": ""}, ".lake/drop"),
        ("${DROP:-}", {}, ""),
        ("plain $HOME", {"HOME": "/root"}, "plain $HOME"),
        ({"nested": ["${A}", 3]}, {"A": "x"}, {"nested": ["x", 3]}),
    ],
)
def test_variables_are_replaced(written: object, environ: dict[str, str], resolved: object) -> None:
    source = file_source({"location": written})

    assert resolve(source, environ) == {"location": resolved}


def test_every_missing_variable_is_named_with_file_and_line() -> None:
    source = file_source({"location": "s3://${BUCKET}/x", "secret_access_key": "${SECRET}"})

    with pytest.raises(ConfigError) as caught:
        resolve(source, {})

    bucket, secret = caught.value.findings
    assert bucket.startswith("config/sources/shop.yaml:4: ")
    assert "BUCKET" in bucket
    assert "SECRET" in secret
