"""Pure rooms need no clock, no chance and no world outside. Which are pure, the table of docs/architecture.md says."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from source_tree import ROOT, SOURCE, described_rooms, name, parsed

IMPURE_MODULES = frozenset({
    "asyncio", "ctypes", "fcntl", "glob", "http", "io", "locale", "logging", "mmap", "multiprocessing", "os", "pathlib",
    "pickle", "random", "secrets", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib", "uuid", "webbrowser", "aiohttp", "httpx", "litestar", "requests",
    "structlog", "uvloop", "numpy.random", "importlib.resources",
})  # fmt: skip
IMPURE_CALLS = frozenset({
    "open", "print", "input", "breakpoint", "exec", "eval", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today",
})  # fmt: skip
ALLOWED = {
    ("airspace/compile.py", "pathlib"): "run once at set-up, to forget stale machine code",
    ("watch/compile.py", "pathlib"): "run once at set-up, to forget stale machine code",
    ("airspace/geoid.py", "importlib.resources"): "reads the carried geoid grid, which never changes",
    ("line/phrases.py", "importlib.resources"): "reads the carried phrase table, which never changes",
    ("language/", "importlib.resources"): "reads the carried texts, which never change",
}
"""What a file, or a folder, of a pure room may import all the same, and why."""


def impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each import or call that needs the world outside."""
    meaning: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                meaning[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield from ((node.lineno, found) for found in _impure_module(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            reached = [_impure_module(f"{node.module}.{alias.name}") for alias in node.names]
            yield from ((node.lineno, found) for found in dict.fromkeys(m for several in reached for m in several))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _dotted(node.func, meaning)
            if called in IMPURE_CALLS or called.startswith("numpy.random."):
                yield node.lineno, called


def _impure_module(module: str) -> list[str]:
    return [bad for bad in sorted(IMPURE_MODULES) if module == bad or module.startswith(bad + ".")]


def _dotted(node: ast.expr, meaning: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return meaning.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, meaning)}.{node.attr}"
    return ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("import datetime as d\nd.datetime.utcnow()", "datetime.datetime.utcnow"),
        ("import time", "time"),
        ("from time import monotonic", "time"),
        ("import os.path", "os"),
        ("from random import Random", "random"),
        ("import numpy as np\nnp.random.default_rng()", "numpy.random.default_rng"),
        ("from numpy.random import default_rng", "numpy.random"),
        ("from numpy import random", "numpy.random"),
        ("from importlib import resources", "importlib.resources"),
        ("def f():\n    open('x')", "open"),
        ("print(1)", "print"),
    ],
)
def test_the_scan_for_impurity_sees(source: str, found: str) -> None:
    assert found in [what for _, what in impurities(ast.parse(source))]


def test_the_scan_for_impurity_lets_pure_code_be() -> None:
    source = (
        "from datetime import datetime\nimport numpy as np\ndatetime.fromtimestamp(0)\nnp.ones(1)\nx.open()\ntime.now()"
    )
    assert not list(impurities(ast.parse(source)))


def test_pure_rooms_need_no_clock_no_chance_and_no_world() -> None:
    bad, used = [], set()
    for room in described_rooms():
        for path in sorted((SOURCE / room.name).rglob("*.py")) if room.is_pure else ():
            short = path.relative_to(SOURCE).as_posix()
            if short.startswith(tuple(f"{part}/" for part in room.impure_parts)):
                continue
            for line, what in impurities(parsed(path)):
                allowed = [one for one in ALLOWED if short.startswith(one[0]) and what == one[1]]
                used.update(allowed)
                if not allowed:
                    bad.append(f"{name(path)}:{line} {what}")
    assert not bad, f"let time, chance and data come in with the command: {bad}"
    assert used == set(ALLOWED), f"no longer needed in ALLOWED: {set(ALLOWED) - used}"


def contracts() -> list[Any]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(settings["tool"]["importlinter"]["contracts"])


def test_the_import_contracts_name_the_pure_rooms_that_the_table_names() -> None:
    pure = [room for room in described_rooms() if room.is_pure]
    assert any(room.name == "airspace" for room in pure), "the table of docs/architecture.md says which rooms are pure"
    held = {module for one in contracts() if one["type"] == "forbidden" for module in one["source_modules"]}
    whole = {f"detente.{room.name}" for room in pure if not room.impure_parts}
    expected = set(whole)
    for room in pure:
        if room.impure_parts:
            parts = {path.stem for path in (SOURCE / room.name).iterdir() if (path / "__init__.py").exists()}
            parts |= {path.stem for path in (SOURCE / room.name).glob("*.py") if path.stem != "__init__"}
            expected |= {
                f"detente.{room.name}.{part}" for part in parts if f"{room.name}/{part}" not in room.impure_parts
            }
    assert held == expected, f"name the same in pyproject.toml: too few {expected - held}, too many {held - expected}"


def test_the_import_contract_keeps_the_floors_of_all_rooms() -> None:
    layers = next(one for one in contracts() if one["type"] == "layers")["layers"]
    floors = [module.strip() for floor in layers for module in floor.split("|")]
    assert sorted(floors) == sorted(f"detente.{room.name}" for room in described_rooms())
