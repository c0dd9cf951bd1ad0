"""Names mean one thing, are used, and private ones stay at home.

The lists beside this file hold what broke a rule when the rule came. They may only get shorter: what no longer
breaks it has to leave its list, and nothing new may join.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from definitions import definitions, imported, unreached
from source_tree import PYTHON, files, name, parsed

LISTS = Path(__file__).parent


def listed(file: str) -> set[str]:
    return set((LISTS / file).read_text(encoding="utf-8").split())


def compare(found: set[str], file: str, mend: str) -> None:
    """Fail when something not listed is found, and when something listed is no longer found."""
    known = listed(file)
    assert not found - known, f"{mend}: {sorted(found - known)}"
    assert not known - found, f"mended: take these out of tests/tidy/{file}: {sorted(known - found)}"


def test_a_type_has_a_name_of_its_own() -> None:
    times = Counter(one.name for one in definitions() if one.is_type and not one.name.startswith("_"))
    compare(
        {word for word, count in times.items() if count > 1}, "defined_twice.txt", "call different things differently"
    )


def test_every_name_is_used_by_the_program_the_benchmarks_or_the_documentation() -> None:
    compare({one.full_name for one in unreached()}, "unreached.txt", "use it, or delete it with its tests")


def test_every_method_is_called() -> None:
    called = {
        word
        for path in files("src", "bench", "tools", suffixes=PYTHON)
        for node in ast.walk(parsed(path))
        for word in ([node.attr] if isinstance(node, ast.Attribute) else [])
    }
    pages = "".join(page.read_text(encoding="utf-8") for page in files("src", suffixes=frozenset({".html"})))
    uncalled = {
        f"{one.full_name}.{method.name}"
        for one in definitions()
        if isinstance(one.node, ast.ClassDef) and one.full_name not in CALLED_FROM_OUTSIDE
        for method in one.node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        and not method.name.startswith("_")
        and method.name not in called
        and f".{method.name}" not in pages
    }
    compare(uncalled, "uncalled.txt", "call it, or delete it with its tests")


CALLED_FROM_OUTSIDE = {
    "detente.feeds.live.sending._Datagrams": "asyncio calls the methods of a protocol",
    "detente.serving.connection.ClientConnection": "asyncio calls the methods of a protocol",
    "detente.feeds.live.datagrams._Received": "asyncio calls the methods of a protocol",
    "detente.serving.reading.RequestParser": "httptools calls the methods of its owner",
    "detente.api.way_to_node._SocketFile": "urllib calls the methods of a handler",
    "detente.cli.main.AllCommands": "typer calls the methods of a group",
}
"""Classes whose methods a library calls."""


def private_imports(path: Path) -> list[str]:
    """Names with a leading underscore that a file takes from another file of the package, and where."""
    found: list[str] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "detente":
            found += [f"{name(path)} {alias.name}" for alias in node.names if is_private(alias.name)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and is_private(node.attr):
            module = imported(path).get(node.value.id, "")
            if module.startswith("detente.") and module in {one.module for one in definitions()}:
                found.append(f"{name(path)} {node.value.id}.{node.attr}")
    return found


def is_private(word: str) -> bool:
    return word.startswith("_") and not word.startswith("__")


def test_private_names_stay_in_their_file() -> None:
    found = [one for path in files("src", "bench", "tools", suffixes=PYTHON) for one in private_imports(path)]
    assert not found, f"make it public, with a docstring, or leave it where it is: {found}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from detente.cli.init import _ask", "_ask"),
        ("from detente.cli import init\ninit._ask()", "init._ask"),
        ("import detente.cli.init as made\nmade._ask()", "made._ask"),
    ],
)
def test_a_private_name_that_is_imported_is_seen(
    source: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_tree.ROOT", tmp_path)
    (tmp_path / "file.py").write_text(source)
    assert private_imports(tmp_path / "file.py") == [f"file.py {found}"]
