"""What this node says that it holds of a link, and how it takes back what it said before its journal was set back."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from detente.airspace.refusal import Refusal
from detente.link.envelope import Envelope
from detente.link.receipt import DeliveryReceipt
from detente.link.session import Session
from detente.link.standing import Standing, sign_standing
from detente.node.loop import CommandLoop

log = structlog.get_logger()


class LoopHistory:
    """The history of a running node; see `link.transport.OwnHistory`."""

    def __init__(self, loop: CommandLoop) -> None:
        self._loop = loop

    def standing(self, session: Session, sent: int) -> Standing:
        """Return what we hold of a link, signed; of our own envelopes, those up to `sent`."""
        return sign_standing(self._loop.key, session, self._loop.clock(), sent=sent)

    def rotations(self) -> bytes:
        """Return the rotations of our key, to be shown with what we hold."""
        return "".join(self._loop.key.rotations).encode()

    def peer_key(self, session: Session, shown: Sequence[str]) -> bytes:
        """Return the key with which the peer of a link signs now; see `link.own_history.OwnHistory`."""
        return self._loop.links.signer_shown(session.outgoing.recipient, shown)

    async def take_back(self, session: Session, given: Sequence[Envelope], receipts: Sequence[DeliveryReceipt]) -> bool:
        """Take back our own envelopes, durably; False when none is missing. `receipts` are ours for the peer's."""
        if not given and not receipts:
            return False
        try:
            return await self._loop.take_back(session, given, receipts)
        except Refusal as refusal:
            log.warning("a peer gave back what is not ours", peer=session.outgoing.recipient.hex(), why=str(refusal))
            return False

    async def nothing_is_missing(self, session: Session) -> None:
        """Tell the peer of a link what another peer gave back; see `taking_back`."""
        await self._loop.tell_what_another_gave_back(session)
