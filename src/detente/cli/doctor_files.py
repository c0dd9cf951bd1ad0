"""What `detente doctor` reads in the directory of a node that does not run: journal, keys in between, peers' port."""

from __future__ import annotations

from collections.abc import Iterator

from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.cli.doctor_machine import free_port
from detente.cli.examined import Examined, refused, to_mend, unknown, well
from detente.cli.wording import words
from detente.language import figures
from detente.link.address import in_clear, port_in
from detente.link.directory import NodeDirectory
from detente.record.rotation import read_rotation
from detente.record.tail import read_tail
from detente.settings.configuration import Configuration
from detente.settings.moved import check_not_moved


def journal(files: NodeDirectory) -> Examined:
    """Look at the end of the journal: whether it is there, whole, and signed by the key on the card."""
    try:
        tail = read_tail(files.journal_path, files.card().signing_key)
    except Refusal as refusal:
        return refused("journal", refusal)
    time = "-" if tail.at is None else figures.utc_time(tail.at)
    said = words("doctor.journal.end", entries=tail.number, time=time)
    if tail.lacks:
        said += words("doctor.journal.lacks", count=tail.lacks)
        return to_mend("journal", said, words("doctor.mend.journal", file=files.journal_path))
    if not tail.is_signed:
        said += words("doctor.journal.unsigned_by_card")
        return to_mend("journal", said, words("doctor.mend.journal", file=files.journal_path))
    if tail.unsigned:
        said += words("doctor.journal.torn", count=tail.unsigned)
    return well("journal", said)


def half_done(files: NodeDirectory) -> Iterator[Examined]:
    """Look for what was begun and not finished: a rotation of the key, a move to another machine."""
    if files.next_key_path.exists():
        yield to_mend("keys", words("doctor.keys.half_rotated"), f"detente node --dir {files.path}")
    try:
        check_not_moved(files.path)
    except Refusal as refusal:
        yield refused("node", refusal)


def ports(files: NodeDirectory, configuration: Configuration) -> Iterator[Examined]:
    """Look at whether the node could listen for its people, for its peers and for their STOP."""
    http, link = configuration.http, configuration.link
    if http.host:
        yield free_port("http.port", http.host, http.port)
    try:
        card = files.card()
    except Refusal:
        return  # it was said of the keys
    for setting, port, addresses in (
        ("link.port", link.port, card.addresses),
        ("link.stop_port", link.stop_port, card.stop_addresses),
    ):
        if port or addresses:
            yield free_port(setting, link.host, port or port_in(addresses[0]))


def stop_listener(files: NodeDirectory) -> Iterator[Examined]:
    """Look at whether peers' STOP has a listener of its own; on one machine alone it needs none."""
    try:
        card = files.card()
    except Refusal:
        return  # it was said of the keys
    if card.stop_addresses:
        yield well("stop", words("doctor.stop.alone", place=card.stop_addresses[0]))
    elif card.addresses and not in_clear(card.addresses[0]):
        yield unknown("stop", words("doctor.stop.with_all_else"))


def parties(files: NodeDirectory, accord: Accord) -> Iterator[Examined]:
    """Look at whether the accord in the node's file names the keys that are on the cards here, and who is unpaired."""
    try:
        own, cards = files.card(), {card.name: card for card in files.trust.cards()}
    except Refusal:
        return  # it was said of the keys
    for party in accord.parties:
        known = own if party.name == own.name else cards.get(party.name)
        if known is None:
            yield to_mend("peer", words("doctor.peer.unpaired", peer=party.name), words("doctor.mend.pair"))
        elif known.public_key != party.public_key:
            said = words("doctor.accord.other_key", party=party.name)
            yield to_mend("accord", said, words("doctor.mend.accord_key", party=party.name))


def last_rotation(files: NodeDirectory) -> float | None:
    """Return when the key was rotated last, in seconds since 1970; None where it never was, or cannot be read."""
    try:
        rotations = files.card().rotations
    except Refusal:
        return None
    return read_rotation(rotations[-1]).rotated_at.timestamp() if rotations else None
