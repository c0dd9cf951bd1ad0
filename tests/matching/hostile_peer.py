"""A peer in a process of its own that breaks the protocol: python hostile_peer.py PORT.

Reads its key, both public keys and the ways of breaking it from standard input as one JSON line. Connects once for
each way, in order, and speaks framed messages. A way that begins with "late_" is that way in a late run.
"""

import asyncio
import dataclasses
import hashlib
import json
import sys

import msgspec
import numpy as np
from cheats import OTHER, ProbingLists, suppressing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from match_parties import EPOCH, TABLE, TERMS, circle, play, receive_framed, send_framed, world

from detente.matching import ristretto
from detente.matching.masking import ListName, ascending
from detente.matching.messages import HEADER_BYTES, BreachError, MessageKind, sign_message
from detente.matching.quantise import Role, quantise
from detente.matching.run import Run
from detente.matching.side import MatchSide
from detente.record.keys import SIGNATURE_BYTES, NodeKey

PROBES = np.arange(1_000, 1_400)
"""Far away: what is found out is how they are asked, not what they hit."""


def body_of(raw):
    return raw[HEADER_BYTES:-SIGNATURE_BYTES]


class Hostile:
    def __init__(self, side, way):
        self.side, self.late = side, way.startswith("late_")
        self.way = way.removeprefix("late_")
        chapter = int(self.late)
        if self.way == "probe":
            side._lists = ProbingLists(side, PROBES, chapter)
        elif self.way == "fine_probe":
            side._lists = ProbingLists(side, PROBES, chapter, grid=1)
        elif self.way == "dropped_answers":
            suppressing(side, 0.25)
        elif self.way == "foreign_dummies":
            self.foreign_dummies(chapter)

    def foreign_dummies(self, chapter):
        """Dummies with the other party's label, which could be shown to both."""
        lists, honest = self.side._lists, self.side._lists._masked
        masks = sys.modules["detente.matching.lists"]

        def masked(step, tokens):
            if step.chapter != chapter:
                return honest(step, tokens)
            masks.ListName = lambda role, *rest: ListName(role.other, *rest)
            try:
                return honest(step, tokens)
            finally:
                masks.ListName = ListName

        lists._masked = masked

    def changed(self, step, raw):  # noqa: C901 one branch for each way
        """The bytes to send in place of an honest message; b"" to say nothing more; None to leave."""
        side, way, kind = self.side, self.way, step.kind
        stage = kind.name.lower()
        if self.late != bool(step.chapter):
            return raw
        if way == f"stall_{stage}":
            return b""
        if way == f"leave_{stage}":
            return None
        if step.grid:
            return raw
        if kind is MessageKind.COMMIT:
            if way == "identity_key":
                return self.signed(step, body_of(raw)[:32] + bytes(32) + body_of(raw)[64:])
            if way == "invalid_key":
                return self.signed(step, body_of(raw)[:32] + b"\xff" * 32 + body_of(raw)[64:])
            if way == "unknown_key":
                # Nobody knows its logarithm.
                strange = ristretto.from_uniform(np.ones((1, 64), np.uint8)).tobytes()
                return self.signed(step, body_of(raw)[:32] + strange + body_of(raw)[64:])
            if way == "other_run":
                return sign_message(side.key, kind, 0, 0, bytes(32), bytes(32), body_of(raw))
            if way == "bad_signature":
                return raw[:-1] + bytes([raw[-1] ^ 1])
            if way == "noise":
                return hashlib.shake_256(b"noise").digest(5_000)
            if way == "unknown_kind":
                return sign_message(side.key, 99, 0, 0, side.run.identity, bytes(32), b"")
            if way == "stage":
                return sign_message(side.key, MessageKind.REVEAL, 0, 0, side.run.identity, bytes(32), b"{}")
        if kind is MessageKind.LATE and way == "number":
            return sign_message(side.key, kind, 7, 0, side.run.identity, side.session, body_of(raw))
        if kind is MessageKind.MASKED:
            return self.changed_list(step, raw)
        if kind is MessageKind.PROOF and way == "noise_for_proof":
            return self.signed(step, body_of(raw)[:104] + hashlib.shake_256(b"x").digest(len(body_of(raw)) - 104))
        if kind is MessageKind.PROOF and way == "short_proof":
            return self.signed(step, body_of(raw)[:-64])
        if kind is MessageKind.ANSWERS:
            body = body_of(raw)
            if way == "replay_answers":
                return old_messages(side)[4]
            if way == "unsealed":
                return self.signed(step, bytes(10) + body[10:])
            if way == "other_key_answers":
                return self.signed(step, body[:-32] + OTHER)
        if kind is MessageKind.REVEAL:
            return self.signed(step, self.changed_reveal(raw))
        return raw

    def changed_list(self, step, raw):
        side, way = self.side, self.way
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
        elif way == "shown_before":
            points = side.rounds[0].own[0].masked.points[: len(points)]
        elif way == "other_key_half_way":
            half = ristretto.multiply(OTHER, np.ascontiguousarray(points[::2]))
            points = np.concatenate([half, points[1::2]])
            points = points[ascending(points)]
        elif way == "other_session":
            return sign_message(side.key, step.kind, 0, 0, side.run.identity, b"\x07" * 32, body_of(raw))
        return self.signed(step, points.tobytes())

    def changed_reveal(self, raw):
        side, way = self.side, self.way
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
            reveal["openings"][0]["tokens"][-1].append(1)
        elif way == "audit_share":
            reveal["audit"] = "00" * 32
        elif way == "deep":
            return b"[" * 100_000
        elif way == "not_text":
            return b'{"openings":["\xff"]}'
        elif way in ("unrelated", "one_for_all"):
            part = next(p for p in range(len(side.plans_tokens[0].parts)) if (0, p) not in side.opened)
            opening = side.commitments[0].open_part(part, np.empty(0, dtype=np.int64))
            claimed = [[], side.rounds[1].common[:1].tolist()]
            if way == "one_for_all":
                reveal["openings"], claimed = [], [[], side.rounds[1].common.tolist()]
            reveal["openings"].append({"set": 0, "tokens": claimed, "opening": msgspec.to_builtins(opening)})
        return json.dumps(reveal).encode()

    def signed(self, step, body):
        session = bytes(32) if step.kind is MessageKind.COMMIT else self.side.session
        return sign_message(self.side.key, step.kind, step.chapter, step.grid, self.side.run.identity, session, body)


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
        sign_message(side.key, step.kind, 0, step.grid, side.run.identity, mine.session, body_of(raw))
        for step, raw in zip(mine.steps, sent, strict=True)
    ]


