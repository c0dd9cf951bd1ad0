"""detente rehearse: a story of two or three real nodes, with a commentary, whose every claim is checked."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.wording import echo
from detente.language import Language, language_from_environment, text
from detente.language.figures import utc_clock

if TYPE_CHECKING:
    from rich.console import Console

    from detente.rehearsal.stage import CommentaryLine

WHO_WIDTH = 16
FIGURE_WIDTH = 20
PAGE_WIDTH = 118
"""How wide the commentary is set where it goes to no screen."""
LEAST_TEXT = 40


def rehearse(
    name: Annotated[str | None, typer.Argument(help="Which one: see --list.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to keep the parties' directories; a new temporary one unless said.")
    ] = None,
    language: Annotated[Language | None, typer.Option(help="en or fr; the environment's when not given.")] = None,
    *,
    list_names: Annotated[bool, typer.Option("--list", help="Say which rehearsals there are.")] = False,
) -> None:
    """Play a rehearsal on real nodes and check each claim that it makes.

    Exit code 0 when every claim held, 3 when one did not.
    """
    import tempfile

    from rich.console import Console

    from detente.rehearsal.names import REHEARSALS

    tongue = language or language_from_environment(os.environ)
    if list_names:
        for known in REHEARSALS:
            echo(f"{known:<22}{text(tongue, f'rehearse.about.{known}')}")
        return
    if name is None or name not in REHEARSALS:
        raise Refusal("cli.one_rehearsals", "NAME", name, rehearsals=", ".join(REHEARSALS))
    from detente.rehearsal.stage import play

    place = out or Path(tempfile.mkdtemp(prefix="detente-rehearsal-")) / name
    console = Console(highlight=False, markup=False)
    stage = play(name, place, tongue, lambda shown: _show(console, shown, tongue))
    broken = sum(not claim.holds for claim in stage.claims)
    key = "rehearse.end.broken" if broken else "rehearse.end.held"
    console.print()
    console.print(text(tongue, key, count=len(stage.claims), broken=broken), style="bold", soft_wrap=True)
    if not stage.holds:
        raise typer.Exit(ExitCode.NOT_PROVEN)


def _show(console: Console, shown: CommentaryLine, language: Language) -> None:
    from detente.rehearsal.stage import CommentaryKind

    width = console.width if console.is_terminal else PAGE_WIDTH
    clock = "" if shown.at is None else utc_clock(shown.at)
    before = f"  {clock:<9}  {shown.who:<{WHO_WIDTH}}  "
    match shown.kind:
        case CommentaryKind.TITLE:
            lines, style = _wrapped("", shown.text, width), "bold"
        case CommentaryKind.SCENE:
            lines, style = ["", *_wrapped("", shown.text, width)], "bold"
        case CommentaryKind.COMMAND:
            lines, style = _typed(f"{before}$ ", shown.text, width), "cyan"
        case CommentaryKind.ANSWER:
            lines, style = _wrapped(" " * (len(before) + 2), shown.text, width), "dim"
        case CommentaryKind.CLAIM:
            mark = "\N{CHECK MARK}" if shown.holds else text(language, "rehearse.fails")
            lines, style = _wrapped(f"{before}{mark} ", shown.text, width), "green" if shown.holds else "bold red"
        case CommentaryKind.RESULT:
            lines, style = _wrapped(f"{shown.text:>{FIGURE_WIDTH}}  ", shown.who, width), ""
        case _:
            lines, style = _wrapped(before, shown.text, width), ""
    for line in lines:
        console.print(line, style=style, soft_wrap=True)


def _wrapped(before: str, words: str, width: int) -> list[str]:
    """Lines of a text after `before`, the later ones set below the first."""
    import textwrap

    return textwrap.wrap(
        words, max(width, len(before) + LEAST_TEXT), initial_indent=before, subsequent_indent=" " * len(before),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _typed(before: str, command: str, width: int) -> list[str]:
    """A command over several lines as a shell takes it."""
    lines, line = [], before.rstrip()
    for word in map(shlex.quote, shlex.split(command)):
        if len(line) + len(word) + 3 > max(width, len(before) + LEAST_TEXT) and line.strip():
            lines.append(f"{line} \\")
            line = " " * (len(before) + 3)
        line += f" {word}"
    return [*lines, line]


COMMANDS = {"rehearse": rehearse}
