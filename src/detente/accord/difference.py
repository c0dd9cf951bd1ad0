"""The difference of two versions of an accord: what was added, taken out or changed, by the dotted name of the term."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from detente.accord.provisions import STANDARD_PROVISIONS
from detente.accord.quantities import to_text
from detente.accord.terms import Accord, format_accord


class Alteration(StrEnum):
    """What became of a term."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class TermDifference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One term that differs. `term` is its dotted name in the text, a row by what it is about."""

    alteration: Alteration
    term: str
    before: str = ""
    after: str = ""


def differences(before: Accord, after: Accord) -> list[TermDifference]:
    """Return every term in which two accords differ, in the order of their names; none when their hashes are equal."""
    first, second = dict(_terms(before)), dict(_terms(after))
    found = []
    for term in sorted(first.keys() | second.keys()):
        old, new = first.get(term), second.get(term)
        if old is None and new is not None:
            found.append(TermDifference(Alteration.ADDED, term, after=new))
        elif new is None and old is not None:
            found.append(TermDifference(Alteration.REMOVED, term, before=old))
        elif old != new and old is not None and new is not None:
            found.append(TermDifference(Alteration.CHANGED, term, old, new))
    return found


def _terms(accord: Accord) -> Iterator[tuple[str, str]]:
    """Every single term as text. What is not said is as it is by default, and is compared as such."""
    document = {**to_text(STANDARD_PROVISIONS), **tomllib.loads(format_accord(accord))}
    for name in ("disclosure_rules", "horizon_minima"):
        document[name] = sorted(document[name], key=str)
    document["suspension"]["keeps"] = sorted(set(document["suspension"]["keeps"]))
    yield from _flat("", document)


def _flat(place: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a TOML value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{place}.{name}" if place else name, inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        seen: dict[str, int] = {}
        for row in value:
            about = _about(row)
            seen[about] = seen.get(about, 0) + 1
            yield from _flat(f"{place}.{about}" + (f"-{seen[about]}" if seen[about] > 1 else ""), row)
    elif isinstance(value, list):
        yield place, ", ".join(str(inner) for inner in value)
    elif isinstance(value, datetime):
        yield place, value.isoformat().replace("+00:00", "Z")
    else:
        yield place, str(value).lower() if isinstance(value, bool) else str(value)


def _about(row: dict[str, Any]) -> str:
    """What a row of a list is about, so that a changed row is one changed row and not a shift of all that follow."""
    for names in (("name",), ("post",), ("party",), ("use", "frequency"), ("horizon", "classes"), ("classes",)):
        if all(name in row for name in names):
            return "+".join("+".join(sorted(v)) if isinstance(v, list) else str(v) for v in (row[n] for n in names))
    return "+".join(f"{name}={value}" for name, value in sorted(row.items()) if name != "level")
