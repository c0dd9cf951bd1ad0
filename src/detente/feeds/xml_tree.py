"""Untrusted XML as a small tree: no document type, no entities of its own, bounded depth and size."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat  # the parser below refuses every document type, so no entity can grow or fetch

from detente.airspace.refusal import Refusal
from detente.feeds.source import printable_line

MAX_DEPTH = 64
MAX_ELEMENTS = 3_000_000
SEPARATOR = " "


@dataclass(slots=True)
class Element:
    """One element: its local name, attributes, the line it begins on, its children and its text."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The element's own text without the blanks around it."""
        return "".join(self.pieces).strip()

    def child(self, name: str) -> Element | None:
        """Return the first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> list[Element]:
        """Return every child of that name."""
        return [child for child in self.children if child.name == name]


def check_children(element: Element, known: frozenset[str], repeated: frozenset[str]) -> None:
    """Raise Refusal for what nobody reads: a child that is not known, a second one of what is read once, stray text."""
    seen: set[str] = set()
    for child in element.children:
        namespace, _, local = child.name.rpartition(SEPARATOR)
        shown = f"line {child.line}: {printable_line(local)}"
        if child.name not in known:
            raise Refusal(
                "feeds.known_element", shown, f"of {printable_line(namespace)}" if namespace else f"in {element.name}"
            )
        if child.name in seen and child.name not in repeated:
            raise Refusal("feeds.element_once", shown, f"a second one in {element.name}")
        seen.add(child.name)
    if element.text:
        raise Refusal("feeds.elements_not_text", f"line {element.line}: {element.name}", printable_line(element.text))


def parse_xml(content: bytes, namespaces: frozenset[str]) -> Element:
    """Return the root of a document; raises Refusal naming the line.

    Elements in one of `namespaces` or in none go by their local name; any other keeps its namespace before it.
    """
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.buffer_text = True
    stack: list[Element] = []
    roots: list[Element] = []
    count = 0

    def begin(qualified: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        line = parser.CurrentLineNumber
        if len(stack) >= MAX_DEPTH or count > MAX_ELEMENTS:
            raise Refusal(
                "feeds.at_most_levels_elements", f"line {line}", "too large", most=MAX_DEPTH, most_2=MAX_ELEMENTS
            )
        namespace, _, local = qualified.rpartition(SEPARATOR)
        name = local if not namespace or namespace in namespaces else qualified
        element = Element(name, attributes, line)
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def end(_qualified: str) -> None:
        stack.pop()

    def characters(text: str) -> None:
        stack[-1].pieces.append(text)

    def doctype(*_declaration: object) -> None:
        raise Refusal("feeds.xml_without_document_type", f"line {parser.CurrentLineNumber}", "<!DOCTYPE")

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(content, True)  # noqa: FBT003 - the parser takes no names
    except expat.ExpatError as error:
        raise Refusal(
            "feeds.well_formed_xml", f"line {error.lineno}, column {error.offset}",
            expat.errors.messages.get(error.code, "?"),
        ) from None  # fmt: skip
    except (ValueError, LookupError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("feeds.xml_in_utf8", "line 1", printable_line(str(error))) from None
    return roots[0]
