"""Options that belong together, given to a command in place of one parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Any


def with_group(
    command: Callable[..., None], name: str, options: Mapping[str, Any], make: Callable[..., object]
) -> Callable[..., None]:
    """Return `command` with `options` in place of its parameter `name`; it gets what `make` makes of those typed.

    The options are keyword parameters that are None unless they are typed; `make` takes them in their order.
    """

    @wraps(command)
    def with_options(**typed: Any) -> None:  # noqa: ANN401 - what was typed
        values = [typed.pop(option) for option in options]
        command(**typed, **{name: make(*values)})

    written = signature(command, eval_str=True)
    added = [Parameter(n, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for n, kind in options.items()]
    parameters: list[Parameter] = []
    for one in written.parameters.values():
        parameters += added if one.name == name else [one.replace(kind=Parameter.KEYWORD_ONLY)]
    with_options.__signature__ = written.replace(parameters=parameters)  # type: ignore[attr-defined] # read by typer
    return with_options
