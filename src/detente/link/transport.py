"""Delivering what a link has sent to the peer's node, until its receipts are held.

Before the first envelope a delivery asks the peer what it holds. Where that is more than we do, or another history, our
journal was set back: the peer gives back what we said, and the link goes on from there.

Nothing is queued in memory: what waits is what the journal holds as sent and not receipted, read a batch at a time. So
a peer may be away for an hour or a month, and delivery resumes after the last receipt.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.answer import (
    MAX_BATCH_ENVELOPES,
    MOST_RECEIPTS_GIVEN_BACK,
    DeliveryAnswer,
    RefusalReason,
    read_answer,
)
from detente.link.backoff import Backoff
from detente.link.carrier import CarriageError, EnvelopeCarrier
from detente.link.own_history import OwnHistory, agrees, learn, receipts_in
from detente.link.receipt import DeliveryReceipt
from detente.link.session import (
    LINK_EVIDENCE,
    LINK_REFUSED,
    RECEIPT_RECEIVED,
    SENT,
    ReceiptStanding,
    RefusalRecord,
    Session,
)
from detente.link.standing import Standing
from detente.record.journal import Entry
from detente.record.segments import ArchivedRefusal

PEER_SET_BACK = "peer_set_back"
_SHOWN_CHARACTERS = 300
ASK_AGAIN_S = 30.0
"""How long a peer that cannot be reached is left alone where nothing waits for it."""


class DeliverySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one delivery. A batch holds at least one envelope, whatever its size.

    With `next_address_after_s` the first address is asked first every time, and where it has not answered after so long
    the next one too: the first answer counts. Without it the next address is tried after a failure.
    """

    connect_timeout_s: float = 5.0
    total_timeout_s: float = 60.0
    batch_envelopes: int = 128
    batch_bytes: int = 512 * 1024
    backoff: Backoff = Backoff()
    next_address_after_s: float | None = None


class DeliveryState(StrEnum):
    """All receipted; under way; the peer cannot be reached; the peer answers and refuses."""

    IDLE = "idle"
    DELIVERING = "delivering"
    AWAY = "away"
    REFUSED = "refused"


class DeliveryStatus(msgspec.Struct, frozen=True):
    """What a delivery is doing. `detail` is the last failure in words, empty when there was none since."""

    state: DeliveryState
    waiting: int
    failures: int
    detail: str
    last_answer_at: datetime | None
    delay_s: float


Record = Callable[[Sequence[tuple[str, bytes]], datetime], Awaitable[None]]
"""Append entries (kind, body) to the journal, fold them into the links, and return when both are done."""

ReadJournal = Callable[[int, str], Iterator[Entry]]
"""Read the journal's entries of one kind from an entry number on: `Journal.read`."""


