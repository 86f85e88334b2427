"""Thrift's compact protocol, read without knowing the structures: what the footer of a Parquet file is written in.

What belongs here: bytes to plain values, in bounded time and depth whatever they are. What does not: their meaning.
A structure is a mapping from field number to value. The libraries that read it need its definition and trust it.
"""

import struct
from typing import Any

_DEEPEST = 32
_LONGEST_VARINT = 10
_TRUE, _FALSE = 1, 2


class MalformedError(ValueError):
    """Bytes that are no structure."""


def read_struct(data: bytes) -> dict[int, Any]:
    """Return the structure at the beginning of `data`; raise MalformedError when there is none."""
    return _Reader(data).struct(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise MalformedError
        fields: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            kind, step = header & 15, header >> 4
            number = number + step if step else _signed(self._varint())
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401 - values of any type
        match kind:
            case 1 | 2 | 3:  # true, false, byte: one byte inside of lists and maps
                value: Any = self._byte()
            case 4 | 5 | 6:  # integers of 16, 32 and 64 bits
                value = _signed(self._varint())
            case 7:
                value = struct.unpack("<d", self._take(8))[0]
            case 8:
                value = self._take(self._varint())
            case 9 | 10:  # lists and sets
                value = self._list(depth)
            case 11:
                value = self._map(depth)
            case 12:
                value = self.struct(depth + 1)
            case _:
                raise MalformedError
        return value

    def _list(self, depth: int) -> list[Any]:
        header = self._byte()
        size, kind = header >> 4, header & 15
        size = self._varint() if size == 15 else size  # noqa: PLR2004 - the largest number that fits beside the type
        self._require(size)  # every element takes a byte at least
        return [self._value(kind, depth + 1) for _ in range(size)]

    def _map(self, depth: int) -> list[tuple[Any, Any]]:
        size = self._varint()
        if not size:
            return []
        self._require(size)
        kinds = self._byte()
        return [(self._value(kinds >> 4, depth + 1), self._value(kinds & 15, depth + 1)) for _ in range(size)]

    def _varint(self) -> int:
        number = 0
        for place in range(_LONGEST_VARINT):
            byte = self._byte()
            number |= (byte & 127) << (7 * place)
            if byte < 128:  # noqa: PLR2004 - the eighth bit says that more follows
                return number
        raise MalformedError

    def _byte(self) -> int:
        self._require(1)
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, size: int) -> bytes:
        self._require(size)
        self._at += size
        return self._data[self._at - size : self._at]

    def _require(self, size: int) -> None:
        if size > len(self._data) - self._at:
            raise MalformedError


def _signed(number: int) -> int:
    return (number >> 1) ^ -(number & 1)
