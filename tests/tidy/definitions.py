"""Which names the package defines and which of them something reaches, read from the files without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from source_tree import PYTHON, ROOT, files, module_of, name, parsed

CALLED_BY_NAME = re.compile(
    r"detente\.cli\.main\.main|detente\.cli\.\w+\.(register|COMMANDS)|detente\.rehearsal\.\w+\.rehearse"
)
"""What starts the program, and what it finds by the name of a command or of a rehearsal."""


class Definition(NamedTuple):
    """A name at the top of a module: `node` is what defines it."""

    module: str
    name: str
    node: ast.stmt
    path: Path

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def is_type(self) -> bool:
        """Whether it is a class or another name for types: written in capitals and small letters."""
        return self.name[0].isupper() and not self.name.isupper()


def defined_by(node: ast.stmt) -> list[str]:
    """The names that one statement at the top of a module defines."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=target)):
            return [target]
    return []


@cache
def definitions() -> tuple[Definition, ...]:
    """Everything that modules of the package define at their top."""
    return tuple(
        Definition(module_of(path), defined, node, path)
        for path in files("src", suffixes=PYTHON)
        for node in parsed(path).body
        for defined in defined_by(node)
    )


@cache
def imported(path: Path) -> dict[str, str]:
    """What the names that a file imports, anywhere in it, mean: full names."""
    meaning = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            meaning.update(
                {
                    a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0]
                    for a in node.names
                }
            )
        elif isinstance(node, ast.ImportFrom) and node.module:
            meaning.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return meaning


@cache
def handed_on() -> dict[str, str]:
    """What modules hand on from others: the name in the module that imports it, and what it is the name of."""
    return {
        f"{module_of(path)}.{short}": full
        for path in files("src", suffixes=PYTHON)
        for short, full in imported(path).items()
    }


def origin(full_name: str) -> str:
    """The name where it is defined, for one that was handed on, however often."""
    while (before := handed_on().get(full_name, full_name)) != full_name:
        full_name = before
    return full_name


def names_in(top: ast.AST, module: str, meaning: dict[str, str]) -> Iterator[str]:
    """Full names that code mentions, in a module with these imports; strings may be annotations in quotes."""
    for node in ast.walk(top):
        if isinstance(node, ast.Name | ast.Attribute):
            yield origin(_full_name(node, module, meaning))
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.\[\], |]+", str(node.value)):
            yield from (origin(meaning.get(word, f"{module}.{word}")) for word in re.findall(r"\w+", str(node.value)))


def _full_name(node: ast.expr, module: str, meaning: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return meaning.get(node.id, f"{module}.{node.id}")
    if isinstance(node, ast.Attribute):
        before = _full_name(node.value, module, meaning)
        return f"{before}.{node.attr}" if before else ""
    return ""


def unreached() -> list[Definition]:
    """Definitions that nothing reaches.

    What runs when a module is imported reaches what it mentions, and so does what is registered by a decorator, the
    tools, the benchmarks and the Python that the documentation shows; what is reached reaches what it mentions.
    """
    reached: set[str] = set()
    waiting: dict[str, set[str]] = {}
    for path in files("src", "bench", "tools", suffixes=PYTHON):
        package = name(path).startswith("src/")
        module = module_of(path) if package else ""
        for node in parsed(path).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                continue
            mentioned = set(names_in(node, module, imported(path)))
            defined = defined_by(node) if package else []
            registered = bool(getattr(node, "decorator_list", ())) and _is_registered(node)
            if defined and not registered:
                for one in defined:
                    waiting.setdefault(f"{module}.{one}", set()).update(mentioned)
            else:
                reached |= mentioned | {f"{module}.{one}" for one in defined}
    for page in [ROOT / "README.md", *files("docs", suffixes=frozenset({".md"}))]:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom):
                    full = [f"{node.module}.{alias.name}" for alias in node.names]
                    reached.update(map(origin, full))
    while found := [one for one in waiting if one in reached or CALLED_BY_NAME.fullmatch(one)]:
        for one in found:
            reached |= waiting.pop(one)
    return [one for one in definitions() if one.full_name in waiting and not one.name.startswith("__")]


def _is_registered(node: ast.stmt) -> bool:
    """Whether a decorator hands the function on: `@get(...)`, `@evolve.register`; `@njit(...)` does not."""
    decorators = [one for one in getattr(node, "decorator_list", ()) if isinstance(one, ast.Call | ast.Attribute)]
    names = [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in decorators]
    return any(not re.search(r"njit|dataclass|contextmanager|cache", name) for name in names)
