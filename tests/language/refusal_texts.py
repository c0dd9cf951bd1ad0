"""The codes of refusals in the program's source, and the texts under them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from detente.language import Language
from detente.language.refused import refusals_of

SOURCE = Path(__file__).parents[2] / "src" / "detente"
FOLDER = SOURCE / "language" / "refusals"
RAISED_BY = frozenset({"Refusal", "not_found"})


class Raised(NamedTuple):
    """A refusal where it stands: its code, empty where it is none of its words, and its parameters."""

    place: str
    code: str
    parameters: frozenset[str] | None


def texts_of(language: Language) -> dict[str, dict[str, str]]:
    """The texts of every code in one language."""
    rooms = sorted(
        file.name.partition(".")[0] for file in FOLDER.glob(f"*.{language}.toml") if "words" not in file.name
    )
    return {f"{room}.{name}": parts for room in rooms for name, parts in refusals_of(language, room).items()}


def raised() -> Iterator[Raised]:
    """Every refusal that the source makes with a code of its own."""
    for path, node in _nodes():
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED_BY and node.args:
            place = f"{path.relative_to(SOURCE)}:{node.lineno}"
            names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
            spread = any(keyword.arg is None for keyword in node.keywords)
            for code in _codes(node.args[0]):
                yield Raised(place, code, None if spread else names)


def strings() -> frozenset[str]:
    """Every text constant of the source: a code that is none of them can never be said."""
    constants = (node for _, node in _nodes() if isinstance(node, ast.Constant))
    return frozenset(node.value for node in constants if isinstance(node.value, str))


def units() -> frozenset[str]:
    """The units that a refusal of a figure out of its range names."""
    calls = (node for _, node in _nodes() if isinstance(node, ast.Call))
    ranges = (call for call in calls if getattr(call.func, "id", "") == "check_range")
    return frozenset(call.args[4].value for call in ranges if isinstance(call.args[4], ast.Constant))


def _codes(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(code)):
            yield code
        case ast.IfExp(body=body, orelse=orelse):
            yield from _codes(body)
            yield from _codes(orelse)


@cache
def _nodes() -> tuple[tuple[Path, ast.AST], ...]:
    """Calls and constants of the whole source, which takes seconds to read."""
    return tuple(
        (path, node)
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call | ast.Constant)
    )
