"""detente disclosed: exactly what a party has been told, when, and under which clause; from the journal, no node."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.names import peer_named
from detente.cli.options import Directory, OutputOption, ToPeer
from detente.cli.output import answered, show_table
from detente.cli.wording import echo, say, say_counted, words
from detente.language.figures import utc_time


def disclosed(
    directory: Directory,
    peer: ToPeer,
    *,
    bodies: Annotated[bool, typer.Option("--bodies", help="Print every message in full, as it was sent.")] = False,
    output: OutputOption = None,
) -> None:
    """Show every message that a party was sent, and for each plan how much of it and why."""
    from detente.link.directory import NodeDirectory
    from detente.node.disclosed_report import read_disclosed

    files = NodeDirectory(directory)
    peer = peer_named(directory, peer)
    card = files.trust.find(peer)
    if card is None:
        raise Refusal(
            "cli.one_paired_party", "--peer", peer,
            cards=", ".join(known.name for known in files.trust.cards()) or "none yet",
        )  # fmt: skip
    found = read_disclosed(files, card)
    told = [
        {"at": row.at.isoformat(), "kind": row.kind, "what": row.what, "level": row.level, "because": row.because,
         "near": row.near, "exact": row.exact, "body": row.body.decode(errors="replace")} for row in found
    ]  # fmt: skip
    if answered(output, told, (row.what for row in found)):
        return
    if not found:
        say("disclosed.none", party=peer)
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
            echo(row.body.decode(errors="replace"))
    say_counted("disclosed.total", len(found), party=peer)
    if answers := [row for row in found if row.is_answer]:
        near, exact = sum(row.near for row in answers), sum(row.exact for row in answers)
        say_counted("disclosed.answers", len(answers), near=near, exact=exact)


COMMANDS = {"disclosed": disclosed}
