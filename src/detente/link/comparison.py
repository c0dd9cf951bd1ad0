"""Verifying one transcript, and holding two copies of it side by side: equal, or the first difference in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import NO_PREVIOUS, Direction
from detente.link.receipt import DeliveryReceipt
from detente.link.transcript import EnvelopeLines, Holding, OneWay, Transcript
from detente.record.keys import verify


class FindingKind(StrEnum):
    """What was found. The first group breaks a single transcript, the second tells two apart, the last is no fault."""

    WRONG_NUMBER = "wrong_number"
    BROKEN_CHAIN = "broken_chain"
    WRONG_SIGNATURE = "wrong_signature"
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
        """Whether both copies tell the same history as far as both have got."""
        return not self.differences


def verify_transcript(transcript: Transcript, known: AbstractSet[tuple[bytes, bytes]] = frozenset()) -> list[Finding]:
    """Return what is broken, at most one finding for a direction's envelopes and one for its receipts; none when sound.

    `known` are (signed lines, signature) that were verified already.
    """
    findings = []
    for one_way in transcript.directions:
        findings.extend(_first(_broken_envelopes(one_way, known)))
        findings.extend(_first(_broken_receipts(one_way, known)))
    return findings


def signatures(transcript: Transcript) -> frozenset[tuple[bytes, bytes]]:
    """Return the (signed lines, signature) of everything in a transcript."""
    found: set[tuple[bytes, bytes]] = set()
    for one_way in transcript.directions:
        found.update((envelope.signed, envelope.signature) for envelope in one_way.envelopes)
        found.update((receipt.signed, receipt.signature) for receipt in one_way.receipts)
    return frozenset(found)


def compare_transcripts(first: Transcript, second: Transcript) -> Comparison:
    """Hold two copies of one link side by side, each its party's own; both are taken as verified.

    Two copies of one party's own are compared too: then one may be older than the other.
    """
    differences: list[Finding] = []
    in_flight: list[Finding] = []
    if {first.holder, first.peer} != {second.holder, second.peer} or first.accord != second.accord:
        return Comparison((Finding(FindingKind.ANOTHER_LINK, first.sent.direction, 0, 0),), ())
    for one, other in zip(first.directions, second.directions, strict=True):
        if first.holder == second.holder:
            found = [*_own_copies(one, other)]
        elif one.direction.sender == first.holder:
            found = [*_sent_and_received(one, other, swapped=False)]
        else:
            found = [*_sent_and_received(other, one, swapped=True)]
        for finding in found:
            tail = finding.kind in (FindingKind.IN_FLIGHT, FindingKind.RECEIPT_IN_FLIGHT, FindingKind.OLDER_COPY)
            (in_flight if tail else differences).append(finding)
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
        raise Refusal(
            "transcript", first.holder.hex(), f"a link with {second.holder.hex()}", "These copies have none in common."
        )
    for peer_of_first, peer_of_second, accord in links:
        one, other = first.link_with(peer_of_first, accord), second.link_with(peer_of_second, accord)
        broken[0].extend(verify_transcript(one))
        broken[1].extend(verify_transcript(other, signatures(one)))
        comparison = compare_transcripts(one, other)
        differences.extend(comparison.differences)
        in_flight.extend(comparison.in_flight)
        pairs = zip(one.directions, other.directions, strict=True)
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
    previous = NO_PREVIOUS
    for number, envelope in enumerate(one_way.envelopes, start=1):
        if envelope.number != number:
            yield Finding(FindingKind.WRONG_NUMBER, one_way.direction, number, envelope.number)
        if envelope.previous != previous:
            yield Finding(FindingKind.BROKEN_CHAIN, one_way.direction, number, number)
        if not _is_signed(envelope, one_way.direction.sender, known):
            yield Finding(FindingKind.WRONG_SIGNATURE, one_way.direction, number, number)
        previous = envelope.hash


def _broken_receipts(one_way: OneWay, known: AbstractSet[tuple[bytes, bytes]]) -> Iterator[Finding]:
    last = 0
    for receipt in one_way.receipts:
        run = (one_way.direction, receipt.first, receipt.last)
        if receipt.first > last + 1 or receipt.last <= last or receipt.last > len(one_way.envelopes):
            yield Finding(FindingKind.RECEIPT_WRONG_RUN, *run)
            return
        if receipt.last_hash != one_way.envelopes[receipt.last - 1].hash:
            yield Finding(FindingKind.RECEIPT_OF_ANOTHER, *run)
        if not _is_signed(receipt, one_way.direction.recipient, known):
            yield Finding(FindingKind.RECEIPT_WRONG_SIGNATURE, *run)
        last = receipt.last


def _sent_and_received(sent: OneWay, received: OneWay, *, swapped: bool) -> Iterator[Finding]:
    """Compare the sender's copy of a direction with the recipient's. `swapped` when the sender's is the second copy."""

    def finding(kind: FindingKind, first: int, last: int, of_sender: str = "", of_recipient: str = "") -> Finding:
        copies = (of_recipient, of_sender) if swapped else (of_sender, of_recipient)
        return Finding(kind, sent.direction, first, last, *copies)

    number = _first_unequal(sent.envelopes, received.envelopes)
    if number is not None:
        ours, theirs = sent.envelopes[number - 1], received.envelopes[number - 1]
        yield finding(FindingKind.OTHER_CONTENT, number, number, _describe(ours), _describe(theirs))
        return
    held, signed_for = len(received.envelopes), sent.receipted_number
    if held > len(sent.envelopes):
        yield finding(FindingKind.HELD_BUT_NOT_SENT, len(sent.envelopes) + 1, held)
    if signed_for > held:
        yield finding(FindingKind.RECEIPTED_BUT_NOT_HELD, held + 1, signed_for)
    if len(sent.envelopes) > max(held, signed_for):
        yield finding(FindingKind.IN_FLIGHT, max(held, signed_for) + 1, len(sent.envelopes))
    place = _first_unequal(sent.receipts, received.receipts)
    if place is not None:
        ours_receipt, theirs_receipt = sent.receipts[place - 1], received.receipts[place - 1]
        run = (ours_receipt.first, ours_receipt.last)
        yield finding(
            FindingKind.OTHER_RECEIPT, *run, _describe_receipt(ours_receipt), _describe_receipt(theirs_receipt)
        )
        return
    ahead = len(sent.receipts) - len(received.receipts)
    if ahead > 0 and signed_for <= held:
        first = sent.receipts[len(received.receipts)]
        yield finding(FindingKind.RECEIPT_NOT_SIGNED, first.first, signed_for)
    elif ahead < 0:
        first = received.receipts[len(sent.receipts)]
        yield finding(FindingKind.RECEIPT_IN_FLIGHT, first.first, received.receipted_number)


