"""What all commands and groups of commands share: help in the user's language, and words read without pydantic."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer._click.core import Context
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.models import CommandFunctionType

from detente.cli.typed import PlainValue, is_plain
from detente.cli.wording import language, words
from detente.language.command_help import help_in
from detente.language.wording import Language

_FRAME = re.compile(
    r"^(Usage|Options|Arguments|Commands):|Show this message and exit\.|(?<=[\[ ])(default|required)\b", re.MULTILINE
)
"""What typer itself writes into help."""


class SpokenCommand(TyperCommand):
    """A command whose help is in the user's language."""

    def __init__(self, name: str | None, **settings: Any) -> None:  # noqa: ANN401 - those of typer
        super().__init__(name, **{**settings, "rich_markup_mode": None})
        _prepare(self)

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        """Return the option --help."""
        option = super().get_help_option(ctx)
        if option is not None:
            _read_here(option)
        return option

    def get_help(self, ctx: Context) -> str:
        """Return the help as it is shown."""
        return in_words(super().get_help(ctx))


class SpokenGroup(TyperGroup):
    """A group of commands whose help is in the user's language."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - those of typer
        super().__init__(**{**settings, "rich_markup_mode": None})
        _prepare(self)

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        """Return the option --help."""
        option = super().get_help_option(ctx)
        if option is not None:
            _read_here(option)
        return option

    def get_help(self, ctx: Context) -> str:
        """Return the help as it is shown."""
        return in_words(super().get_help(ctx))


class CommandGroup(typer.Typer):
    """Commands below one name, each of these classes."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**{"cls": SpokenGroup, "add_completion": False, **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:  # noqa: ANN401
        """Return what adds a function as the command `name`."""
        return super().command(name, cls=SpokenCommand, **settings)

    def add(self, name: str, what: Below, about: str = "") -> None:
        """Add a command or a group; `about` is the help of a group that is given as a table of its commands."""
        if isinstance(what, Mapping):
            what = group(about, what)
        if isinstance(what, CommandGroup):
            self.add_typer(what, name=name)
        else:
            self.command(name)(what)


Below = Callable[..., None] | CommandGroup | Mapping[str, Any]
"""What a name stands for: a function, a group, or a table of what is below it."""


def group(about: str, commands: Mapping[str, Below]) -> CommandGroup:
    """Return a group of commands with its help."""
    made = CommandGroup(help=about, no_args_is_help=True)
    for name, what in commands.items():
        made.add(name, what)
    return made


def in_words(help_text: str) -> str:
    """Return help with what typer writes into it in the user's language."""
    if language() is Language.ENGLISH:
        return help_text
    return _FRAME.sub(_frame_word, help_text)


def _frame_word(found: re.Match[str]) -> str:
    if found[1]:
        return words(f"usage.heading.{found[1].lower()}")
    return words(f"usage.{found[2]}") if found[2] else words("usage.help")


def _prepare(command: TyperCommand | TyperGroup) -> None:
    """Let a command read its words here, and speak the user's language."""
    command.help = command.help and help_in(language(), command.help)
    for parameter in command.params:
        if isinstance(parameter, TyperOption | TyperArgument):
            _read_here(parameter)
            parameter.help = parameter.help and help_in(language(), parameter.help)


def _read_here(parameter: TyperOption | TyperArgument) -> None:
    if is_plain(parameter.type_descriptor.annotation):
        kind = parameter.type_descriptor
        parameter._runtime_param = PlainValue(kind.parameter_info, kind.annotation)
