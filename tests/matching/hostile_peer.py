"""A peer in a process of its own that breaks the protocol: python hostile_peer.py PORT.

Reads its key, both public keys and the ways of breaking it from standard input as one JSON line. Connects once for
each way, in order, and speaks framed messages.
"""

import asyncio
import dataclasses
import hashlib
import json
import sys

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from match_parties import EPOCH, TABLE, TERMS, circle, play, receive_framed, send_framed, world

from detente.matching import ristretto
from detente.matching.late import answer_late, late_message, late_reveal, take_late_answer, take_late_reveal
from detente.matching.masking import answers_of, ascending
from detente.matching.messages import HEADER_BYTES, BreachError, MessageKind, sign_message
from detente.matching.quantise import Role, quantise
from detente.matching.run import Run
from detente.matching.side import STAGES, MatchSide
from detente.record.keys import SIGNATURE_BYTES, NodeKey

OTHER = ristretto.scalar_from_uniform(bytes(range(64)))


def body_of(raw):
    return raw[HEADER_BYTES:-SIGNATURE_BYTES]


class Hostile:
    def __init__(self, side, way):
        self.side, self.way = side, way
        self.answers = None

    def changed(self, kind, raw):  # noqa: C901 one branch for each way
        """The bytes to send in place of an honest message; b"" to say nothing more; None to leave."""
        side, way = self.side, self.way
        stage = kind.name.lower()
        if way == f"stall_{stage}":
            return b""
        if way == f"leave_{stage}":
            return None
        if kind is MessageKind.COMMIT:
            if way == "identity_key":
                return self.signed(kind, body_of(raw)[:32] + bytes(32))
            if way == "invalid_key":
                return self.signed(kind, body_of(raw)[:32] + b"\xff" * 32)
            if way == "other_run":
                return sign_message(side.key, kind, bytes(32), bytes(32), body_of(raw))
            if way == "bad_signature":
                return raw[:-1] + bytes([raw[-1] ^ 1])
            if way == "noise":
                return hashlib.shake_256(b"noise").digest(5_000)
            if way == "unknown_kind":
                return sign_message(side.key, 99, side.run.identity, bytes(32), b"")
            if way == "stage":
                return self.signed(MessageKind.REVEAL, b"{}")
        if kind is MessageKind.MASKED:
            points = ristretto.elements(body_of(raw)).copy()
            if way == "invalid_element":
                points[-1] = 255
            elif way == "small_inputs":
                # 1, 2, 3 ...: of small numbers many are no element, and logarithms of the others are nobody's.
                points[:] = 0
                points[:, 0], points[:, 1] = np.arange(len(points)) % 256, np.arange(len(points)) // 256
                points = points[ascending(points)]
            elif way == "replay_list":
                return old_messages(side)[1]
            elif way == "identity":
                points[0] = 0
            elif way == "repeated":
                points[7] = points[6]
            elif way == "unordered":
                points[[3, 4]] = points[[4, 3]]
            elif way == "too_many":
                points = np.concatenate([points, points[-1:]])
            elif way == "too_few":
                points = points[:-1]
            elif way == "other_key_half_way":
                behind = side.shown[0].masked.points
                half = ristretto.multiply(OTHER, behind[::2])
                points = np.concatenate([half, behind[1::2]])
                points = points[ascending(points)]
            elif way == "other_session":
                return sign_message(side.key, kind, side.run.identity, b"\x07" * 32, body_of(raw))
            return self.signed(kind, points.tobytes())
        if kind in (MessageKind.SEALED, MessageKind.ANSWERS):
            answers = self.answers_to_send()
            if kind is MessageKind.SEALED:
                return self.signed(kind, side._seal(answers))
            if way == "replay_answers":
                return old_messages(side)[3]
            if way == "unsealed":
                answers = bytes(10) + answers[10:]
            return self.signed(kind, answers)
        if kind is MessageKind.REVEAL:
            reveal = json.loads(body_of(raw))
            if way == "withhold":
                reveal["openings"] = reveal["openings"][:-1]
            elif way == "withhold_all":
                reveal["openings"] = []
            elif way == "move_part":
                reveal["openings"][0]["opening"]["piece"]["plan_id"] = "another"
            elif way == "twice":
                reveal["openings"].append(reveal["openings"][0])
            elif way == "tokens_not_common":
                reveal["openings"][0]["opening"]["tokens"].append(1)
            elif way == "deep":
                return self.signed(kind, b"[" * 100_000)
            elif way == "unrelated":
                part = next(
                    p for p in range(len(side.shown[0].tokens.parts))
                    if p not in side.shown[0].tokens.parts_with(side.found[0].rows[0])
                )  # fmt: skip
                opening = side.shown[0].commitment.open_part(part, side.found[0].tokens[:1])
                reveal["openings"].append({"set": 0, "opening": msgspec.to_builtins(opening)})
            return self.signed(kind, json.dumps(reveal).encode())
        return raw

    def answers_to_send(self):
        """Honest answers, or some suppressed, or made with another key."""
        points = self.side.peer_points[0]
        answers = self.side.peer_answers[0].copy()
        if self.way == "dropped_answers":
            answers[::4] = answers_of(points)[::4]
        elif self.way == "other_key_answers":
            half = len(points) // 2
            answers[half:] = answers_of(ristretto.multiply(OTHER, points[half:]))
        return answers.tobytes()

    def signed(self, kind, body):
        session = bytes(32) if kind is MessageKind.COMMIT else self.side.session
        return sign_message(self.side.key, kind, self.side.run.identity, session, body)


