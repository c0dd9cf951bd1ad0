"""A word that is not known is answered with those that are, wherever the field is."""

from enum import StrEnum

import msgspec
import pytest

from detente.room.allowed_words import allowed_words
from detente.room.decoding import refusal_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shape(StrEnum):
    ROUND = "round"


class Cat(msgspec.Struct, tag="cat"):
    kind: Colour
    lives: int = 9


class Dog(msgspec.Struct, tag="dog"):
    kind: Shape
    friends: tuple[Cat, ...] = ()


class House(msgspec.Struct):
    pets: list[Cat | Dog]
    rooms: dict[str, Colour] = {}
    door: Colour | None = None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("$.door", ("red", "blue")),
        ("$.pets[...].kind", ("red", "blue", "round")),
        ("$.pets[0].friends[...].kind", ("red", "blue")),
        ("$.rooms[...]", ("red", "blue")),
        ("$.pets[...].lives", ()),
        ("$.nothing", ()),
        ("$", ()),
    ],
)
def test_words_are_found_by_their_path(path, words):
    assert allowed_words(House, path) == words


def test_a_complaint_names_the_words():
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"pets": [], "door": "green"}, House)
    refusal = refusal_of(caught.value, "house", House)
    assert (refusal.field, refusal.value, refusal.expected) == ("door", "green", "one of red, blue")
