"""Plans that this program wrote into files of formats that cannot hold them: drawn for people, and carried as they are.

Beside each drawing stands its feature of a GeoJSON plan file. Reading takes the feature, and holds the drawing against
it: one that was moved since, by whatever program, is refused, because nobody can know which of the two is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.feeds.geojson import plans_of_features
from detente.feeds.source import Within, decode_json
from detente.feeds.xml_tree import Element

CARRIED = "detente_plan"
"""The name under which a feature stands in a file."""

TOLERANCE = 1e-6
"""How far a number of a drawing may be from the plan's, for programs that write fewer digits: a tenth of a metre."""

LOOKS = frozenset({"tessellate", "drawOrder"})
Drawn = list[list[Element]]
"""The elements of each volume of a plan, or of its trajectory."""


class CarriedPlans:
    """Features met so far, with the elements that draw each and where these stand."""

    def __init__(self) -> None:
        self._features: list[Any] = []
        self._drawn: list[tuple[list[Element], str]] = []

    def add(self, text: str, drawn: list[Element], place: str) -> None:
        """Take in a feature, and what draws it."""
        with Within(CARRIED):
            self._features.append(decode_json(text.encode()))
        self._drawn.append((drawn, place))

    def plans(self, draw: Callable[[Plan], Drawn]) -> tuple[Plan, ...]:
        """Return the plans; raises Refusal naming the place of a drawing that is not what `draw` makes of its plan."""
        with Within(CARRIED):
            plans = plans_of_features(self._features)
        expected = {plan.plan_id: draw(plan) for plan in plans}
        for feature, (drawn, place) in zip(self._features, self._drawn, strict=True):
            properties = feature["properties"]
            parts = expected[properties["plan_id"]]
            part = parts[properties.get("part", 1) - 1] if len(parts) > 1 else parts[0]
            if not _same(part, drawn):
                raise Refusal("routes.drawn_as_carried", place, properties["plan_id"])
        return plans


def _same(expected: Sequence[Element], found: Sequence[Element]) -> bool:
    if len(expected) != len(found):
        return False
    return all(
        one.name == other.name
        and _same_text(one.text, other.text)
        and one.attributes.keys() == other.attributes.keys()
        and all(_same_text(value, other.attributes[name]) for name, value in one.attributes.items())
        and _same(_shown(one), _shown(other))
        for one, other in zip(expected, found, strict=True)
    )


def _shown(element: Element) -> list[Element]:
    return [child for child in element.children if child.name not in LOOKS]


def _same_text(expected: str, found: str) -> bool:
    if expected == found:
        return True
    words, others = (text.replace(",", " ").split() for text in (expected, found))
    return len(words) == len(others) and all(map(_same_word, words, others))


def _same_word(expected: str, found: str) -> bool:
    if expected == found:
        return True
    try:
        return abs(float(expected) - float(found)) <= TOLERANCE
    except ValueError:
        return False