async def attack(port, way, given):
    key = NodeKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["secret"])))
    run = Run("ab" * 32, EPOCH, TERMS, TABLE, *(bytes.fromhex(k) for k in given["keys"]))
    plans = world(given["world"], 1, 6)
    side = MatchSide(run, key, quantise(plans, run.role_of(key.public), EPOCH, TERMS, TABLE), b"h" * 32)
    hostile = Hostile(side, way)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if await speak(side, hostile, way, reader, writer) and way.startswith("late"):
            runs = side.run.terms.late_runs + 1 if way == "late_too_often" else 1
            for number in range(1, runs + 1):
                if number > side.run.terms.late_runs:
                    late = sign_message(key, MessageKind.LATE, number, 0, run.identity, side.session, bytes(32))
                    await send_framed(writer, late)
                    break
                if way != "late_after_ours":
                    plan = circle(f"l{number}", 38.5, -120.5)
                    side.begin_late(quantise([plan], side.role, EPOCH, run.terms, TABLE))
                if not await speak(side, hostile, way, reader, writer):
                    break
            await fall_silent(way, reader)
    finally:
        writer.close()


async def fall_silent(way, reader):
    """Say on the standard output that no more comes, so that nobody has to guess after how long, and wait."""
    print(way, flush=True)
    await reader.read()


async def speak(side, hostile, way, reader, writer):
    """Go on to the end of the chapter; whether it was reached."""
    while (step := side.sending) is not None:
        raw = side.next_message()
        said = hostile.changed(step, raw)
        if said is None:
            return False
        if said == b"":
            await fall_silent(way, reader)
            return False
        if way == "drip" and step.name == "2-masked":
            writer.write(len(said).to_bytes(4, "big") + said[:1_000])
            await writer.drain()
            await fall_silent(way, reader)
            return False
        await send_framed(writer, said)
        if hostile.late == bool(step.chapter):
            if hostile.way == "again" and step.kind is MessageKind.LATE:
                await send_framed(writer, said)  # the same once more: nothing comes of it
            if hostile.way == "two_messages" and step.kind is MessageKind.COMMIT:
                await send_framed(writer, hostile.signed(step, bytes(32) + body_of(raw)[32:]))
            if hostile.way == "two_lists" and step.kind is MessageKind.MASKED and not step.grid:
                other = ristretto.multiply(OTHER, ristretto.elements(body_of(raw)))
                await send_framed(writer, hostile.signed(step, other[ascending(other)].tobytes()))
            if hostile.way == "two_coins" and step.kind is MessageKind.COIN and not step.grid:
                await send_framed(writer, hostile.signed(step, bytes(32) + body_of(raw)[32:]))
        answer = await receive_framed(reader)
        if not answer:
            return False
        side.receive(answer)
    return side.idle


async def main(port):
    given = json.loads(sys.stdin.readline())
    for way in given["ways"]:
        try:
            await attack(port, way, given)
        except (ConnectionError, BreachError):
            continue  # our own honest half found out what the other half did


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
