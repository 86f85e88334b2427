"""Narwhals types as Spark writes them in DDL. Nothing here imports Spark."""

from collections.abc import Mapping

import narwhals as nw

_PLAIN: Mapping[type[nw.dtypes.DType], str] = {
    nw.String: "string",
    nw.Int32: "int",
    nw.Int64: "bigint",
    nw.Float64: "double",
    nw.Boolean: "boolean",
    nw.Date: "date",
    nw.Binary: "binary",
}


def spark_schema(schema: Mapping[str, nw.dtypes.DType]) -> str:
    """Return columns as the DDL of a Spark schema."""
    return ", ".join(f"{quoted(name)} {spark_type(dtype)}" for name, dtype in schema.items())


def spark_type(dtype: nw.dtypes.DType) -> str:
    """Return a type as Spark's DDL names it; raise TypeError for one that no table has."""
    if isinstance(dtype, nw.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    if isinstance(dtype, nw.Datetime):
        return "timestamp" if dtype.time_zone else "timestamp_ntz"
    if isinstance(dtype, nw.List):
        return f"array<{spark_type(_whole(dtype.inner))}>"
    if isinstance(dtype, nw.Struct):
        return f"struct<{', '.join(f'{quoted(f.name)}: {spark_type(_whole(f.dtype))}' for f in dtype.fields)}>"
    found = _PLAIN.get(type(dtype))
    if found is None:
        msg = f"tables have no columns of the type {dtype}"
        raise TypeError(msg)
    return found


def quoted(name: str) -> str:
    """Return a column's name as SQL takes it whatever it holds."""
    return "`" + name.replace("`", "``") + "`"


def _whole(dtype: nw.dtypes.DType | type[nw.dtypes.DType]) -> nw.dtypes.DType:
    return dtype() if isinstance(dtype, type) else dtype