class Delivery:
    """The delivery of one session's outgoing direction to one peer. One `run` at a time.

    `clock` gives the time in UTC, `sleep` waits for seconds, `fraction` gives randomness in [0, 1). Without `history`
    the peer is not asked what it holds. It is asked about the `closed` links first, and `learnt` is called with each
    when that is known. `peer_keys` are those of the peer, the one that signs now last; they may grow.
    """

    def __init__(
        self,
        session: Session,
        addresses: Sequence[str],
        carrier: EnvelopeCarrier,
        read: ReadJournal,
        record: Record,
        *,
        clock: Callable[[], datetime],
        fraction: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        settings: DeliverySettings | None = None,
        history: OwnHistory | None = None,
        peer_keys: Sequence[bytes] | None = None,
        closed: Sequence[Session] = (),
        learnt: Callable[[Session], None] = lambda _: None,
    ) -> None:
        if not addresses:
            raise Refusal("link.at_least_one_address_peer", "addresses", [])
        self._session = session
        self._addresses = tuple(address.rstrip("/") for address in addresses)
        self._carrier = carrier
        self._read = read
        self._record = record
        self._clock = clock
        self._fraction = fraction
        self._sleep = sleep
        self._settings = settings or DeliverySettings()
        self._history = history
        self._peer_keys = [session.outgoing.recipient] if peer_keys is None else peer_keys
        self._to_ask = history is not None
        self._closed = deque(closed if history is not None else ())
        self._learnt = learnt
        self._given_after: int | None = None
        self._batch_bytes = self._settings.batch_bytes
        self._batch_envelopes = min(self._settings.batch_envelopes, MAX_BATCH_ENVELOPES)
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._next = session.receipted_number + 1
        self._stepped_back = False
        self._regression_recorded = False
        self._contradiction_recorded = False
        self._address = 0
        self._failures = 0
        self._delay_s = 0.0
        self._refused = False
        self._detail = ""
        self._last_answer_at: datetime | None = None

    @property
    def _waiting(self) -> int:
        return self._session.sent_number - self._session.receipted_number

    @property
    def state(self) -> DeliveryState:
        """How this delivery fares now."""
        if self._failures:
            return DeliveryState.REFUSED if self._refused else DeliveryState.AWAY
        return DeliveryState.DELIVERING if self._waiting else DeliveryState.IDLE

    @property
    def status(self) -> DeliveryStatus:
        """What this delivery is doing now."""
        return DeliveryStatus(
            self.state, self._waiting, self._failures, self._detail, self._last_answer_at, self._delay_s
        )

    @property
    def is_asking(self) -> bool:
        """Whether the peer has yet to say what it holds."""
        return self._to_ask or bool(self._closed)

    def ask_again(self) -> None:
        """The peer may hold less, or other things, than we believe: ask before anything more is sent."""
        self._to_ask = self._history is not None
        self.retry_now()

    def notify(self) -> None:
        """Tell the delivery that the session may have a new envelope. A wait after a failure is not cut short."""
        if self._next <= self._session.sent_number:
            self._work.set()

    def retry_now(self) -> None:
        """End a wait after a failure now: the peer has sent something, or the message cannot wait."""
        self._hurry.set()
        self._work.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._work.clear()
            is_there = not self.is_asking or await self._ask()
            if self._next > self._session.sent_number:
                await self._rest(is_there=is_there)
            elif is_there and await self._attempt():
                self._failures = 0
                self._delay_s = 0.0
                self._detail = ""
            else:
                self._failures += 1
                self._address = (self._address + 1) % len(self._addresses)
                self._delay_s = self._settings.backoff.delay_s(self._failures, self._fraction())
                await self._pause(self._delay_s)

    async def _rest(self, *, is_there: bool) -> None:
        """Wait for something to send, or until it is time to ask a peer again that has not said what it holds."""
        if not self.is_asking:
            await self._work.wait()
            return
        if not is_there:
            self._address = (self._address + 1) % len(self._addresses)
        await self._sleep_unless(ASK_AGAIN_S, self._work)

    async def _pause(self, delay_s: float) -> None:
        self._hurry.clear()
        await self._sleep_unless(delay_s, self._hurry)

    async def _sleep_unless(self, delay_s: float, event: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self._sleep(delay_s)), asyncio.ensure_future(event.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*waits, return_exceptions=True)

    async def _ask(self) -> bool:
        """Ask the peer what it holds, of closed links first; return whether there is something to go on from.

        What was said later may be about what was said on a closed link. A peer that refuses the question about this
        link refuses the envelopes too, and says why there.
        """
        try:
            return await self._asked()
        except ArchivedRefusal as gone:
            return self._lacks(gone)

    def _lacks(self, gone: ArchivedRefusal) -> bool:
        """What the peer needs is in a segment that is not here: say so, until it is brought back."""
        self._refused, self._detail = True, str(gone)[:_SHOWN_CHARACTERS]
        return False

    async def _asked(self) -> bool:
        history = self._history
        assert history is not None
        while self._closed:
            theirs = await learn(self._closed[0], history, self._exchange)
            if not isinstance(theirs, Standing) and not self._never_had(theirs):
                return False
            self._learnt(self._closed.popleft())
        while self._to_ask:
            theirs = await learn(self._session, history, self._exchange, self._receipts_to_give_back())
            if not isinstance(theirs, Standing):
                return theirs is not None
            if agrees(self._session, theirs) and theirs.received < self._session.receipted_number:
                self._next = theirs.received + 1
                if self._given_after != theirs.received:
                    # Before it signs again for what it has lost, it is given what it signed.
                    self._given_after = theirs.received
                    await self._record_regression(self._next)
                    continue
            self._to_ask = False
            await history.nothing_is_missing(self._session)
        return True

    def _never_had(self, answer: DeliveryAnswer | None) -> bool:
        """Whether the peer says that it never had a link, so that nothing that was said on it can be lost."""
        if answer is None or answer.refused is None:
            return False
        if answer.refused.reason is RefusalReason.WRONG_ACCORD:
            return True
        self._refused, self._detail = True, f"{answer.refused.reason}: {answer.refused.detail}"[:_SHOWN_CHARACTERS]
        return False

    def _receipts_to_give_back(self) -> bytes:
        if self._given_after is None:
            return b""
        entries = self._session.peer_receipt_entries(self._given_after)[:MOST_RECEIPTS_GIVEN_BACK]
        return b"".join(next(iter(self._read(number, RECEIPT_RECEIVED))).body for number in entries)

    async def _attempt(self) -> bool:
        """Send one batch; return whether the peer took a step forward with it."""
        try:
            batch = self._batch()
        except ArchivedRefusal as gone:
            return self._lacks(gone)
        answer = await self._exchange(batch)
        if answer is None:
            return False
        self._refused = False
        if (answer.next_number or 0) > self._session.sent_number + 1:
            # It holds more of ours than we do.
            self._to_ask = self._history is not None
        if await self._take_receipts(answer):
            self._stepped_back = False
            return True
        return False if self._refused else await self._step_back(answer)

    async def _exchange(self, batch: bytes) -> DeliveryAnswer | None:
        """Bring a batch to the peer and return its answer; None, with the reason in `detail`, when there is none."""
        try:
            return await self._first_answer(batch)
        except CarriageError as error:
            self._refused, self._detail = False, str(error)[:_SHOWN_CHARACTERS]
            return None

    async def _first_answer(self, batch: bytes) -> DeliveryAnswer:
        """Return the answer of the address whose turn it is, or that of the first to answer; raises CarriageError."""
        wait_s = self._settings.next_address_after_s
        if wait_s is None:
            return await self._answer_at(self._addresses[self._address], batch)
        left, asked = deque(self._addresses), set[asyncio.Task[DeliveryAnswer]]()
        why = CarriageError()
        try:
            while left or asked:
                if left:
                    asked.add(asyncio.create_task(self._answer_at(left.popleft(), batch)))
                done, asked = await asyncio.wait(
                    asked, timeout=wait_s if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                for one in done:
                    try:
                        return one.result()
                    except CarriageError as error:
                        why = error
            raise why
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _answer_at(self, address: str, batch: bytes) -> DeliveryAnswer:
        status, data = await self._carrier.carry(
            address, self._session.outgoing.recipient, batch,
            self._settings.connect_timeout_s, self._settings.total_timeout_s,
        )  # fmt: skip
        self._last_answer_at = self._clock()
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self._batch_bytes = max(1, self._batch_bytes // 2)
            self._batch_envelopes = max(1, self._batch_envelopes // 2)
        try:
            return read_answer(data)
        except Refusal as refusal:
            raise CarriageError(f"HTTP {status}, {refusal}") from None

    def _batch(self) -> bytes:
        session = self._session
        last = min(session.sent_number, self._next + self._batch_envelopes - 1)
        parts: list[bytes] = []
        size = 0
        for number in range(self._next, last + 1):
            # One by one: between two envelopes of this link there may be a year of others'.
            body = next(iter(self._read(session.sent_entry(number), SENT))).body
            size += len(body)
            if parts and size > self._batch_bytes:
                break
            parts.append(body)
        return b"".join(parts)

    async def _take_receipts(self, answer: DeliveryAnswer) -> bool:
        """Record the receipts that are new; return whether they cover the first envelope that was sent."""
        covered = 0
        signed = (r for r in receipts_in(answer, self._session.outgoing) if self._is_signed(r))
        for receipt in sorted(signed, key=lambda receipt: receipt.last):
            standing = self._session.receipt_standing(receipt)
            if standing is ReceiptStanding.CONTRADICTION:
                self._detail = f"the peer signed a receipt for an envelope that was never sent as {receipt.last}"
                self._refused = True
                if not self._contradiction_recorded:
                    self._contradiction_recorded = True
                    await self._record([(LINK_EVIDENCE, receipt.raw)], self._clock())
                return False
            if standing is ReceiptStanding.NEW:
                await self._record([(RECEIPT_RECEIVED, receipt.raw)], self._clock())
            if standing is not ReceiptStanding.GAP and receipt.first <= max(self._next, covered + 1):
                covered = receipt.last
        if covered < self._next:
            return False
        self._next = covered + 1
        return True

    def _is_signed(self, receipt: DeliveryReceipt) -> bool:
        return receipt.is_signed_by(self._session.receipt_keys(receipt, self._peer_keys))

    async def _step_back(self, answer: DeliveryAnswer) -> bool:
        """Continue from the number that the peer expects; once, and then only after a wait."""
        refused = answer.refused
        if refused is None:
            self._detail = "the peer answered without a receipt for what was sent"
            return False
        self._refused = True
        self._detail = f"{refused.reason}: {refused.detail}"[:_SHOWN_CHARACTERS]
        expected = answer.next_number
        if refused.reason is RefusalReason.UNKNOWN_SENDER:
            # It may have lost what it knew of our keys.
            self._to_ask = self._history is not None
            return False
        if refused.reason is RefusalReason.EQUIVOCATION:
            # It holds another history of ours than we do: our journal was set back, or it tells an untruth.
            self._to_ask = self._history is not None
            first_time, self._stepped_back = not self._stepped_back, True
            return first_time and self._to_ask
        if refused.reason is not RefusalReason.GAP or expected is None or not 1 <= expected < self._next:
            return False
        if expected <= self._session.receipted_number:
            await self._record_regression(expected)
            self._to_ask, self._given_after = self._history is not None, expected - 1
        self._next = expected
        first_time, self._stepped_back = not self._stepped_back, True
        return first_time

    async def _record_regression(self, expected: int) -> None:
        if not self._regression_recorded:
            self._regression_recorded = True
            await self._record([(LINK_REFUSED, self._regression(expected))], self._clock())

    def _regression(self, expected: int) -> bytes:
        detail = (
            f"the peer expects {expected} again although it signed receipts up to {self._session.receipted_number}: "
            "its journal was lost or set back"
        )
        return msgspec.json.encode(
            RefusalRecord(
                reason=PEER_SET_BACK,
                detail=detail,
                sha256=hashlib.sha256(detail.encode()).hexdigest(),
                length_bytes=len(detail),
                sender=self._session.outgoing.recipient.hex(),
                number=expected,
            )
        )
