"""Writes docs/reference/commands.md from the commands themselves; `--check` says whether it is as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from detente.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
HEAD = """# Commands

Every command, with what it takes; what is in brackets may be left out. `detente COMMAND --help` says more of
each option. Exit codes: 0 done, 1 what was asked about does not hold (conflicts, an unproven journal), 2 a
mistake in what was asked, said in one line. Texts are in English or French: `DETENTE_LANGUAGE=fr`. This page
is written from the commands, by `tools/commands_page.py`.

| command | takes | what it does |
|---|---|---|
"""


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - the click command
    """Yield each command under this one, with its full name."""
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if hasattr(child, "commands"):
            yield from commands(child, (*path, name))
        else:
            yield " ".join((*path, name)), child


def taken(command: Any) -> str:  # noqa: ANN401
    """Return the arguments and options of a command, in its own order; what may be left out is in brackets."""
    words = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_argument = parameter.param_type_name == "argument"
        word = parameter.name.upper() if is_argument else max(parameter.opts, key=len)
        words.append(f"`{word}`" if parameter.required else f"[`{word}`]")
    return " ".join(words)


def page() -> str:
    """Return the page."""
    rows = []
    for name, command in commands(typer.main.get_command(app), ()):
        first = (command.help or "").strip().split("\n")[0].replace("|", "\\|")
        rows.append(f"| `detente {name}` | {taken(command)} | {first} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
