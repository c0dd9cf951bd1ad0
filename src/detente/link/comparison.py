"""Verify one transcript, and compare two copies of it: they are equal, or the first difference is given in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import NO_PREVIOUS, Direction
from detente.link.receipt import DeliveryReceipt
from detente.link.transcript import EnvelopeLines, Holding, OneWay, Transcript
from detente.record.keys import verify
from detente.room.set_back import SetBackMessage
from detente.room.tagged import tag_of

SET_BACK = tag_of(SetBackMessage)


class FindingKind(StrEnum):
    """Kinds of finding: those that break one transcript, then differences between two, then one that is no fault."""

    WRONG_NUMBER = "wrong_number"
    BROKEN_CHAIN = "broken_chain"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_ROTATION = "wrong_rotation"
    RECEIPT_WRONG_RUN = "receipt_wrong_run"
    RECEIPT_OF_ANOTHER = "receipt_of_another"
    RECEIPT_WRONG_SIGNATURE = "receipt_wrong_signature"

    OTHER_CONTENT = "other_content"
    RECEIPTED_BUT_NOT_HELD = "receipted_but_not_held"
    HELD_BUT_NOT_SENT = "held_but_not_sent"
    OTHER_RECEIPT = "other_receipt"
    RECEIPT_NOT_SIGNED = "receipt_not_signed"
    ANOTHER_LINK = "another_link"

    IN_FLIGHT = "in_flight"
    RECEIPT_IN_FLIGHT = "receipt_in_flight"
    OLDER_COPY = "older_copy"
    SIGNED_AGAIN = "signed_again"


NO_DIFFERENCES = frozenset(
    {FindingKind.IN_FLIGHT, FindingKind.RECEIPT_IN_FLIGHT, FindingKind.OLDER_COPY, FindingKind.SIGNED_AGAIN}
)


class Finding(msgspec.Struct, frozen=True):
    """Something found in a direction of a transcript, from envelope `first` to envelope `last`.

    `first_copy` and `second_copy` say what the two sides hold there, where they differ, in a line each.
    """

    kind: FindingKind
    direction: Direction
    first: int
    last: int
    first_copy: str = ""
    second_copy: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """Two copies side by side. Equal when there are no differences; what is in flight is not a difference."""

    differences: tuple[Finding, ...]
    in_flight: tuple[Finding, ...]

    @property
    def equal(self) -> bool:
        """Whether both copies have the same history, as far as both go."""
        return not self.differences


def verify_transcript(transcript: Transcript, known: AbstractSet[tuple[bytes, bytes]] = frozenset()) -> list[Finding]:
    """Return what is broken, at most one finding for a direction's envelopes and one for its receipts; none when sound.

    `known` are (signed lines, signature) that were verified already.
    """
    findings = []
    for one_way, other_way in zip(transcript.directions, reversed(transcript.directions), strict=True):
        findings.extend(_first(_broken_envelopes(one_way, known)))
        findings.extend(_first(_broken_receipts(one_way, _keys(other_way), known)))
    return findings


def _keys(one_way: OneWay) -> set[bytes]:
    """The keys with which the sender of a direction has signed by its own word."""
    try:
        return {one_way.direction.sender, *one_way.signers()}
    except Refusal:
        return {one_way.direction.sender}  # a finding of its own


def signatures(transcript: Transcript) -> frozenset[tuple[bytes, bytes]]:
    """Return the (signed lines, signature) of everything in a transcript."""
    signed: set[tuple[bytes, bytes]] = set()
    for one_way in transcript.directions:
        signed.update((envelope.signed, envelope.signature) for envelope in one_way.envelopes)
        signed.update((receipt.signed, receipt.signature) for receipt in one_way.receipts)
    return frozenset(signed)


def compare_transcripts(first: Transcript, second: Transcript) -> Comparison:
    """Compare two copies of one link, each its own party's. The caller has verified both.

    The copies may also be one party's own; then one may be older than the other.
    """
    differences: list[Finding] = []
    in_flight: list[Finding] = []
    if {first.holder, first.peer} != {second.holder, second.peer} or first.accord != second.accord:
        return Comparison((Finding(FindingKind.ANOTHER_LINK, first.sent.direction, 0, 0),), ())
    for first_way, second_way in zip(first.directions, second.directions, strict=True):
        if first.holder == second.holder:
            findings = [*_own_copies(first_way, second_way)]
        elif first_way.direction.sender == first.holder:
            findings = [*_sent_and_received(first_way, second_way, set_back=_was_set_back(second), swapped=False)]
        else:
            findings = [*_sent_and_received(second_way, first_way, set_back=_was_set_back(first), swapped=True)]
        for finding in findings:
            (in_flight if finding.kind in NO_DIFFERENCES else differences).append(finding)
    return Comparison(tuple(differences), tuple(in_flight))


class CopiesComparison(msgspec.Struct, frozen=True):
    """Two parties' copies side by side, over every link between them. `broken` is what is wrong in each by itself."""

    broken: tuple[tuple[Finding, ...], tuple[Finding, ...]]
    differences: tuple[Finding, ...]
    in_flight: tuple[Finding, ...]
    equal_envelopes: int

    @property
    def equal(self) -> bool:
        """Whether both copies are sound and tell the same history as far as both have got."""
        return not (self.differences or self.broken[0] or self.broken[1])


