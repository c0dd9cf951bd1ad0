"""detente card: a party's card, and the fingerprint that is compared by voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Directory = Annotated[Path, typer.Option("--dir", help="The node's directory.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The card: name, key, addresses, and the fingerprint to compare by voice.")
    group.command("show")(show)
    group.command("export")(export)
    app.add_typer(group, name="card", no_args_is_help=True)


def show(
    file: Annotated[Path | None, typer.Argument(help="A card file; without it, the node's own card.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", help="The node's directory.")] = None,
) -> None:
    """Show a card and its fingerprint."""
    from detente.airspace.refusal import Refusal
    from detente.cli.wording import say
    from detente.language import figures
    from detente.link.directory import NodeDirectory
    from detente.link.trust import read_card_file

    if (file is None) == (directory is None):
        raise Refusal("card show", str(file), "either a card file or --dir")
    card = NodeDirectory(directory).card() if directory else read_card_file(Path(str(file)))
    say("card.name", name=card.name)
    say("card.fingerprint", fingerprint=card.fingerprint)
    say("card.key", hex=card.public_key)
    for address in card.addresses:
        say("card.address", address=address)
    say("card.issued", time=figures.utc_time(card.issued_at))


def export(
    directory: Directory,
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")] = None,
) -> None:
    """Write the node's own card, to be given to the other party."""
    from detente.cli.wording import write_output
    from detente.link.card import write_card
    from detente.link.directory import NodeDirectory

    write_output([write_card(NodeDirectory(directory).card())], out)
