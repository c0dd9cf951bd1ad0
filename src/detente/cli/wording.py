"""Saying things on the terminal in the user's language, and writing files that are new or said to exist."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from detente.airspace.refusal import Refusal
from detente.language.figures import counted
from detente.language.wording import Language, language_from_environment, text


def language() -> Language:
    """The language that the user's environment asks for."""
    return language_from_environment(os.environ)


def words(key: str, /, **values: object) -> str:
    """Return the text under `key` in the user's language."""
    return text(language(), key, **values)


def say_counted(key: str, count: int, /, **values: object) -> None:
    """Print the text under `key` for one or for many, with `count` filled in."""
    typer.echo(counted(language(), key, count, **values))


def say(key: str, /, *, err: bool = False, **values: object) -> None:
    """Print the text under `key` in the user's language."""
    typer.echo(words(key, **values), err=err)


def write_output(parts: Iterable[bytes], out: Path | None) -> None:
    """Write `parts` to the new file `out`, or to standard output; raises Refusal when the file exists."""
    if out is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    try:
        with out.open("xb") as stream:
            stream.writelines(parts)
    except FileExistsError:
        raise Refusal("--out", str(out), "a file that does not exist yet") from None
    except OSError as error:
        raise Refusal("--out", str(out), "a file that can be written", f"{error.strerror}.") from None