def compare_copies(first: Holding, second: Holding) -> CopiesComparison:
    """Verify what two copies hold of the links between their holders, and compare it.

    Two copies of one party are compared over all its links. Raises Refusal when they have no link in common.
    """
    differences: list[Finding] = []
    in_flight: list[Finding] = []
    broken: tuple[list[Finding], list[Finding]] = ([], [])
    equal_envelopes = 0
    links = _links_between(first, second)
    if not links:
        raise Refusal("link.link_with_holder", "transcript", first.holder.hex(), holder=second.holder.hex())
    for peer_of_first, peer_of_second, accord in links:
        first_transcript, second_transcript = (
            first.link_with(peer_of_first, accord),
            second.link_with(peer_of_second, accord),
        )
        broken[0].extend(verify_transcript(first_transcript))
        broken[1].extend(verify_transcript(second_transcript, signatures(first_transcript)))
        comparison = compare_transcripts(first_transcript, second_transcript)
        differences.extend(comparison.differences)
        in_flight.extend(comparison.in_flight)
        pairs = zip(first_transcript.directions, second_transcript.directions, strict=True)
        equal_envelopes += sum(min(len(ours.envelopes), len(theirs.envelopes)) for ours, theirs in pairs)
    return CopiesComparison((tuple(broken[0]), tuple(broken[1])), tuple(differences), tuple(in_flight), equal_envelopes)


def _links_between(first: Holding, second: Holding) -> list[tuple[bytes, bytes, str]]:
    """Return (peer of the first, peer of the second, accord) for each link that both copies can speak of."""
    if first.holder == second.holder:
        return sorted({(t.peer, t.peer, t.accord) for t in (*first.transcripts, *second.transcripts)})
    accords = {t.accord for t in first.transcripts if t.peer == second.holder}
    accords |= {t.accord for t in second.transcripts if t.peer == first.holder}
    return [(second.holder, first.holder, accord) for accord in sorted(accords)]


def _broken_envelopes(one_way: OneWay, known: AbstractSet[tuple[bytes, bytes]]) -> Iterator[Finding]:
    previous, signer = NO_PREVIOUS, one_way.direction.sender
    for number, envelope in enumerate(one_way.envelopes, start=1):
        if envelope.number != number:
            yield Finding(FindingKind.WRONG_NUMBER, one_way.direction, number, envelope.number)
        if envelope.previous != previous:
            yield Finding(FindingKind.BROKEN_CHAIN, one_way.direction, number, number)
        try:
            signer = one_way.signer_after(number, signer)
        except Refusal:
            yield Finding(FindingKind.WRONG_ROTATION, one_way.direction, number, number)
        if not _is_signed(envelope, (signer,), known):
            yield Finding(FindingKind.WRONG_SIGNATURE, one_way.direction, number, number)
        previous = envelope.hash


def _broken_receipts(
    one_way: OneWay, keys: AbstractSet[bytes], known: AbstractSet[tuple[bytes, bytes]]
) -> Iterator[Finding]:
    last = 0
    for receipt in one_way.receipts:
        run = (one_way.direction, receipt.first, receipt.last)
        if receipt.first > last + 1 or receipt.last <= last or receipt.last > len(one_way.envelopes):
            yield Finding(FindingKind.RECEIPT_WRONG_RUN, *run)
            return
        if receipt.last_hash != one_way.envelopes[receipt.last - 1].hash:
            yield Finding(FindingKind.RECEIPT_OF_ANOTHER, *run)
        if not _is_signed(receipt, keys, known):
            yield Finding(FindingKind.RECEIPT_WRONG_SIGNATURE, *run)
        last = receipt.last


