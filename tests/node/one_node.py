"""Nodes in process, as the program builds them, at a time that the test gives: for tests that need no sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from parties import TODAY

from detente.accord.disclosure import OPEN_POLICY, OwnPolicy
from detente.accord.terms import Accord
from detente.disclosure.ledger import TOLD, Telling
from detente.link.card import make_card
from detente.link.certificate import succession
from detente.link.envelope import read_envelope
from detente.link.session import SENT
from detente.node.metrics import Metrics
from detente.node.pipeline import Pipeline
from detente.node.stages import Stages, all_at_once
from detente.node.state import NodeState
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.rotation import prepare_rotation
from detente.room.channel import Channel, channel_of
from detente.room.message import Message

NAMES = ("north", "south", "west")
KEYS = {name: NodeKey.generate() for name in NAMES}
AUTHORITIES = {name: NodeKey.generate() for name in NAMES}


def node_state(name: str = "north", accord: Accord | None = None, policy: OwnPolicy = OPEN_POLICY) -> NodeState:
    """The state of a party's node that is paired with the other two, before its journal is folded in."""
    cards = {one: make_card(key, one, (), TODAY) for one, key in KEYS.items()}
    others = [card for one, card in cards.items() if one != name]
    return NodeState(cards[name], AUTHORITIES[name].public.hex(), others, accord, policy)


class OneNode:
    """One node without a clock of its own; each call is a turn, which is durable at its end."""

    def __init__(
        self, folder: Path, name: str = "north", accord: Accord | None = None, policy: OwnPolicy = OPEN_POLICY
    ) -> None:
        self._made_from = (folder, name, accord, policy)
        self.name = name
        self.now = TODAY
        self.journal = Journal.open(folder / f"{name}.sqlite", KEYS[name])
        self.start()

    def start(self) -> None:
        """Fold the journal in and begin, as a node that starts, or starts again."""
        _, name, accord, policy = self._made_from
        self.state = node_state(name, accord, policy)
        self.state.replay(self.journal.read())
        self.pipeline = Pipeline(self.state, self.journal, KEYS[name], lambda: self.now, Metrics())
        self._turn(Pipeline.begin)

    def decide(self, command: Any) -> list[Any]:
        """Carry a command out; return its events. Raises Refusal."""
        return self._turn(lambda pipeline: pipeline.decide(command))

    def follow(self) -> None:
        """What the node does again and again as time passes."""
        self._turn(Pipeline.follow)

    def rotate(self) -> None:
        """Rotate the key, and say so on every open channel."""
        key, new = KEYS[self.name], NodeKey.generate()
        prepare_rotation(key, new, succession(key, new.public), self.now)
        self._turn(Pipeline.rotate)
        self._turn(Pipeline.introduce_key)

    def receive(self, body: bytes) -> None:
        """Take in a batch of envelopes, all of which must be accepted."""

        def take(pipeline: Pipeline) -> Stages[None]:
            judgement = yield from pipeline.judge(body)
            assert judgement.status == 200, judgement.answer
            for envelope in judgement.accepted:
                yield from pipeline.hear(envelope)

        self._turn(take)

    @property
    def read(self) -> int:
        """The number of the journal's last entry: what comes after it is new."""
        return self.journal.head.number

    def envelopes(self, peer: str, after: int = 0) -> list[bytes]:
        """What was sealed for a peer."""
        sent = [entry.body for entry in self.journal.read(first=after + 1, kind=SENT)]
        return [raw for raw in sent if read_envelope(raw)[0].direction.recipient == KEYS[peer].first]

    def sent(self, peer: str, after: int = 0) -> list[Message]:
        """What was said to a peer of plans, notices and measures."""
        return list(self._planning(self.envelopes(peer, after)))

    def tellings(self, after: int = 0) -> list[Telling]:
        """What was written into the ledger of what peers were told."""
        entries = self.journal.read(first=after + 1, kind=TOLD)
        return [msgspec.json.decode(entry.body, type=Telling) for entry in entries]

    def _planning(self, envelopes: Sequence[bytes]) -> Iterator[Message]:
        for raw in envelopes:
            envelope, _ = read_envelope(raw)
            channel = channel_of(envelope.direction.accord)
            if channel is Channel.PLANNING:
                yield self.state.rooms.read_message(channel, envelope.kind, envelope.body)

    def _turn(self, action: Callable[[Pipeline], Stages[Any]]) -> Any:
        self.pipeline.start_turn()
        answer = all_at_once(action(self.pipeline))
        if self.pipeline.entries:
            self.state.links.absorb(self.journal.append(self.pipeline.entries, self.now))
        return answer
