"""Saying things on the terminal in the user's language, and reading and writing files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.language.figures import counted, number
from detente.language.wording import Language, language_from_environment, text


def language() -> Language:
    """The language that the user's environment asks for."""
    return language_from_environment(os.environ)


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a line, at once; typer's own would write UTF-8 to a terminal that cannot show it."""
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{text}\n" if nl else str(text))
    stream.flush()


def words(key: str, /, **values: object) -> str:
    """Return the text under `key` in the user's language."""
    return text(language(), key, **values)


def say_counted(key: str, count: int, /, **values: object) -> None:
    """Print the text under `key` for one or for many, with `count` filled in."""
    echo(counted(language(), key, count, **values))


def say(key: str, /, *, err: bool = False, **values: object) -> None:
    """Print the text under `key` in the user's language."""
    echo(words(key, **values), err=err)


def counting() -> Callable[[int], None] | None:
    """Return what writes a count over and over on one line of a terminal; None where nobody looks."""
    if not sys.stderr.isatty():
        return None
    return lambda count: echo(f"\r{number(language(), count)} …\r", err=True, nl=False)


def read_input(file: Path) -> bytes:
    """Return what is in a file; raises Refusal when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refusal("cli.readable_file", str(file), error.strerror or str(error)) from None


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
        raise Refusal("cli.file_does_not_exist", "--out", str(out)) from None
    except OSError as error:
        raise Refusal("cli.file_writable", "--out", str(out), strerror=error.strerror or str(error)) from None
