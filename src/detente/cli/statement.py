"""detente statement: each side's own words on the same occurrence, side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import side_by_side, statement_rows
from detente.cli.names import any_party, peer_named
from detente.cli.names import found as meant
from detente.cli.options import Directory, Evidence, OnlyPeer, OutputOption, OwnWords, ToPeer
from detente.cli.output import answered
from detente.cli.wording import say, words


@values.with_volume
def state(
    directory: Directory,
    peer: ToPeer,
    on: Annotated[str | None, typer.Option(help="The occurrence or incident; a new one unless said.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Who named the occurrence; we unless said.")] = None,
    own_words: OwnWords = None,
    evidence: Evidence = None,
    volume: values.TypedVolume = None,
    output: OutputOption = None,
) -> None:
    """State our side. It is signed, nobody can change it, and it stands beside the other side's."""
    client = values.node(directory)
    occurrence_id = values.name_of(on and meant(client, "occurrence", on), "e")
    said = values.tell(
        client, "statements", peer=peer_named(directory, peer), occurrence_id=occurrence_id,
        opener=any_party(directory, owner), words=own_words,
        volume=volume, evidence_sha256=values.hashes(evidence),
    )  # fmt: skip
    if not answered(output, {"occurrence_id": occurrence_id, **said}, [occurrence_id]):
        say("claims.stated", name=occurrence_id, journal_number=said["journal_number"])


def list_statements(directory: Directory, peer: OnlyPeer = None, output: OutputOption = None) -> None:
    """Show what each side states of each occurrence, side by side."""
    party = None if peer is None else peer_named(directory, peer)
    occurrences = values.node(directory).get("claims", "statements", peer=party)
    if answered(output, occurrences, (view["occurrence_id"] for view in occurrences)):
        return
    for view in occurrences:
        parties, rows = statement_rows(view["statements"])
        title = words("claims.occurrence", name=view["occurrence_id"], opener=view["opener"])
        side_by_side(parties, rows, title)
    if occurrences:
        say("claims.whose_words")


COMMANDS = {"statement": {"say": state, "list": list_statements}}