def _sent_and_received(
    sent: OneWay,
    received: OneWay,
    *,
    set_back: bool,
    swapped: bool,
) -> Iterator[Finding]:
    """Compare the sender's copy of a direction with the recipient's. `swapped` when the sender's is the second copy.

    `set_back`: the recipient has said, signed, that its journal was set back. It signed again for what it had lost.
    """

    def finding(kind: FindingKind, first: int, last: int, of_sender: str = "", of_recipient: str = "") -> Finding:
        copies = (of_recipient, of_sender) if swapped else (of_sender, of_recipient)
        return Finding(kind, sent.direction, first, last, *copies)

    number = _first_unequal(sent.envelopes, received.envelopes)
    if number is not None:
        ours, theirs = sent.envelopes[number - 1], received.envelopes[number - 1]
        yield finding(FindingKind.OTHER_CONTENT, number, number, _describe(ours), _describe(theirs))
        return
    received_count, signed_for = len(received.envelopes), sent.receipted_number
    if received_count > len(sent.envelopes):
        yield finding(FindingKind.HELD_BUT_NOT_SENT, len(sent.envelopes) + 1, received_count)
    if signed_for > received_count:
        yield finding(FindingKind.RECEIPTED_BUT_NOT_HELD, received_count + 1, signed_for)
    if len(sent.envelopes) > max(received_count, signed_for):
        yield finding(FindingKind.IN_FLIGHT, max(received_count, signed_for) + 1, len(sent.envelopes))
    if set_back and _all_fit(sent.receipts, received):
        again = [receipt for receipt in sent.receipts if receipt not in received.receipts]
        if again:
            yield finding(FindingKind.SIGNED_AGAIN, again[0].first, again[-1].last)
        return
    place = _first_unequal(sent.receipts, received.receipts)
    if place is not None:
        ours_receipt, theirs_receipt = sent.receipts[place - 1], received.receipts[place - 1]
        run = (ours_receipt.first, ours_receipt.last)
        yield finding(
            FindingKind.OTHER_RECEIPT, *run, _describe_receipt(ours_receipt), _describe_receipt(theirs_receipt)
        )
        return
    ahead = len(sent.receipts) - len(received.receipts)
    if ahead > 0 and signed_for <= received_count:
        first = sent.receipts[len(received.receipts)]
        yield finding(FindingKind.RECEIPT_NOT_SIGNED, first.first, signed_for)
    elif ahead < 0:
        first = received.receipts[len(sent.receipts)]
        yield finding(FindingKind.RECEIPT_IN_FLIGHT, first.first, received.receipted_number)


def _was_set_back(copy: Transcript) -> bool:
    return any(envelope.kind == SET_BACK for envelope in copy.sent.envelopes)


def _all_fit(receipts: Sequence[DeliveryReceipt], received: OneWay) -> bool:
    """Whether every receipt is for what the recipient holds."""
    held = received.envelopes
    return all(r.last <= len(held) and r.last_hash == held[r.last - 1].hash for r in receipts)


def _own_copies(first: OneWay, second: OneWay) -> Iterator[Finding]:
    number = _first_unequal(first.envelopes, second.envelopes)
    if number is not None:
        ours, theirs = first.envelopes[number - 1], second.envelopes[number - 1]
        yield Finding(FindingKind.OTHER_CONTENT, first.direction, number, number, _describe(ours), _describe(theirs))
        return
    counts = sorted((len(first.envelopes), len(second.envelopes)))
    if counts[0] < counts[1]:
        yield Finding(FindingKind.OLDER_COPY, first.direction, counts[0] + 1, counts[1])
    place = _first_unequal(first.receipts, second.receipts)
    if place is not None:
        ours_receipt, theirs_receipt = first.receipts[place - 1], second.receipts[place - 1]
        yield Finding(
            FindingKind.OTHER_RECEIPT, first.direction, ours_receipt.first, ours_receipt.last,
            _describe_receipt(ours_receipt), _describe_receipt(theirs_receipt),
        )  # fmt: skip


def _first_unequal(
    first: Sequence[EnvelopeLines | DeliveryReceipt], second: Sequence[EnvelopeLines | DeliveryReceipt]
) -> int | None:
    pairs = enumerate(zip(first, second, strict=False), start=1)
    return next((place for place, (ours, theirs) in pairs if ours.hash != theirs.hash), None)


def _is_signed(
    item: EnvelopeLines | DeliveryReceipt, keys: Iterable[bytes], known: AbstractSet[tuple[bytes, bytes]]
) -> bool:
    return (item.signed, item.signature) in known or any(verify(key, item.signature, item.signed) for key in keys)


def _first(findings: Iterator[Finding]) -> list[Finding]:
    finding = next(findings, None)
    return [] if finding is None else [finding]


def _describe(envelope: EnvelopeLines) -> str:
    size, at, name = f"{envelope.body_length:,} B", f"{envelope.sent_at:%Y-%m-%d %H:%M:%S}Z", envelope.hash.hex()[:16]
    return f"{envelope.kind}, {size}, {at}, {name}"


def _describe_receipt(receipt: DeliveryReceipt) -> str:
    return f"{receipt.first}-{receipt.last}, {receipt.received_at:%Y-%m-%d %H:%M:%S}Z, {receipt.last_hash.hex()[:16]}"
