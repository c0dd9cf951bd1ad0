"""Drawings as SVG elements, escaped by the XML library; colours and strokes are the page's style sheet's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from detente.plots.bilingual import Worded
from detente.plots.window import Metres

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold."""


class Drawing:
    """An SVG picture being drawn, in user units from the top left corner."""

    def __init__(self, width: float, height: float, css_class: str) -> None:
        """Start a picture that scales to the room it is given and keeps its proportions.

        It is hidden from screen readers: the page says in words what it shows.
        """
        self.width = width
        self.height = height
        self.root = ET.Element(
            "svg",
            {"viewBox": f"0 0 {coordinate(width)} {coordinate(height)}", "class": css_class, "aria-hidden": "true"},
        )
        self._groups = [self.root]

    def begin(self, css_class: str) -> None:
        """Open a group; what is added goes inside it until `end`."""
        self.inside(self.add("g", css_class))

    def inside(self, element: ET.Element) -> None:
        """Open `element`; what is added goes inside it until `end`."""
        self._groups.append(element)

    def end(self) -> None:
        """Close the innermost group."""
        self._groups.pop()

    def add(self, tag: str, css_class: str = "", title: str = "", **attributes: str | float) -> ET.Element:
        """Add an element; underscores in attribute names become hyphens, `title` is shown when hovering."""
        element = ET.SubElement(self._groups[-1], tag)
        if css_class:
            element.set("class", css_class)
        for name, value in attributes.items():
            element.set(name.replace("_", "-"), value if isinstance(value, str) else coordinate(value))
        if title:
            ET.SubElement(element, "title").text = clean(title)
        return element

    def line(self, x1: float, y1: float, x2: float, y2: float, css_class: str) -> None:
        """Add a straight line."""
        self.add("line", css_class, x1=x1, y1=y1, x2=x2, y2=y2)

    def rectangle(self, x: float, y: float, width: float, height: float, css_class: str, title: str = "") -> None:
        """Add a rectangle by its top left corner."""
        self.add("rect", css_class, title, x=x, y=y, width=width, height=height)

    def circle(self, x: float, y: float, radius: float, css_class: str, title: str = "") -> None:
        """Add a circle."""
        self.add("circle", css_class, title, cx=x, cy=y, r=radius)

    def path(self, lines: Iterable[Metres], css_class: str, *, closed: bool = False, title: str = "") -> None:
        """Add lines (rows of x and y in user units) as one path; nothing when there is no line."""
        data = "".join(path_data(line, closed=closed) for line in lines)
        if data:
            self.add("path", css_class, title, d=data)

    def text(self, x: float, y: float, words: str | Worded, css_class: str = "", **attributes: str | float) -> None:
        """Add text with its baseline at `y`, in each language where they differ."""
        element = self.add("text", css_class, "", x=x, y=y, **attributes)
        variants = {words} if isinstance(words, str) else set(words.values())
        if len(variants) == 1:
            element.text = clean(variants.pop())
            return
        assert not isinstance(words, str)
        for language, written in words.items():
            ET.SubElement(element, "tspan", {"lang": language.value}).text = clean(written)

    def markup(self) -> str:
        """The picture as an `svg` element for an HTML page."""
        return ET.tostring(self.root, encoding="unicode")


def path_data(points: Metres, *, closed: bool = False) -> str:
    """Rows of x and y as SVG path data, to a tenth of a unit, points that fall together left out."""
    steps: list[str] = []
    last = ""
    for x, y in points.round(1).tolist():
        step = f"{x:g} {y:g}"
        if step != last:
            steps.append(step)
            last = step
    return f"M{'L'.join(steps)}{'Z' if closed else ''}"


def coordinate(value: float) -> str:
    """A coordinate to a hundredth of a unit."""
    return f"{round(value, 2) + 0.0:g}"


def clean(words: str) -> str:
    """The words without characters that XML cannot hold, each shown as U+FFFD."""
    return NOT_XML.sub("\ufffd", words)
