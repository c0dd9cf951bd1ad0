"""The files that people write, as the tests of the style guide read them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "detente"
WRITTEN = frozenset({".py", ".toml", ".css", ".html", ".ts", ".svelte", ".md"})
"""What people write, by its ending; data are not among them."""
MADE = frozenset({"__pycache__", "node_modules", "built"})
"""Folders of what programs make."""
PYTHON = frozenset({".py"})


def files(*folders: str, suffixes: frozenset[str] = WRITTEN) -> Iterator[Path]:
    """Files under these folders of the repository, except what programs leave behind."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            left_behind = any(part in MADE or part.startswith(".") for part in path.relative_to(ROOT).parts)
            if path.is_file() and not left_behind and (not suffixes or path.suffix in suffixes):
                yield path


def is_data(path: Path) -> bool:
    return "data" in path.relative_to(ROOT).parts


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name(path))


def module_of(path: Path) -> str:
    """The dotted name of a file of the package; that of its folder for `__init__.py`."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Room(NamedTuple):
    """A row of the table of rooms in docs/architecture.md."""

    name: str
    purpose: str
    pure: str
    """"yes", "but for" and the parts that are not, or nothing."""

    @property
    def is_pure(self) -> bool:
        return bool(self.pure)

    @property
    def impure_parts(self) -> tuple[str, ...]:
        """Folders of a pure room that are not pure, below the package: "utm/service"."""
        return tuple(f"{self.name}/{part}" for part in re.findall(r"`(\w+)/`", self.pure))


def described_rooms() -> list[Room]:
    """The rooms that docs/architecture.md describes, from the top."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \|(.*)\|([^|]*)\|$", page, re.MULTILINE)
    return [Room(room, purpose.strip(), pure.strip()) for room, purpose, pure in rows]


def rooms() -> list[str]:
    """The rooms that there are."""
    return sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
