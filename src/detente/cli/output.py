"""How commands say what they made or found: as text, as one JSON document, or only the names and ids of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from detente.cli.wording import echo, words


def answered(output: bool | None, document: object, names: Iterable[object] = ()) -> bool:  # noqa: FBT001
    """Print `document` as JSON or only `names`, if the user asked for it (`OutputOption`); return whether he did."""
    if output is None:
        return False
    if output:
        echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for name in names:
            echo(name)
    return True


def done(answer: dict[str, Any], output: bool | None, *names: object) -> None:  # noqa: FBT001
    """Say what a command led to: its events, or the names that it gave something."""
    if not answered(output, answer, names):
        events = ", ".join(answer["events"]) or "-"
        echo(words("node.done", events=events, journal_number=answer["journal_number"]))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headings of the language room."""
    from detente.cli.tables import print_table

    print_table([words(f"node.heading.{heading}") for heading in headings], rows)
