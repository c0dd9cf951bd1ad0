"""No schema has a field or a word for targets, weapons, intelligence or ground forces (R1)."""

from __future__ import annotations

import enum
import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest
from accord_samples import FULL

import detente
from detente.accord.forbidden_words import forbidden_in
from detente.accord.schema import accord_schema
from detente.accord.terms import parse_accord
from detente.airspace.refusal import Refusal


def types_of_the_package() -> Iterator[type]:
    """Every Struct and Enum that a module of the package defines."""
    for module in pkgutil.walk_packages(detente.__path__, "detente."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            own = isinstance(value, type) and value.__module__ == module.name
            if own and issubclass(value, msgspec.Struct | enum.Enum):
                yield value


def names_of(kind: type) -> Iterator[str]:
    yield kind.__name__
    if issubclass(kind, msgspec.Struct):
        yield from kind.__struct_fields__
        yield from kind.__struct_encode_fields__
        yield str(kind.__struct_config__.tag or "")
    else:
        yield from kind.__members__
        yield from (str(member.value) for member in kind)


def test_no_struct_of_the_package_has_such_a_word() -> None:
    kinds = list(types_of_the_package())
    assert len(kinds) > 100
    found = {(kind.__module__, name): forbidden_in(name) for kind in kinds for name in names_of(kind)}
    assert {place: words for place, words in found.items() if words} == {}


def test_the_published_schema_has_no_such_word() -> None:
    def words(value):
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from forbidden_in(name)
                if name not in ("description", "title"):
                    yield from words(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from words(inner)
        elif isinstance(value, str):
            yield from forbidden_in(value)

    assert list(words(accord_schema())) == []


@pytest.mark.parametrize(
    "name",
    ["target_list", "TargetArea", "targets", "weapons_free", "intel", "groundForces", "ground_unit", "strikeTime",
     "zone de frappe", "TARGETS", "bombing", "renseignements"],
)  # fmt: skip
def test_words_are_found_in_any_spelling(name: str) -> None:
    assert forbidden_in(name)


@pytest.mark.parametrize(
    "name", ["in_force", "ground", "GroundElevation", "striker-free", "simulated_attack", "Kilo", "skill"]
)
def test_other_words_are_not(name: str) -> None:
    assert not forbidden_in(name)


@pytest.mark.parametrize("place", ["name", "call_sign", "post"])
def test_an_accord_with_such_a_word_is_refused(place: str) -> None:
    text = FULL.replace('name = "strait-2025"', 'name = "weapons"') if place == "name" else FULL
    text = text.replace("North aircraft", "target aircraft") if place == "call_sign" else text
    text = text.replace('"senior", "command"', '"senior", "intelligence", "command"') if place == "post" else text
    with pytest.raises(Refusal, match="nothing about targets"):
        parse_accord(text)
