"""What a source file says about Kafka: keys of its connection, and options of a table."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from lakehouse_assets.documents.blocks import Block, Duration, Items

Format = Literal["json", "avro", "protobuf"]


class KafkaConnection(Block):
    """`connection` of a source of kind `kafka`."""

    bootstrap_servers: str = Field(description="Brokers, `host:9092,host:9092`.")
    security_protocol: str = Field("PLAINTEXT", description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.")
    sasl_mechanism: str = Field("", description="`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.")
    sasl_username: str = Field("", description="Name for SASL.")
    sasl_password: str = Field("", description="Password for SASL.")
    ssl_ca: str = Field("", description="File with the certificates that brokers and registry are checked with.")
    group: str = Field("", description="Consumer group that offsets are told to, for monitoring; default: the table.")
    schema_registry: str = Field("", description="Address of a registry that speaks Confluent's REST protocol.")
    schema_registry_username: str = Field("", description="Name for the registry.")
    schema_registry_password: str = Field("", description="Password for the registry.")
    glue_region: str = Field("", description="Region of an AWS Glue schema registry.")
    glue_endpoint: str = Field("", description="Address of AWS Glue, where it is not the usual one.")


class KafkaOptions(Block):
    """`options` of a table of a source of kind `kafka`."""

    topic: str = Field(min_length=1, description="The topic.")
    format: Format = Field("json", description="What values are; `avro` and `protobuf` name a schema of a registry.")
    key_format: Literal["text", "json", "avro", "protobuf"] = Field("text", description="What keys are.")
    envelope: Literal["none", "debezium"] = Field(
        "none", description="`debezium`: a value holds the row before and after a change, and what the change is."
    )
    key_columns: Items[str] = Field(
        (), description="Columns that the key fills where there is no value: fields of the key, or one for a text."
    )
    nested: Items[str] = Field((), description="Columns of objects or lists, which are kept as JSON text.")
    topic_id: str = Field("", description="Says that this topic is meant, although the table was loaded from another.")
    accept_lost: Items[str] = Field(
        (), description="Says that records may be missing: `<partition>@<first>-<last>`, as the incident names them."
    )
    max_lag: int | None = Field(None, ge=0, description="More records that wait than this are told as an incident.")
    max_records: int = Field(10_000, ge=1, description="Most records of one commit.")
    max_bytes: int = Field(32 << 20, ge=1, description="Most bytes of one commit, about.")
    max_wait: Duration = Field(
        timedelta(seconds=5), description="How long records wait for others to be committed with."
    )
