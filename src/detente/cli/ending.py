"""How a command ends: always with one of the exit codes, and a mistake or an error with one line and no traceback."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches

import typer
from typer._click import exceptions as usage
from typer._click.core import Command, Context
from typer.core import TyperArgument, TyperGroup, TyperOption

from detente.airspace.refusal import Refusal
from detente.api.no_node import NoNodeRefusal
from detente.cli.exit_codes import ExitCode
from detente.cli.typed import name_of
from detente.cli.wording import echo, language, words
from detente.language.wording import Language, language_named

_QUOTED = re.compile(r"'([^']*)'")


class NotProvenRefusal(Refusal):
    """What was asked about can be read, and is not proven."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code, refusal.field, refusal.value, **refusal.parameters)


class _ToldToEnd(BaseException):
    """SIGTERM came: everything that was begun is left in order, as after Ctrl-C."""


def ended(command_line: Callable[[], Command], arguments: Sequence[str]) -> int:
    """Run the command that `arguments` ask for and return its exit code; what went wrong is said on standard error."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is shown as a question mark.
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):
                stream.reconfigure(errors="replace")
    try:
        with _told_to_end():
            code = _run(command_line, arguments)
        sys.stdout.flush()
    except _ToldToEnd:
        return ExitCode.TOLD_TO_END
    except BrokenPipeError:
        _leave_pipe()
        return ExitCode.CLOSED_PIPE
    return code


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Raise _ToldToEnd when SIGTERM comes, unless the command listens for it itself.

    Without that the process would be gone at once: a hidden cursor would stay hidden, what it started would run on.
    """

    def told(number: int, frame: object) -> None:  # noqa: ARG001 - as Python calls it
        raise _ToldToEnd

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(command_line: Callable[[], Command], arguments: Sequence[str]) -> int:
    try:
        _check_language()
        command = command_line()
        with command.make_context("detente", list(arguments)) as context:
            command.invoke(context)
    except usage.NoArgsIsHelpError as error:
        echo(error.format_message(), err=True)
        return ExitCode.BAD_INPUT
    except usage.ClickException as error:
        return _refused(_slip(error))
    except Refusal as refusal:
        return _refused(refusal)
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort, EOFError):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the end of the program
        return _unexpected(error)
    return ExitCode.DONE


def _check_language() -> None:
    """Raise Refusal when DETENTE_LANGUAGE asks for a language that is none of ours."""
    asked = os.environ.get("DETENTE_LANGUAGE", "")
    if asked and language_named(asked) is None:
        raise Refusal("cli.one_language", "DETENTE_LANGUAGE", asked, language=", ".join(Language))


def _refused(refusal: Refusal) -> ExitCode:
    from detente.language.refused import refusal_line

    shown = words("refused.nothing") if refusal.value is None else refusal.shown
    line = refusal_line(language(), refusal.code, refusal.field, shown, refusal.parameters)
    echo(f"detente: {line}", err=True)
    if isinstance(refusal, NoNodeRefusal):
        return ExitCode.NODE_STOPPED if refusal.stopped else ExitCode.NO_NODE
    if isinstance(refusal, NotProvenRefusal):
        return ExitCode.NOT_PROVEN
    return ExitCode.BAD_INPUT


def _slip(error: usage.ClickException) -> Refusal:
    """Return a slip in the grammar of the command line as the refusal that it is."""
    context = error.ctx if isinstance(error, usage.UsageError) else None
    path = context.command_path if context is not None else "detente"
    field, value, wanted, near = path, None, "nothing_more", []
    match error:
        case usage.NoSuchOption():
            value, wanted, near = error.option_name, "an_option", list(error.possibilities or ())
        case usage.MissingParameter(param=TyperOption() | TyperArgument() as parameter):
            field, wanted = name_of(parameter), "a_value"
        case usage.BadOptionUsage():
            field, wanted = error.option_name, "a_value" if "requires" in error.message else "no_value"
        case _ if context is not None and error.message.startswith("No such command"):
            value, wanted = _QUOTED.findall(error.message)[0], "a_command"
            near = get_close_matches(value, _names_below(context))
        case _ if error.message.startswith("Missing command"):
            wanted = "a_command"
        case _:
            extra = re.search(r"\(s\) \((.*)\)\Z", error.message, re.DOTALL)
            value = extra[1] if extra else error.format_message()
    if near:
        return Refusal(f"cli.{wanted}_near", field, value, near=" / ".join(near))
    return Refusal(f"cli.{wanted}", field, value, path=path)


def _names_below(context: Context) -> list[str]:
    return context.command.list_commands(context) if isinstance(context.command, TyperGroup) else []


def _unexpected(error: Exception) -> ExitCode:
    """Say in one line what happened, and where its traceback is kept."""
    import traceback

    from detente.record.printable import printable

    what = printable(f"{type(error).__name__}: {error}".splitlines()[0])[:200]
    try:
        handle, file = tempfile.mkstemp(prefix="detente-", suffix=".traceback")
        with open(handle, "w", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123 - a descriptor
            stream.writelines(traceback.format_exception(error))
    except OSError:
        file = "-"
    echo(f"detente: {words('ending.unexpected', error=what, file=file)}", err=True)
    return ExitCode.UNEXPECTED


def _leave_pipe() -> None:
    """Let nothing more be written to a pipe that is closed, not even at the end of the program."""
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
