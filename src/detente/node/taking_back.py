"""What a node takes back and tells anew when a journal was set back, its own or a peer's: within one turn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.disclosure.ledger import TOLD
from detente.link.envelope import Envelope, read_envelope
from detente.link.judgement import Judgement
from detente.link.key_rotated import ROTATED_KIND
from detente.link.receipt import DeliveryReceipt
from detente.link.session import Session
from detente.link.standing import Standing
from detente.node.peers import Peer
from detente.node.pipeline import Pipeline, guarded
from detente.node.stages import Stages
from detente.record.rotation import keys_through, read_rotation
from detente.record.segments import ArchivedRefusal
from detente.room.channel import Channel, channel_of
from detente.room.link_faults import LinkFault, LinkFaultKind
from detente.room.message import Heard
from detente.room.set_back import SetBackMessage, in_words
from detente.room.tagged import tag_of, write_tagged

WORK_OF_A_READING = 500
"""What a peer is charged for each envelope that is read again in the journal on its account; see `room.work`."""
_ABOUT_THE_LINK = frozenset({tag_of(SetBackMessage), ROTATED_KIND})
"""The kinds of what is said of the link itself: where its history was set back, it is not said again as it was."""
log = structlog.get_logger()


def take_back(
    pipeline: Pipeline, session: Session, given: Sequence[Envelope], receipts: Sequence[DeliveryReceipt]
) -> Stages[bool]:
    """Take back our own envelopes that a peer gave back; give whether any was missing.

    `receipts` are what we signed for: for more than we hold when our journal was set back. What we have said since
    in the place of what is given back is void: it is said again after a message that tells the peer. Nothing more
    is said on a closed link: what was void there is told anew under the accord that stands, like all that had not
    arrived. Raises Refusal for envelopes that are not ours.
    """
    kept = session.kept_with(given) if given else session.sent_number
    taken = [envelope for envelope in given if envelope.number > kept]
    is_open = pipeline.state.links.find(session.outgoing.recipient, session.outgoing.accord) is not None
    own_keys = keys_through(pipeline.key.first, map(read_rotation, pipeline.key.rotations))
    # Who closed a link is told on others what it has lost.
    signed_for = session.signed_for(receipts if is_open else (), own_keys)
    lost = signed_for > max(session.acknowledged_number, pipeline.losses.signed_for.get(session.outgoing, 0))
    peer = pipeline.state.peers.with_key(session.outgoing.recipient)
    if peer is None or not (taken or lost):
        return False
    at = pipeline.clock()
    numbers = range(kept + 1, session.sent_number + 1)
    void = [read_envelope(pipeline.entry(session.sent_entry(number)).body)[0] for number in numbers]
    on_planning = channel_of(session.outgoing.accord) is Channel.PLANNING
    partly = on_planning and pipeline.state.disclosure.held_back_under(peer.name, session.outgoing.accord, at)
    for envelope in taken:
        if partly:
            _keep_told(pipeline, peer, envelope, at)
        pipeline.write_sent([envelope])
    if taken:
        session.go_on_after(taken)
        pipeline.losses.has_taken_back = True
    for envelope in taken:
        # What is told in part is in the words in which the peer was told it, and not in ours.
        if not partly:
            yield from _say_again(pipeline, peer, envelope, at)
    pipeline.losses.signed_for[session.outgoing] = signed_for
    again = [(envelope.kind, envelope.body) for envelope in void if envelope.kind not in _ABOUT_THE_LINK]
    told = _told_once(SetBackMessage(kept, kept + len(taken), session.received_number, signed_for, len(again)), void)
    if is_open:
        pipeline.seal(session, [write_tagged(told), *again])
    log.warning("our journal was set back", peer=peer.name, **msgspec.structs.asdict(told))
    yield from pipeline.react([LinkFault(at, peer.name, LinkFaultKind.OWN_SET_BACK, in_words(told))])
    return True


def tell_what_another_gave_back(pipeline: Pipeline, session: Session) -> Stages[None]:
    """Tell a peer that has said what it holds of ours which plans and notices it lacks, where there are others.

    It may have lost what another peer gave back to us. Before it has answered, what it is told could stand in the
    place of what it gives back itself. So each is told once after every start, and again when another, which
    answered later, gave something back.
    """
    peers = list(pipeline.state.peers)
    answered = pipeline.state.peers.with_key(session.outgoing.recipient)
    if answered is None or answered.planning is not session or len(peers) == 1:
        return
    losses = pipeline.losses
    before = frozenset() if losses.has_taken_back else frozenset(losses.have_answered)
    losses.have_answered.add(answered.name)
    losses.has_taken_back = False
    for peer in peers:
        if peer.name in losses.have_answered - before:
            yield from pipeline.catch_up(peer, pipeline.clock())


def find_lost(pipeline: Pipeline, judgement: Judgement) -> Stages[None]:
    """Look whether receipts of ours, which came with what a peer says it holds, are for more than we hold.

    Of a closed link look whether the peer has lost what it had signed for: it is told under the accord that stands.
    """
    asked = judgement.asked
    if asked is None:
        return
    session = pipeline.state.links.find(asked.direction.sender, asked.direction.accord)
    if session is None:
        yield from _tell_anew(pipeline, asked)
    elif judgement.given_back:
        yield from take_back(pipeline, session, (), judgement.given_back)


def _tell_anew(pipeline: Pipeline, asked: Standing) -> Stages[None]:
    links, direction = pipeline.state.links, asked.direction.reverse
    session = links.find_closed(direction.recipient, direction.accord)
    peer = pipeline.state.peers.with_key(direction.recipient)
    if session is None or peer is None or peer.planning is None:
        return
    # A peer may hold more than we know of, where our journal was set back: that is no loss of the peer's.
    if asked.received >= pipeline.losses.held_by_peer.get(direction, session.receipted_number):
        return
    if not _holds_ours(session, asked):
        return
    pipeline.losses.held_by_peer[direction] = asked.received
    links.closed_meter(peer.key).charge_work(WORK_OF_A_READING * sum(one.sent_number for one in links))
    yield from pipeline.catch_up(peer, pipeline.clock())


def _keep_told(pipeline: Pipeline, peer: Peer, envelope: Envelope, at: datetime) -> None:
    """Keep, before the envelope that told it, that a plan was told under an id that no other may have now."""
    with suppress(Refusal):
        message = pipeline.state.rooms.read_message(Channel.PLANNING, envelope.kind, envelope.body)
        telling = pipeline.state.disclosure.said_before(at, peer.name, message)
        if telling is not None:
            pipeline.write([(TOLD, msgspec.json.encode(telling))])


def _say_again(pipeline: Pipeline, peer: Peer, envelope: Envelope, at: datetime) -> Stages[None]:
    """Let the room of a message of ours that was taken back know again what it said. Nobody is told twice."""
    channel = channel_of(envelope.direction.accord)
    try:
        message = pipeline.state.rooms.read_message(channel, envelope.kind, envelope.body)
        room = pipeline.state.rooms.of_command(Heard(at, peer.name, message))
        events = guarded("say_again", lambda: room.said_before(at, peer.name, message))
    except Refusal as refusal:
        log.warning("said before, not known again", kind=envelope.kind, why=str(refusal)[:500])
        return
    pipeline.touched.add(room.name)
    for event in events:
        room.evolve(event)
        pipeline.write([(room.name, room.encode(event))])
        # What another room did about it then, it has told the peer too.
        for command in list(room.reactions(event)):
            with suppress(Refusal):
                yield from pipeline.carry_out(command)


def _holds_ours(session: Session, asked: Standing) -> bool:
    """Whether what a peer says that it holds of ours is what we sent; also where that is in no segment here."""
    with suppress(ArchivedRefusal):
        return asked.received_hash == session.sent_hash(asked.received)
    return True


def _told_once(told: SetBackMessage, void: Sequence[Envelope]) -> SetBackMessage:
    """Return what a set-back comes to with those that were said in the place of what was given back, part by part."""
    for envelope in void:
        if envelope.kind == tag_of(SetBackMessage):
            before = msgspec.json.decode(envelope.body, type=SetBackMessage)
            told = msgspec.structs.replace(
                told, kept=min(told.kept, before.kept), heard=min(told.heard, before.heard),
                signed_for=max(told.signed_for, before.signed_for),
            )  # fmt: skip
    return told
