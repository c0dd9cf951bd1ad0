"""detente init: make a node's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import OutputOption
from detente.cli.output import answered
from detente.cli.wording import say


def init(
    directory: Annotated[Path, typer.Option("--dir", help="The directory to make.")],
    name: Annotated[str, typer.Option(help="The party's name: letters, digits and . _ : ~ -")],
    address: Annotated[
        list[str] | None, typer.Option(help="Where peers reach this node, like https://node.example.org:8440.")
    ] = None,
    stop_address: Annotated[
        list[str] | None,
        typer.Option(
            help="Where the node takes in peers' STOP and nothing else. Without it: 2,000 ports above, over TLS."
        ),
    ] = None,
    output: OutputOption = None,
    *,
    exercise: Annotated[
        bool,
        typer.Option("--exercise", help="A party that only exercises: its name says so, and no live party reaches it."),
    ] = False,
) -> None:
    """Make a node's directory: key, card, configuration and an empty journal."""
    from datetime import UTC, datetime

    from detente.link.directory import NodeDirectory, usual_stop_addresses
    from detente.room.exercise import exercise_name

    made, addresses = NodeDirectory(directory), tuple(address or ())
    stop_addresses = usual_stop_addresses(addresses) if stop_address is None else tuple(stop_address)
    card = made.make(exercise_name(name) if exercise else name, addresses, datetime.now(UTC), stop_addresses)
    made_known = {"directory": str(directory), "name": card.name, "fingerprint": card.fingerprint}
    if answered(output, {**made_known, "public_key": card.public_key}, [card.name]):
        return
    say("init.made", directory=directory, name=card.name)
    say("init.fingerprint", fingerprint=card.fingerprint)
    say("init.next", card=made.card_path, directory=directory)


COMMANDS = {"init": init}
