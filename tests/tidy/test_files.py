"""The style guide as code: what no linter knows. Each rule says what to mend."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

from source_tree import PYTHON, ROOT, WRITTEN, described_rooms, files, is_data, name, parsed, rooms

LONGEST_FILE = 600


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


def test_every_room_is_described_once_and_in_the_order_of_the_floors() -> None:
    described = [room.name for room in described_rooms()]
    assert sorted(described) == rooms(), "give each room one row in the table of docs/architecture.md"


def test_the_drawing_of_the_architecture_is_as_the_rooms_are() -> None:
    command = [sys.executable, str(ROOT / "tools" / "architecture_drawing.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
