"""What a source of kind `rest` may say; descriptions are the reference."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from lakehouse_assets.documents.blocks import Block, Items


class RestConnection(Block):
    """`connection` of a source of kind `rest`."""

    url: str = Field(description="Where it is: `https://host/base`.")
    auth: str = Field("none", description="Who asks: `none`, `bearer`, `basic`, `header` or `oauth2`.")
    token: str = Field("", description="With `bearer`: the token.")
    user: str = Field("", description="With `basic`: the user.")
    password: str = Field("", description="With `basic`: the password.")
    header: str = Field("X-Api-Key", description="With `header`: its name.")
    api_key: str = Field("", description="With `header`: its value.")
    oauth_url: str = Field("", description="With `oauth2`: where client credentials are exchanged for a token.")
    client_id: str = Field("", description="With `oauth2`: the client.")
    client_secret: str = Field("", description="With `oauth2`: its secret.")
    scope: str = Field("", description="With `oauth2`: what the token is for.")
    allowed_hosts: str = Field(
        "",
        description="Other hosts that answers may lead to, and private addresses that are meant: `host`, `host:port` "
        "or a network such as `10.1.0.0/16`, divided by blanks.",
    )


class PagingBlock(Block):
    """`options.paging`: how a page leads to the next one."""

    by: Literal["none", "cursor", "page", "offset", "link"] = Field(
        "none",
        description="`cursor`: the answer holds what to send for the next page, or its URL; `page`, `offset`: counted "
        "here; `link`: the header `Link` of RFC 8288 with `rel=next`.",
    )
    cursor: str = Field("next", description="With `cursor`: where the answer holds it, as `meta.next`.")
    parameter: str = Field("", description="Parameter that asks for a page; `cursor`, `page` or `offset` by default.")
    first: int = Field(1, ge=0, description="With `page`: number of the first page.")
    size: int | None = Field(None, ge=1, description="Records to ask for at once; needed with `offset`.")
    size_parameter: str = Field("limit", description="Parameter for the size.")
    max_empty: int = Field(3, ge=1, description="Empty pages in a row, each leading to another, after which to stop.")
    max_pages: int = Field(100_000, ge=1, description="More pages than this are an error.")

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.by == "offset" and self.size is None:
            msg = "paging by offset needs a size"
            raise ValueError(msg)
        return self


class EntriesBlock(Block):
    """`options.entries`: records that are the entries of an object, as `{"USD": 1.17, "JPY": 183.1}`."""

    key: str = Field(description="Column of the keys.")
    value: str = Field(description="Column of the values.")


class RestOptions(Block):
    """`options` of a table of kind `rest`."""

    path: str = Field(description="Path below the URL of the connection.")
    params: dict[str, str] = Field(
        default={},
        description="Parameters. `{partition}` is the partition, `{start}` and `{end}` are its window in UTC "
        "(`2026-01-05T00:00:00Z`), `{start_epoch}` and `{end_epoch}` the same in seconds; they work in `path`, too.",
    )
    headers: dict[str, str] = Field(default={}, description="Headers to send; credentials belong to the connection.")
    records: str = Field("", description="Where the answer has its records, as `data.items`; empty: it is the list.")
    fields: dict[str, str] = Field(
        default={}, description="Where a column stands that is not its own name: `user.name`."
    )
    entries: EntriesBlock | None = Field(None, description="Where records are the entries of an object, not a list.")
    once: dict[str, str] = Field(
        default={}, description="Columns that stand once in the answer for all of its records: `meta.publishedAt`."
    )
    nested: Items[str] = Field((), description="Columns of objects or lists, which are kept as JSON text.")
    ignore: Items[str] = Field((), description="Keys that are no data, such as `_links`.")
    paging: PagingBlock = Field(PagingBlock(), description="How a page leads to the next one.")
    total: str = Field("", description="Where the answer says how many records there are; compared with what came.")
    error: str = Field("error", description="Where an answer with status 200 says that it is an error.")
    requests_per_second: float | None = Field(None, gt=0, description="How often to ask at most.")
    max_requests: int | None = Field(None, ge=1, description="How often to ask for one partition at most, in one run.")

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if "://" in path or "?" in path or "#" in path or ".." in path.split("/"):
            msg = "write a path below the URL of the connection; parameters go into params"
            raise ValueError(msg)
        return path

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        if any(name.lower() in {"authorization", "cookie", "proxy-authorization", "host"} for name in headers):
            msg = "credentials belong to the connection, and the host is that of its URL"
            raise ValueError(msg)
        return headers
