"""detente card: a party's card, and the fingerprint that is compared by voice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.options import Directory, NewFile, OutputOption, own_directory
from detente.cli.output import answered
from detente.cli.wording import echo, read_input, say, write_output
from detente.language import figures

CardDirectory = Annotated[Path | None, typer.Option("--dir", help="The node's directory.")]


def show(
    directory: CardDirectory = None,
    file: Annotated[Path | None, typer.Argument(help="A card file; without it, the node's own card.")] = None,
    *,
    fingerprint: Annotated[bool, typer.Option("--fingerprint", help="Print only the fingerprint.")] = False,
    key: Annotated[bool, typer.Option("--key", help="Print only the public key.")] = False,
    output: OutputOption = None,
) -> None:
    """Show a card and its fingerprint."""
    from detente.link.directory import NodeDirectory
    from detente.link.trust import read_card_file

    if file is not None and directory is not None:
        raise Refusal("cli.either_card_file", "card show", str(file))
    card = read_card_file(file) if file is not None else NodeDirectory(directory or own_directory()).card()
    if fingerprint or key:
        echo("\n".join([card.fingerprint] * fingerprint + [card.public_key] * key))
        return
    known = {"name": card.name, "fingerprint": card.fingerprint, "public_key": card.public_key,
             "addresses": card.addresses, "stop_addresses": card.stop_addresses,
             "issued_at": card.issued_at.isoformat(), "rotations": len(card.rotations)}  # fmt: skip
    if answered(output, known, [card.name]):
        return
    say("card.name", name=card.name)
    say("card.fingerprint", fingerprint=card.fingerprint)
    say("card.key", hex=card.public_key)
    if card.rotations:
        say("card.rotated", count=len(card.rotations))
    for address in card.addresses:
        say("card.address", address=address)
    for address in card.stop_addresses:
        say("card.stop_address", address=address)
    say("card.issued", time=figures.utc_time(card.issued_at))


def export(
    directory: Directory,
    out: NewFile = None,
) -> None:
    """Write the node's own card, to be given to the other party."""
    from detente.link.card import write_card
    from detente.link.directory import NodeDirectory

    write_output([write_card(NodeDirectory(directory).card())], out)


def renew(
    directory: Directory,
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
) -> None:
    """Make a newer card of the same key, with other addresses. A running node tells every peer, which need not pair."""
    from datetime import UTC, datetime

    from detente.api.client import NodeClient
    from detente.link.card import make_card, write_card
    from detente.link.directory import NodeDirectory, usual_stop_addresses
    from detente.link.trust import write_durably
    from detente.settings.address import address_of

    files, addresses = NodeDirectory(directory), tuple(address or ())
    stop_addresses = usual_stop_addresses(addresses) if stop_address is None else tuple(stop_address)
    card = make_card(files.key(), files.card().name, addresses, datetime.now(UTC), stop_addresses)
    runs = address_of(directory) is not None
    if runs:
        NodeClient(directory).post("card", body=write_card(card))
    write_durably(files.card_path, write_card(card))
    known = {"name": card.name, "addresses": card.addresses, "stop_addresses": card.stop_addresses,
             "issued_at": card.issued_at.isoformat(), "told": runs}  # fmt: skip
    if not answered(output, known, [card.name]):
        say("card.renewed" if runs else "card.renewed_alone", card=files.card_path, directory=directory)


def revoke(
    directory: Directory,
    file: Annotated[
        Path | None, typer.Argument(metavar="REVOCATION", help="One that came by hand; without it, of our own key.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Our authority's private key, kept offline.")] = None,
    out: NewFile = None,
    output: OutputOption = None,
) -> None:
    """Revoke our node's key with the authority's, or take in a peer's revocation. A running node tells every peer."""
    from datetime import UTC, datetime

    from detente.api.client import NodeClient
    from detente.link.directory import NodeDirectory
    from detente.link.revocation import read_revocation, sign_revocation
    from detente.record.keys import NodeKey

    if (file is None) == (key is None):
        raise Refusal("cli.either_revocation_or_key", "card revoke", str(file))
    if key is not None:
        card = NodeDirectory(directory).card()
        revocation = sign_revocation(NodeKey.load(key), card.name, card.public_key, datetime.now(UTC))
    else:
        assert file is not None
        revocation = read_revocation(read_input(file).decode("utf-8", "replace"))
    if out is not None:
        write_output([revocation.text.encode()], out)
        return
    NodeClient(directory).post("card", "revoked", body=json.dumps({"revocation": revocation.text}).encode())
    if not answered(output, {"name": revocation.name, "public_key": revocation.key}, [revocation.name]):
        say("card.revoked", name=revocation.name)


COMMANDS = {"card": {"show": show, "export": export, "renew": renew, "revoke": revoke}}
