"""Words of the command line read as values: numbers, one of several words, paths. What cannot be read is a Refusal.

Typer would load pydantic for this, which takes longer than most commands do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

from typer._click.core import Context
from typer._coercion import RuntimeParam
from typer.core import TyperArgument, TyperOption

from detente.airspace.refusal import Refusal

WordOrOption = TyperArgument | TyperOption


class PlainValue(RuntimeParam):
    """Reads the words of one parameter; raises Refusal naming the parameter, the word and what was expected."""

    def _coerce_value(self, value: Any, param: Any, ctx: Context) -> Any:  # noqa: ANN401, ARG002 - as typer has it
        kind: Any = self.annotation
        if get_origin(kind) is list:
            return [self._read(param, get_args(kind)[0], one) for one in value]
        return self._read(param, kind, value)

    def _read(self, parameter: WordOrOption, kind: Any, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, str) or kind is str:
            return value
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _one_of(name_of(parameter), kind, value)
        return _READERS[kind](parameter, value)


def name_of(parameter: WordOrOption) -> str:
    """Return what a parameter is called on the command line."""
    if isinstance(parameter, TyperOption):
        return max(parameter.opts, key=len)
    return str(parameter.metavar or parameter.name).upper()


def is_plain(kind: Any) -> bool:  # noqa: ANN401 - whatever a parameter is annotated with
    """Whether a parameter of this annotation is read here."""
    one = get_args(kind)[0] if get_origin(kind) is list else kind
    return one in (str, bool) or one in _READERS or (isinstance(one, type) and issubclass(one, Enum))


def _one_of(field: str, kind: type[Enum], text: str) -> Enum:
    for choice in kind:
        if str(choice.value).casefold() == text.casefold():
            return choice
    raise Refusal("cli.one_kind", field, text, kind=", ".join(str(choice.value) for choice in kind))


def _whole(parameter: WordOrOption, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise Refusal("cli.whole_number", name_of(parameter), text) from None
    _check_range(parameter, number, text)
    return number


def _decimal(parameter: WordOrOption, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refusal("cli.number", name_of(parameter), text)
    _check_range(parameter, number, text)
    return number


def _check_range(parameter: WordOrOption, number: float, text: str) -> None:
    least, most = parameter.min, parameter.max
    if least is not None and most is not None and not least <= number <= most:
        raise Refusal("cli.number_from_least_most", name_of(parameter), text, least=least, most=most)
    if least is not None and number < least:
        raise Refusal("cli.number_at_least", name_of(parameter), text, least=least)


def _path(_: WordOrOption, text: str) -> Path:
    return Path(text)


_READERS: dict[type, Callable[[WordOrOption, str], Any]] = {int: _whole, float: _decimal, Path: _path}
