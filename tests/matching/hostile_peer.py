"""A peer in a process of its own that breaks the protocol in one way: python hostile_peer.py PORT WAY.

Reads its key, the other's public key and the way from standard input as one JSON line; speaks framed messages.
"""

import asyncio
import hashlib
import json
import sys

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from match_parties import EPOCH, TABLE, TERMS, receive_framed, send_framed, world

from detente.matching import ristretto
from detente.matching.masking import answers_of, ascending
from detente.matching.messages import HEADER_BYTES, Kind, sign_message
from detente.matching.quantise import quantise
from detente.matching.run import Run
from detente.matching.side import STAGES, Side
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
        if kind is Kind.COMMIT:
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
                return self.signed(Kind.REVEAL, b"{}")
        if kind is Kind.MASKED:
            points = ristretto.elements(body_of(raw)).copy()
            if way == "invalid_element":
                points[-1] = 255
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
        if kind in (Kind.SEALED, Kind.ANSWERS):
            answers = self.answers_to_send()
            if kind is Kind.SEALED:
                return self.signed(kind, side._seal(answers))
            if way == "unsealed":
                answers = bytes(10) + answers[10:]
            return self.signed(kind, answers)
        if kind is Kind.REVEAL:
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
        session = bytes(32) if kind is Kind.COMMIT else self.side.session
        return sign_message(self.side.key, kind, self.side.run.identity, session, body)


async def main(port, way):
    given = json.loads(sys.stdin.readline())
    key = NodeKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["secret"])))
    run = Run("ab" * 32, EPOCH, TERMS, TABLE, *(bytes.fromhex(k) for k in given["keys"]))
    plans = world(given["world"], 1, 6)
    side = Side(run, key, quantise(plans, run.role_of(key.public), EPOCH, TERMS, TABLE), b"h" * 32)
    hostile = Hostile(side, way)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for kind in STAGES:
        raw = hostile.changed(kind, side.next_message())
        if raw is None:
            break
        if raw == b"":
            await reader.read()
            break
        await send_framed(writer, raw)
        if way == "two_messages" and kind is Kind.COMMIT:
            await send_framed(writer, hostile.signed(kind, bytes(32) + side.public))
        answer = await receive_framed(reader)
        if not answer:
            break
        side.receive(answer)
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
