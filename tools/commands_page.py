"""Writes docs/reference/commands.md from the commands themselves; `--check` says whether it is as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from typer._click.core import Command
from typer.core import TyperGroup

from detente.cli.main import COMMANDS, loaded

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
HEAD = """# Commands

Every command, with what it takes; what is in brackets may be left out. `detente COMMAND --help` says more of each
option. How each ends is told by its [exit code](exit-codes.md). Texts and help are in English or French:
`DETENTE_LANGUAGE=fr`. This page is written from the commands, by `tools/commands_page.py`.

One word means one thing in every command:

| word | what it says |
|---|---|
| `--dir` | the node's directory; without it `DETENTE_DIR`, or the current directory when it is a node's |
| `--peer` | the other party; `--owner` says whose a thing is |
| `--post` | the post of ours that acts; `--person` is who is meant on the other end |
| `--centre` and `--radius`, or `--vertices` | an area; `--height` is one height, `--heights` are two |
| `--time`, `--window` | a time, and from when to when; always UTC |
| `--id` | the name that a new thing gets; made from the time when it is left out |
| `--json` | one JSON document on standard output |
| `--quiet` | only the names and ids of what was made or found, one on each line; nothing where there is none |

Names of parties, members, posts, codes and fixed words may be typed in any case. An id may be cut short to how it
begins, as long as only one begins so; otherwise the refusal names those that do. For scripts: `detente card show
--fingerprint` and `detente card show --key` print just that, and what makes something says its id with `--quiet`.

| command | takes | what it does |
|---|---|---|
"""


def commands(command: Command, path: tuple[str, ...]) -> Iterator[tuple[str, Command]]:
    """Yield each command under this one, with its full name."""
    if not isinstance(command, TyperGroup):
        yield " ".join(path), command
        return
    for name, child in sorted(command.commands.items()):
        yield from commands(child, (*path, name))


def taken(command: Command) -> str:
    """Return the arguments and options of a command, in its own order; what may be left out is in brackets."""
    words = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_argument = parameter.param_type_name == "argument"
        word = (
            parameter.name.upper()
            if is_argument
            else "/".join((max(parameter.opts, key=len), *parameter.secondary_opts))
        )
        words.append(f"`{word}`" if parameter.required else f"[`{word}`]")
    return " ".join(words)


def page() -> str:
    """Return the page."""
    rows = []
    found = [one for name in sorted(COMMANDS) for one in commands(loaded(name), (name,))]
    for name, command in found:
        first = (command.help or "").strip().split("\n")[0].replace("|", "\\|")
        rows.append(f"| `detente {name}` | {taken(command)} | {first} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
