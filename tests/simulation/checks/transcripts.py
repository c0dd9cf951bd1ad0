"""Both transcripts are equal once healed: what one side sent is what the other holds, to the hash, and is receipted."""

from __future__ import annotations

from station import Station

from detente.link.session import LINK_EVIDENCE, read_document


def check(one: Station, other: Station) -> None:
    """Hold every link between two stations against each other. Both must run and have nothing left to say."""
    for sender, recipient in ((one, other), (other, one)):
        ours = {
            session.outgoing: session
            for session in _links(sender)
            if session.outgoing.recipient == recipient.key.public
        }
        theirs = {session.incoming: session for session in _links(recipient)}
        for direction, session in ours.items():
            if not session.sent_number:
                continue
            where = f"{sender.name} to {recipient.name} under {direction.accord[:8]}"
            held = theirs.get(direction)
            if held is None:
                # An accord that was replaced before anything said under it had arrived: its link is closed by now.
                assert not _is_open(recipient, direction), f"{where}: an open link has no session"
                continue
            if sender.put_back_times and held.received_number > session.sent_number:
                # A late copy brought what the sender lost, after it had asked: it learns so when it next sends.
                continue
            if _is_open(recipient, direction):
                assert held.received_number == session.sent_number, (
                    f"{where}: {session.sent_number} sent, {held.received_number} held"
                )
                assert session.receipted_number == session.sent_number, (
                    f"{where}: {session.sent_number} sent, {session.receipted_number} receipted"
                )
            number = held.received_number
            assert held.received_hash == session.sent_hash(number), f"{where}: another envelope {number} is held"
    for holder, accused in ((one, other), (other, one)):
        if accused.put_back_times:
            # Before it knew, it may have said something else under a number that it had used.
            continue
        documents = [read_document(entry.body) for entry in holder.life.journal.read(kind=LINK_EVIDENCE)]
        keys = {key for found in documents for key in (found.direction.sender, found.direction.recipient)}
        assert accused.key.public not in keys, f"{holder.name} holds evidence against {accused.name}, who is honest"


def _links(station: Station):
    assert station.life is not None
    assert station.life.node is not None
    return list(station.life.node.state.links)


def _is_open(station: Station, direction) -> bool:
    return station.life.node.state.links.find(direction.sender, direction.accord) is not None