def old_messages(side):
    """What the same party sent in a run of the same epoch that was broken off, under another key."""
    other = NodeKey(Ed25519PrivateKey.generate())
    run = dataclasses.replace(side.run, first=other.public) if side.role is Role.SECOND else side.run
    terms, plans = side.run.terms, world(3, 1, 6)
    mine = MatchSide(run, side.key, quantise(plans, side.role, EPOCH, terms, TABLE), b"e" * 32)
    theirs = MatchSide(run, other, quantise([], side.role.other, EPOCH, terms, TABLE), b"f" * 32)
    sent = play(theirs, mine)[1]
    # Signed for this run, as they were then; only the session is another.
    return [
        sign_message(side.key, kind, side.run.identity, mine.session, body_of(raw))
        for kind, raw in zip(STAGES, sent, strict=True)
    ]


class Late:
    """Late runs of a hostile peer, after a run that was as it should be."""

    def __init__(self, side, way, reader, writer):
        self.side, self.way, self.reader, self.writer = side, way, reader, writer

    async def send(self, raw):
        await send_framed(self.writer, raw)

    async def begin(self):
        """Our late plans, in the way that was asked for."""
        side, way = self.side, self.way
        runs = side.run.terms.late_runs + 1 if way == "late_too_often" else 1
        for number in range(1, runs + 1):
            tokens = quantise([circle(f"l{number}", 38.5, -120.5)], side.role, EPOCH, side.run.terms, TABLE)
            if number > side.run.terms.late_runs:
                points = side.shown[1].masked.points
                body = number.to_bytes(4, "big") + bytes(32) + points.tobytes()
                await self.send(sign_message(side.key, MessageKind.LATE, side.run.identity, side.session, body))
                return
            raw = late_message(side, tokens)
            body = body_of(raw)
            points = ristretto.elements(body[36:]).copy()
            if way == "late_shown_before":
                points = side.shown[0].masked.points[: len(points)]
            elif way == "late_identity":
                points[0] = 0
            elif way == "late_number":
                body = (7).to_bytes(4, "big") + body[4:]
            elif way == "late_too_many":
                points = np.concatenate([points, points])
            changed = body[:36] + points.tobytes()
            await self.send(sign_message(side.key, MessageKind.LATE, side.run.identity, side.session, changed))
            answer = await receive_framed(self.reader)
            if not answer:
                return
            take_late_answer(side, answer)
            if way == "late_again":
                await self.send(raw)  # the same once more: nothing comes of it
            if way == "late_two_lists":
                points = ristretto.elements(body[36:]).copy()
                other = ristretto.multiply(OTHER, points)
                body = body[:36] + other[ascending(other)].tobytes()
                await self.send(sign_message(side.key, MessageKind.LATE, side.run.identity, side.session, body))
            if way == "late_stall":
                await self.reader.read()
                return
            if way == "late_withhold":
                body = json.dumps({"number": number if side.role is Role.FIRST else -number, "openings": []}).encode()
                await self.send(sign_message(side.key, MessageKind.LATE_REVEAL, side.run.identity, side.session, body))
            else:
                await self.send(late_reveal(side, side.role, number))
            opened = await receive_framed(self.reader)
            if not opened:
                return
            take_late_reveal(side, opened, side.role, number)

    async def answer(self):
        """Answer the other's late plans under another key, or not at all."""
        asked = await receive_framed(self.reader)
        raw = answer_late(self.side, asked)
        if self.way == "late_no_answer":
            await self.reader.read()
            return
        body = bytearray(body_of(raw))
        points = ristretto.elements(bytes(body[:-64]))[:9]
        body[: 9 * 32] = ristretto.multiply(OTHER, points).tobytes()
        await self.send(
            sign_message(self.side.key, MessageKind.LATE_ANSWER, self.side.run.identity, self.side.session, bytes(body))
        )
        await self.reader.read()


async def attack(port, way, given):
    key = NodeKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["secret"])))
    run = Run("ab" * 32, EPOCH, TERMS, TABLE, *(bytes.fromhex(k) for k in given["keys"]))
    plans = world(given["world"], 1, 6)
    side = MatchSide(run, key, quantise(plans, run.role_of(key.public), EPOCH, TERMS, TABLE), b"h" * 32)
    hostile = Hostile(side, way)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await speak(side, hostile, way, reader, writer)
    finally:
        writer.close()


async def speak(side, hostile, way, reader, writer):
    for kind in STAGES:
        raw = hostile.changed(kind, side.next_message())
        if raw is None:
            break
        if raw == b"":
            await reader.read()
            break
        if way == "drip" and kind is MessageKind.MASKED:
            writer.write(len(raw).to_bytes(4, "big") + raw[:1_000])
            await writer.drain()
            await reader.read()
            break
        await send_framed(writer, raw)
        if way == "two_messages" and kind is MessageKind.COMMIT:
            await send_framed(writer, hostile.signed(kind, bytes(32) + side.public))
        answer = await receive_framed(reader)
        if not answer:
            break
        side.receive(answer)
    if side.complete and way.startswith("late"):
        late = Late(side, way, reader, writer)
        await (late.answer() if way in ("late_no_answer", "late_other_key") else late.begin())
        await reader.read()


async def main(port):
    given = json.loads(sys.stdin.readline())
    for way in given["ways"]:
        try:
            await attack(port, way, given)
        except (ConnectionError, BreachError):
            continue  # our own honest half found out what the other half did


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
