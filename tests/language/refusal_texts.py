"""The texts of every refusal in the program, read from its source: what is expected, and the mend."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TABLES = frozenset({"_MENDS", "_TYPES", "_WANTED"})
SOURCE = Path(__file__).parents[2] / "src" / "detente"


def refusal_texts() -> dict[str, str]:
    """Every text with its places as {0}, {1}, and a file where it stands."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        }  # fmt: skip
        for text in _in_tables(tree):
            found.setdefault(text, str(path.relative_to(SOURCE)))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check_range":
                for argument in node.args[4:]:
                    for text in _texts(argument, constants):
                        found.setdefault(text, str(path.relative_to(SOURCE)))
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Refusal":
                named = [keyword.value for keyword in node.keywords if keyword.arg in ("expected", "mend")]
                for argument in (*node.args[2:4], *named):
                    for text in _texts(argument, constants):
                        found.setdefault(text, str(path.relative_to(SOURCE)))
    return {text: place for text, place in found.items() if any(character.isalpha() for character in text)}


def _in_tables(tree: ast.Module) -> Iterator[str]:
    """The texts of tables from which refusals take what they say."""
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id in TABLES and isinstance(value, ast.Dict):
            for text in value.values:
                yield from _texts(text, {})


def _texts(node: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.JoinedStr(values=values):
            places = iter(range(len(values)))
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else f"{{{next(places)}}}" for v in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, constants)
            yield from _texts(orelse, constants)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _texts(value, constants)
        case ast.Name(id=name) if name in constants:
            yield constants[name]
