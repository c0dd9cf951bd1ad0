"""detente pair: trust another party's card, once its fingerprint was compared by voice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered
from detente.cli.wording import say, words


def pair(
    file: Annotated[Path, typer.Argument(metavar="CARD_FILE", help="The other party's card.")],
    directory: Directory,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            help="The fingerprint that the other party read out; without it you are asked, unless its key is known."
        ),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Trust another party's card. Its fingerprint must come by another way than the card: by voice, on paper."""
    from detente.cli.reload import take_in
    from detente.link.card import same_fingerprint
    from detente.link.directory import NodeDirectory, check_exercises_apart
    from detente.link.trust import read_card_file

    node = NodeDirectory(directory)
    own = node.card()
    card = read_card_file(file)
    if card.public_key == own.public_key or card.name.casefold() == own.name.casefold():
        raise Refusal("cli.another_party_card", str(file), card.name)
    check_exercises_apart(own, card)
    node.trust.check(card)
    known = node.trust.find(card.name)
    if fingerprint is None and known is not None and known.signing_key == card.signing_key:
        # A newer card of the key that was compared before.
        fingerprint = known.fingerprint
    if fingerprint is None:
        if not sys.stdin.isatty():
            raise Refusal("cli.fingerprint_other_party_read", "--fingerprint", None)
        say("pair.compare", name=card.name, own=own.fingerprint)
        fingerprint = typer.prompt(words("pair.ask", name=card.name))
    if not same_fingerprint(fingerprint, card.fingerprint):
        raise Refusal("cli.fingerprint_key", "fingerprint", fingerprint, file=str(file))
    node.trust.trust(card)
    if not answered(output, {"name": card.name, "fingerprint": card.fingerprint}, [card.name]):
        say("pair.done", name=card.name, fingerprint=card.fingerprint)
    take_in(directory, quiet=output is not None)


def unpair(
    peer: Annotated[str, typer.Argument(metavar="PEER", help="The other party.")],
    directory: Directory,
    output: OutputOption = None,
) -> None:
    """Trust a party's card no longer. Its history stays in the journal; its next card is paired by fingerprint."""
    from detente.cli.names import peer_named
    from detente.cli.reload import take_in
    from detente.link.directory import NodeDirectory

    name = peer_named(directory, peer)
    NodeDirectory(directory).trust.distrust(name)
    if not answered(output, {"name": name}, [name]):
        say("pair.undone", name=name)
    take_in(directory, quiet=output is not None)


COMMANDS = {"pair": pair, "unpair": unpair}
