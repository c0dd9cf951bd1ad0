"""The style guide as code: what no linter knows. Each rule says what to mend."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from detente.language import Language, keys

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "detente"
LONGEST_FILE = 600
WRITTEN = frozenset({".py", ".toml", ".css", ".html", ".ts", ".svelte", ".md"})
"""What people write, by its ending; data are not among them."""
PYTHON = frozenset({".py"})

PURE_ROOMS = ("airspace", "accord", "line", "picture", "utm")
IMPURE_PARTS = ("utm/service", "utm/access")
"""Parts of a pure room that serve HTTP, keep the journal or read keys."""
IMPURE_MODULES = frozenset({
    "asyncio", "ctypes", "fcntl", "glob", "http", "io", "locale", "logging", "mmap", "multiprocessing", "os", "pathlib",
    "pickle", "random", "secrets", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib", "uuid", "webbrowser", "aiohttp", "httpx", "litestar", "requests",
    "structlog", "uvicorn", "numpy.random", "importlib.resources",
})  # fmt: skip
IMPURE_CALLS = frozenset({
    "open", "print", "input", "breakpoint", "exec", "eval", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today",
})  # fmt: skip
ALLOWED = {
    ("airspace/compile.py", "pathlib"): "run once at set-up, to forget stale machine code",
    ("airspace/geoid.py", "importlib.resources"): "reads the carried geoid grid, which never changes",
    ("line/phrases.py", "importlib.resources"): "reads the carried phrase table, which never changes",
}
"""What a file of a pure room may import all the same, and why."""


def files(*folders: str, suffixes: frozenset[str] = WRITTEN) -> Iterator[Path]:
    """Files under these folders of the repository, except what programs leave behind."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            left_behind = any(part == "__pycache__" or part.startswith(".") for part in path.relative_to(ROOT).parts)
            if path.is_file() and not left_behind and (not suffixes or path.suffix in suffixes):
                yield path


def is_data(path: Path) -> bool:
    return "data" in path.relative_to(ROOT).parts


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name(path))


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
    for room in PURE_ROOMS:
        for path in sorted((SOURCE / room).rglob("*.py")):
            short = path.relative_to(SOURCE).as_posix()
            if short.startswith(IMPURE_PARTS):
                continue
            for line, what in impurities(parsed(path)):
                if (short, what) in ALLOWED:
                    used.add((short, what))
                else:
                    bad.append(f"{name(path)}:{line} {what}")
    assert not bad, f"let time, chance and data come in with the command: {bad}"
    assert used == set(ALLOWED), f"no longer needed in ALLOWED: {set(ALLOWED) - used}"


def test_files_are_short() -> None:
    written = [path for path in files("src", "tests", "bench", "tools") if not is_data(path)]
    long = [f"{name(path)}: {lines}" for path in written if (lines := path.read_bytes().count(b"\n")) > LONGEST_FILE]
    assert not long, f"over {LONGEST_FILE} lines; split each by purpose: {long}"


def test_everything_public_has_a_docstring() -> None:
    bare = [
        f"{name(path)}:{getattr(node, 'lineno', 1)} {label}"
        for path in files("src", suffixes=PYTHON)
        for label, node in public(parsed(path))
        if not ast.get_docstring(node)
    ]
    assert not bare, f"say what it is for, with shapes, units and errors: {bare}"


def public(
    tree: ast.Module,
) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The module, and its functions and classes, methods included, that others may use."""
    yield "module", tree
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    while scopes:
        for node in scopes.pop().body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
                "_"
            ):
                yield node.name, node
                if isinstance(node, ast.ClassDef):
                    scopes.append(node)


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    written = [
        *(path for path in files("src", "tests", "bench", "tools", "docs") if not is_data(path)),
        *(path for path in ROOT.iterdir() if path.suffix in WRITTEN or path.name in {"Makefile", "NOTICE"}),
    ]
    left = [
        f"{name(path)}:{number}"
        for path in written
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if marks.search(line)
    ]
    assert not left, f"do it, or open an issue and take the mark out: {left}"


def rooms() -> list[str]:
    return sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))


def test_every_room_is_described() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing = [room for room in rooms() if f"| `{room}/` |" not in architecture]
    assert not missing, f"give each a row in the table of docs/architecture.md: {missing}"
    assert set(PURE_ROOMS) <= set(rooms())


def test_every_decision_can_be_found() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    lost = [path.name for path in folder.glob("*.md") if path.name != "README.md" and f"({path.name})" not in index]
    assert not lost, f"link each from docs/decisions/README.md: {lost}"


def test_every_page_is_listed() -> None:
    listed = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/reference/README.md"))
    pages = [page for folder in ("tutorial", "how-to", "reference") for page in (ROOT / "docs" / folder).glob("*.md")]
    missing = sorted(str(page.relative_to(ROOT)) for page in pages if page.name not in listed)
    assert not missing, f"no index lists {missing}"


def test_carried_data_are_named_with_their_licence() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    said = [line.strip().rstrip("/") for line in notice.splitlines() if re.match(r"(src|tests|bench|docs)/\S+$", line)]
    everything = files("src", "tests", "bench", suffixes=frozenset())
    carried = [name(p) for p in everything if is_data(p) and not re.match("README|LICEN[CS]E|.*NOTICE", p.name)]
    unsaid = [file for file in carried if not any(file == place or file.startswith(place + "/") for place in said)]
    assert not unsaid, f"name the file or its folder on a line of its own in NOTICE, its licence below it: {unsaid}"
    gone = [place for place in said if not (ROOT / place).exists()]
    assert not gone, f"named in NOTICE and not there: {gone}"


def test_every_text_that_is_asked_for_exists_in_both_languages() -> None:
    assert keys(Language.ENGLISH) == keys(Language.FRENCH), "write every key in both en.toml and fr.toml"
    known = keys(Language.ENGLISH)
    unknown = []
    for path in files("src", suffixes=PYTHON):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and (key := asked_for(node)):
                found = key in known or {f"{key}.one", f"{key}.other"} <= known
                unknown.extend([] if found else [f"{name(path)}:{node.lineno} {key}"])
    for path in files("src", suffixes=frozenset({".html"})):
        asked = re.findall(r"\b(?:count_)?say\(\s*'([a-z_.]+)'\s*[,)]", path.read_text(encoding="utf-8"))
        unknown.extend(f"{name(path)} {key}" for key in asked if key not in known and f"{key}.one" not in known)
    assert not unknown, f"write these in en.toml and fr.toml: {unknown}"


def asked_for(call: ast.Call) -> str:
    """The key of a call that looks a text up, when it is written out there."""
    place = {"text": 1, "counted": 1, "phrase": 0, "counted_phrase": 0}.get(_dotted(call.func, {}).rpartition(".")[2])
    if place is None or len(call.args) <= place:
        return ""
    key = call.args[place]
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) and "." in key.value else ""
