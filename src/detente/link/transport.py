"""Delivering what a link has sent to the peer's node, until its receipts are held.

Nothing is queued in memory: what waits is what the journal holds as sent and not receipted, read a batch at a time. So
a peer may be away for an hour or a month, and delivery resumes after the last receipt.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.answer import MAX_BATCH_ENVELOPES, DeliveryAnswer, RefusalReason, read_answer
from detente.link.backoff import Backoff
from detente.link.carrier import CarriageError, Carrier
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.link.session import (
    LINK_EVIDENCE,
    LINK_REFUSED,
    RECEIPT_RECEIVED,
    SENT,
    ReceiptStanding,
    RefusalRecord,
    Session,
)
from detente.record.journal import Entry

PEER_SET_BACK = "peer_set_back"
_SHOWN_CHARACTERS = 300


class DeliverySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one delivery. A batch holds at least one envelope, whatever its size."""

    connect_timeout_s: float = 5.0
    total_timeout_s: float = 60.0
    batch_envelopes: int = 128
    batch_bytes: int = 512 * 1024
    backoff: Backoff = Backoff()


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

    `clock` gives the time in UTC, `sleep` waits for seconds, `fraction` gives randomness in [0, 1).
    """

    def __init__(
        self,
        session: Session,
        addresses: Sequence[str],
        carrier: Carrier,
        read: ReadJournal,
        record: Record,
        *,
        clock: Callable[[], datetime],
        fraction: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        settings: DeliverySettings | None = None,
    ) -> None:
        if not addresses:
            raise Refusal("addresses", [], "at least one address of the peer", "Carry its envelopes as files instead.")
        self._session = session
        self._addresses = tuple(address.rstrip("/") for address in addresses)
        self._carrier = carrier
        self._read = read
        self._record = record
        self._clock = clock
        self._fraction = fraction
        self._sleep = sleep
        self._settings = settings or DeliverySettings()
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
    def status(self) -> DeliveryStatus:
        """What this delivery is doing now."""
        waiting = self._session.sent_number - self._session.receipted_number
        if self._failures:
            state = DeliveryState.REFUSED if self._refused else DeliveryState.AWAY
        else:
            state = DeliveryState.DELIVERING if waiting else DeliveryState.IDLE
        return DeliveryStatus(state, waiting, self._failures, self._detail, self._last_answer_at, self._delay_s)

    def notify(self) -> None:
        """Tell the delivery that the session has a new envelope. A wait after a failure is not cut short."""
        self._work.set()

    def retry_now(self) -> None:
        """End a wait after a failure now: the peer has sent something, or the message cannot wait."""
        self._hurry.set()
        self._work.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._work.clear()
            if self._next > self._session.sent_number:
                await self._work.wait()
            elif await self._attempt():
                self._failures = 0
                self._delay_s = 0.0
                self._detail = ""
            else:
                self._failures += 1
                self._address = (self._address + 1) % len(self._addresses)
                self._delay_s = self._settings.backoff.delay_s(self._failures, self._fraction())
                await self._pause(self._delay_s)

    async def _pause(self, delay_s: float) -> None:
        self._hurry.clear()
        waits = [asyncio.ensure_future(self._sleep(delay_s)), asyncio.ensure_future(self._hurry.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*waits, return_exceptions=True)

    async def _attempt(self) -> bool:
        """Send one batch; return whether the peer took a step forward with it."""
        self._refused = False
        try:
            status, data = await self._carrier.carry(
                self._addresses[self._address], self._batch(), self._settings.connect_timeout_s,
                self._settings.total_timeout_s,
            )  # fmt: skip
        except CarriageError as error:
            self._detail = str(error)[:_SHOWN_CHARACTERS]
            return False
        self._last_answer_at = self._clock()
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self._batch_bytes = max(1, self._batch_bytes // 2)
            self._batch_envelopes = max(1, self._batch_envelopes // 2)
        try:
            answer = read_answer(data)
        except Refusal as refusal:
            self._detail = f"HTTP {status}, {refusal}"[:_SHOWN_CHARACTERS]
            return False
        if await self._take_receipts(answer):
            self._stepped_back = False
            return True
        return False if self._refused else await self._step_back(answer)

    def _batch(self) -> bytes:
        session = self._session
        last = min(session.sent_number, self._next + self._batch_envelopes - 1)
        entry_numbers = {session.sent_entry(number) for number in range(self._next, last + 1)}
        parts: list[bytes] = []
        size = 0
        for entry in self._read(session.sent_entry(self._next), SENT):
            if entry.number not in entry_numbers:
                continue
            if parts and size + len(entry.body) > self._batch_bytes:
                break
            parts.append(entry.body)
            size += len(entry.body)
            if len(parts) == len(entry_numbers):
                break
        return b"".join(parts)

    async def _take_receipts(self, answer: DeliveryAnswer) -> bool:
        """Record the receipts that are new; return whether they cover the first envelope that was sent."""
        covered = 0
        for receipt in sorted(self._receipts(answer), key=lambda receipt: receipt.last):
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

    def _receipts(self, answer: DeliveryAnswer) -> list[DeliveryReceipt]:
        receipts = []
        for text in answer.receipts:
            with suppress(Refusal, UnicodeEncodeError):
                receipt, _ = read_receipt(text.encode())
                if receipt.direction == self._session.outgoing and receipt.is_signed_by_recipient():
                    receipts.append(receipt)
        return receipts

    async def _step_back(self, answer: DeliveryAnswer) -> bool:
        """Continue from the number that the peer expects; once, and then only after a wait."""
        refused = answer.refused
        if refused is None:
            self._detail = "the peer answered without a receipt for what was sent"
            return False
        self._refused = True
        self._detail = f"{refused.reason}: {refused.detail}"[:_SHOWN_CHARACTERS]
        expected = answer.next_number
        if refused.reason is not RefusalReason.GAP or expected is None or not 1 <= expected < self._next:
            return False
        if expected <= self._session.receipted_number and not self._regression_recorded:
            self._regression_recorded = True
            await self._record([(LINK_REFUSED, self._regression(expected))], self._clock())
        self._next = expected
        first_time, self._stepped_back = not self._stepped_back, True
        return first_time

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
