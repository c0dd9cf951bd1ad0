"""detente statement: each side's own words on the same occurrence, side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import as_json, side_by_side, statement_rows
from detente.cli.plan import Directory, Output, OutputOption
from detente.cli.wording import say, words


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Statements on an occurrence: say, list.", no_args_is_help=True)
    group.command("say")(state)
    group.command("list")(list_statements)
    app.add_typer(group, name="statement")


def state(
    directory: Directory,
    to: values.Peer,
    on: Annotated[str | None, typer.Option(help="The occurrence or incident; a new one unless said.")] = None,
    opened_by: Annotated[str | None, typer.Option(help="Who named it; we unless said.")] = None,
    own_words: values.Words = None,
    evidence: values.Evidence = None,
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
) -> None:
    """State our side. It is signed, nobody can change it, and it stands beside the other side's."""
    occurrence_id = values.name_of(on, "e")
    said = values.tell(
        directory, "statements", peer=to, occurrence_id=occurrence_id, opener=opened_by, words=own_words,
        volume=values.volume(centre, radius, block, window), evidence_sha256=values.hashes(evidence),
    )  # fmt: skip
    say("claims.stated", name=occurrence_id, journal_number=said["journal_number"])


def list_statements(
    directory: Directory,
    peer: Annotated[str | None, typer.Option("--with", help="Only with this party.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what each side states of each occurrence, side by side."""
    found = values.ask(directory, "statements", peer=peer)
    if output is Output.JSON:
        as_json(found)
        return
    for view in found:
        parties, rows = statement_rows(view["statements"])
        title = words("claims.occurrence", name=view["occurrence_id"], opener=view["opener"])
        side_by_side(parties, rows, title)
    if found:
        say("claims.whose_words")
