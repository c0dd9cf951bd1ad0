"""detente disclosed: exactly what a party has been told, when, and under which clause; from the journal, no node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("disclosed")(disclosed)


def disclosed(
    to: Annotated[str, typer.Option("--to", help="The party that was told.")],
    directory: Annotated[Path, typer.Option("--dir", help="The node's directory; the node may be running.")],
    *,
    bodies: Annotated[bool, typer.Option("--bodies", help="Print every message in full, as it was sent.")] = False,
) -> None:
    """Show every message that a party was sent, and for each plan how much of it and why."""
    from detente.airspace.refusal import Refusal
    from detente.cli.plan import show_table
    from detente.cli.wording import say, say_counted, words
    from detente.language.figures import utc_time
    from detente.link.directory import NodeDirectory
    from detente.node.disclosed_report import read_disclosed

    files = NodeDirectory(directory)
    card = files.trust.find(to)
    if card is None:
        raise Refusal(
            "--to", to, f"a paired party: {', '.join(known.name for known in files.trust.cards()) or 'none yet'}"
        )
    found = read_disclosed(files, card)
    if not found:
        say("disclosed.none", party=to)
        return
    rows = [
        (
            str(number), utc_time(row.at), row.kind, row.what, row.level or "-",
            row.because or (words("disclosed.whole") if row.is_plan else "-"),
        )
        for number, row in enumerate(found, start=1)
    ]  # fmt: skip
    show_table(("number", "time", "message", "what", "level", "clause"), rows)
    if bodies:
        for row in found:
            typer.echo(row.body.decode(errors="replace"))
    say_counted("disclosed.total", len(found), party=to)
