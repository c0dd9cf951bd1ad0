"""Late runs one after another: which side sends next, which plans wait, and which messages crossed on the way.

When both parties begin one at the same time, the first party's goes first: the second answers it although its own is
still without an answer, and the first party keeps the second's until its own is complete.
"""

from __future__ import annotations

from dataclasses import dataclass

from detente.matching.late import answer_late, late_message, late_reveal, take_late_answer, take_late_reveal
from detente.matching.messages import BreachError, MatchMessage, MessageKind, ProtocolFault
from detente.matching.quantise import Role, TokenSet
from detente.matching.side import MatchSide

LATE_STAGES = (MessageKind.LATE, MessageKind.LATE_ANSWER, MessageKind.LATE_REVEAL, MessageKind.LATE_REVEAL)
"""Sent by the late side, the other, the late side, the other."""
_NUMBER_BYTES = 4


def late_name(kind: MessageKind, side: Role, number: int) -> str:
    """The name of a message of a party's late run, "late-first-01-6-late"."""
    return f"late-{side.value}-{number:02d}-{int(kind)}-{kind.name.lower()}"


@dataclass
class LateRun:
    """A late run that is going on: whose plans are late, its number from 1, and which of LATE_STAGES comes next."""

    side: Role
    number: int
    tokens: TokenSet | None = None
    stage: int = 0
    answer: bytes = b""

    @property
    def turn(self) -> Role:
        """The side that sends next."""
        return self.side if self.stage % 2 == 0 else self.side.other

    @property
    def name(self) -> str:
        """The name of the message that comes next."""
        return late_name(LATE_STAGES[self.stage], self.side, self.number)


class LateRuns:
    """The late runs of one side after its run, in the order in which they are served."""

    def __init__(self, side: MatchSide) -> None:
        self._side = side
        self._going: list[LateRun] = []

    @property
    def current(self) -> LateRun | None:
        """The one that is served."""
        return self._going[0] if self._going else None

    @property
    def ours(self) -> LateRun | None:
        """The one with late plans of ours."""
        return next((late for late in self._going if late.side is self._side.role), None)

    @property
    def sending(self) -> str | None:
        """The name of what we have to send next."""
        current = self.current
        return current.name if current is not None and current.turn is self._side.role else None

    @property
    def next_of_peer(self) -> str:
        """The name of the message with which the peer would begin its next late run."""
        return late_name(MessageKind.LATE, self._side.role.other, len(self._side.peer_roots))

    def begin(self, tokens: TokenSet) -> None:
        """Queue late plans of ours behind the late run that is under way."""
        self._going.append(LateRun(self._side.role, len(self._side.shown), tokens))

    def make(self) -> bytes:
        """The message that `sending` names. Raises Refusal for more tokens than the accord allows."""
        current = self._going[0]
        if current.stage == 0 and current.tokens is not None:
            raw = late_message(self._side, current.tokens)
        elif current.stage == 1:
            raw = current.answer
        else:
            raw = late_reveal(self._side, current.side, current.number)
        self._advance(current)
        return raw

    def name_of(self, message: MatchMessage) -> str:
        """The name of an incoming message; raises BreachError when no message of its kind is due."""
        current, peer = self.current, self._side.role.other
        if message.kind is MessageKind.LATE:
            number = int.from_bytes(message.body[:_NUMBER_BYTES], "big")
            going = any(late.side is peer for late in self._going)
            if number > len(self._side.peer_roots) or (going and number == len(self._side.peer_roots)):
                raise BreachError(ProtocolFault.STAGE, f"late run {number} out of its order")
            return late_name(MessageKind.LATE, peer, number)
        if current is None or current.turn is not peer or LATE_STAGES[current.stage] is not message.kind:
            raise BreachError(ProtocolFault.STAGE, f"{message.kind.name} out of its order")
        return current.name

    def must_wait(self) -> bool:
        """Whether a late run that the peer begins has to wait until ours is complete."""
        ours = self.ours
        if ours is None or ours.stage == 0:
            return False
        return ours.stage > 1 or self._side.role is Role.FIRST

    def take(self, message: MatchMessage) -> None:
        """Take a message that `name_of` named; raises BreachError."""
        if message.kind is MessageKind.LATE:
            number = len(self._side.peer_roots)
            answer = answer_late(self._side, message.raw)
            self._going.insert(0, LateRun(self._side.role.other, number, stage=1, answer=answer))
            return
        current = self._going[0]
        if message.kind is MessageKind.LATE_ANSWER:
            take_late_answer(self._side, message.raw)
        else:
            take_late_reveal(self._side, message.raw, current.side, current.number)
        self._advance(current)

    def _advance(self, current: LateRun) -> None:
        current.stage += 1
        if current.stage == len(LATE_STAGES):
            self._going.remove(current)
