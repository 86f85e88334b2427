"""What a source file says about a table of a database: `options`. Their descriptions are the reference."""

from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from lakehouse_assets.documents.blocks import Block

Window = Literal["full", "cursor", "partition"]


class RelationOptions(Block):
    """`options` of a table that a database holds."""

    relation: str = Field("", description="Table or view, such as `sales.orders`; default: the table's own name.")
    window: Window = Field(
        "full",
        description="What a partition is: `full`, all there is; `cursor`, rows whose `cursor` is in the day; "
        "`partition`, rows whose `partitionColumn` is the day.",
    )
    partition_column: str = Field("", description="Raw column that holds the day a row belongs to.")
    day_format: str = Field(
        "%Y-%m-%d", description="How a day is written in a column of text or whole numbers, such as `%Y%m%d`."
    )
    epoch: Literal["", "s", "ms", "us"] = Field(
        "", description="Unit of a cursor that counts from 1970, for a column of whole numbers."
    )
    timezone: str = Field("UTC", description="Time zone of times that are stored without one.")
    batch_rows: int = Field(50_000, ge=1, description="Rows that are fetched at once.")

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = f"{name!r} is no time zone"
            raise ValueError(msg) from error
        return name

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.window == "partition") != bool(self.partition_column):
            msg = "`window: partition` and `partitionColumn` need each other"
            raise ValueError(msg)
        return self


class SqlOptions(RelationOptions):
    """`options` of a table of kind `sql`."""
