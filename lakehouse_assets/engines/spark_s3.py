"""What a lake's storage options are called in Hadoop, for a Spark in a JVM of this process; others have their own.

Paths keep their `s3://`, as on EMR. Keys in variables of the environment are not passed on: the JVM sees them too.
"""

from collections.abc import Mapping

_S3A = "spark.hadoop.fs.s3a"
_PLACES = {
    "endpoint": f"{_S3A}.endpoint",
    "endpoint_url": f"{_S3A}.endpoint",
    "default_region": f"{_S3A}.endpoint.region",
    "region": f"{_S3A}.endpoint.region",
}
_KEYS = {
    "access_key_id": f"{_S3A}.access.key",
    "secret_access_key": f"{_S3A}.secret.key",
    "session_token": f"{_S3A}.session.token",
    "token": f"{_S3A}.session.token",
}


def s3_settings(options: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return settings of a session with which Spark opens `s3://` as the lake's other clients do."""
    told = {key.lower().removeprefix("aws_"): value for key, value in options.items()}
    found = {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
    found |= {setting: environ[key] for name, setting in _PLACES.items() if environ.get(key := f"AWS_{name.upper()}")}
    found |= {setting: told[name] for name, setting in (_PLACES | _KEYS).items() if name in told}
    if f"{_S3A}.endpoint" in found:
        # As our other clients: a bucket is part of the path, unless the lake says that it is part of the host's name.
        found[f"{_S3A}.path.style.access"] = str(told.get("virtual_hosted_style_request") != "true").lower()
    return found
