"""Which words a field of a message may hold, for a complaint that names them: a decoder only says that one is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import inspect

_STEP = re.compile(r"\.([^.\[\]]+)|\[[^\]]*\]")


def allowed_words(kind: object, path: str) -> tuple[str, ...]:
    """Return the words that the enumeration at `path` (as msgspec writes it, ``$.altitude.unit``) of `kind` knows.

    Where a union leaves open which of its types is meant, the words of each; none when there is no enumeration.
    """
    reached: list[inspect.Type] = list(_flat([inspect.type_info(kind)]))
    for step in _STEP.finditer(path.removeprefix("$")):
        reached = list(_flat(_below(reached, step[1])))
    words = [str(word) for found in reached if isinstance(found, inspect.EnumType) for word in found.cls]
    return tuple(dict.fromkeys(words))


def _flat(types: Iterable[inspect.Type]) -> Iterator[inspect.Type]:
    for found in types:
        if isinstance(found, inspect.UnionType):
            yield from _flat(found.types)
        else:
            yield found


def _below(types: Iterable[inspect.Type], name: str | None) -> Iterator[inspect.Type]:
    """The types of the field `name`, or of the elements where there is none."""
    for found in types:
        match found:
            case inspect.StructType(fields=fields) if name is not None:
                yield from (field.type for field in fields if field.encode_name == name)
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if name is None:
                yield item
            case inspect.TupleType(item_types=items) if name is None:
                yield from items
            case inspect.DictType(value_type=value) if name is None:
                yield value