def _own_copies(one: OneWay, other: OneWay) -> Iterator[Finding]:
    number = _first_unequal(one.envelopes, other.envelopes)
    if number is not None:
        ours, theirs = one.envelopes[number - 1], other.envelopes[number - 1]
        yield Finding(FindingKind.OTHER_CONTENT, one.direction, number, number, _describe(ours), _describe(theirs))
        return
    counts = sorted((len(one.envelopes), len(other.envelopes)))
    if counts[0] < counts[1]:
        yield Finding(FindingKind.OLDER_COPY, one.direction, counts[0] + 1, counts[1])
    place = _first_unequal(one.receipts, other.receipts)
    if place is not None:
        ours_receipt, theirs_receipt = one.receipts[place - 1], other.receipts[place - 1]
        yield Finding(
            FindingKind.OTHER_RECEIPT, one.direction, ours_receipt.first, ours_receipt.last,
            _describe_receipt(ours_receipt), _describe_receipt(theirs_receipt),
        )  # fmt: skip


def _first_unequal(
    one: Sequence[EnvelopeLines | DeliveryReceipt], other: Sequence[EnvelopeLines | DeliveryReceipt]
) -> int | None:
    pairs = enumerate(zip(one, other, strict=False), start=1)
    return next((place for place, (ours, theirs) in pairs if ours.hash != theirs.hash), None)


def _is_signed(item: EnvelopeLines | DeliveryReceipt, key: bytes, known: AbstractSet[tuple[bytes, bytes]]) -> bool:
    return (item.signed, item.signature) in known or verify(key, item.signature, item.signed)


def _first(findings: Iterator[Finding]) -> list[Finding]:
    found = next(findings, None)
    return [] if found is None else [found]


def _describe(envelope: EnvelopeLines) -> str:
    size, at, name = f"{envelope.body_length:,} B", f"{envelope.sent_at:%Y-%m-%d %H:%M:%S}Z", envelope.hash.hex()[:16]
    return f"{envelope.kind}, {size}, {at}, {name}"


def _describe_receipt(receipt: DeliveryReceipt) -> str:
    return f"{receipt.first}-{receipt.last}, {receipt.received_at:%Y-%m-%d %H:%M:%S}Z, {receipt.last_hash.hex()[:16]}"
