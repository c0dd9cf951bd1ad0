"""detente pair: trust another party's card, once its fingerprint was compared by voice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pair")(pair)


def pair(
    file: Annotated[Path, typer.Argument(metavar="CARD_FILE", help="The other party's card.")],
    directory: Annotated[Path, typer.Option("--dir", help="The node's directory.")],
    fingerprint: Annotated[
        str | None, typer.Option(help="The fingerprint that the other party read out; without it you are asked.")
    ] = None,
) -> None:
    """Trust another party's card. Its fingerprint must come by another way than the card: by voice, on paper."""
    from detente.airspace.refusal import Refusal
    from detente.cli.wording import say, words
    from detente.link.card import same_fingerprint
    from detente.link.directory import NodeDirectory
    from detente.link.trust import read_card_file

    node = NodeDirectory(directory)
    own = node.card()
    card = read_card_file(file)
    if card.public_key == own.public_key or card.name.casefold() == own.name.casefold():
        raise Refusal(str(file), card.name, "another party's card", "This is the node's own name or key.")
    node.trust.check(card)
    if fingerprint is None:
        if not sys.stdin.isatty():
            raise Refusal("--fingerprint", None, "the fingerprint that the other party read out", "Call them and ask.")
        say("pair.compare", name=card.name, own=own.fingerprint)
        fingerprint = typer.prompt(words("pair.ask", name=card.name))
    if not same_fingerprint(fingerprint, card.fingerprint):
        raise Refusal(
            "fingerprint", fingerprint, f"the fingerprint of the key on {file}",
            "Read it again, sign by sign. If it still differs, this card is not theirs: nothing was trusted.",
        )  # fmt: skip
    node.trust.trust(card)
    say("pair.done", name=card.name, fingerprint=card.fingerprint)
