"""What a party says on each channel where another key of it signs than before: the rotations that lead there (R38)."""

from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import Envelope
from detente.record.rotation import MAX_ROTATION_BYTES, MOST_ROTATIONS, Rotation, read_rotations
from detente.room.channel import Channel
from detente.room.message import Message
from detente.room.tagged import read_json


class KeyRotatedMessage(Message, frozen=True, tag="key_rotated"):
    """The exact rotations from the key that signed on this channel until now to the one that signs this envelope.

    It goes on the channel that it is about, so that each channel by itself says whose every signature is.
    """

    channel: ClassVar[Channel] = Channel.ACCORDS

    rotations: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.rotations) <= MOST_ROTATIONS:
            raise Refusal("link.rotations_of_one_message", "rotations", len(self.rotations), most=MOST_ROTATIONS)


ROTATED_KIND = str(KeyRotatedMessage.__struct_config__.tag)
_DECODER = msgspec.json.Decoder(KeyRotatedMessage)
_MOST_BODY_BYTES = MOST_ROTATIONS * MAX_ROTATION_BYTES


class SignersKept(msgspec.Struct, frozen=True):
    """`Signers` as it is kept: from which numbers on which keys sign."""

    numbers: list[int]
    keys: list[bytes]


class Signers:
    """Which key signs which envelope of one direction, where `first` is the one by which the sender is known."""

    def __init__(self, first: bytes) -> None:
        self._numbers = [1]
        self._keys = [first]

    @property
    def present(self) -> bytes:
        """The key that signs after the last envelope."""
        return self._keys[-1]

    @property
    def all(self) -> tuple[bytes, ...]:
        """Every key that signed, in order."""
        return tuple(self._keys)

    def of(self, number: int) -> bytes:
        """Return the key that signed the envelope of this number; for 0 the first one."""
        return self._keys[max(0, bisect_right(self._numbers, number) - 1)]

    def go_over(self, number: int, key: bytes) -> None:
        """Take note that `key` signs from the envelope of this number on."""
        self._numbers.append(number)
        self._keys.append(key)

    def cut(self, number: int) -> None:
        """Forget what was said after `number`."""
        keep = max(1, bisect_right(self._numbers, number))
        del self._numbers[keep:]
        del self._keys[keep:]

    def keep(self) -> SignersKept:
        """Return them as they are kept."""
        return SignersKept(list(self._numbers), list(self._keys))

    def restore(self, kept: SignersKept) -> None:
        """Make them what they were when they were kept."""
        self._numbers, self._keys = list(kept.numbers), list(kept.keys)


def texts_in(body: bytes) -> tuple[str, ...]:
    """Return the exact rotations in an envelope's body, of which nothing is proven; raises Refusal."""
    if len(body) > _MOST_BODY_BYTES:
        raise Refusal("link.at_most_bytes", "rotations", f"{len(body):,} bytes", most=_MOST_BODY_BYTES)
    return read_json(_DECODER, body, "message").rotations


def rotations_in(body: bytes, party: bytes, present: bytes) -> list[Rotation]:
    """Return the rotations in an envelope's body, which lead on from the `present` key of `party`; raises Refusal."""
    return read_rotations(party, present, texts_in(body))


def signer_of_next(envelope: Envelope, present: bytes) -> bytes:
    """Return the key that must have signed the next envelope of a direction where the `present` one signed before.

    Raises Refusal for rotations that do not lead on from there.
    """
    if envelope.kind != ROTATED_KIND:
        return present
    return rotations_in(envelope.body, envelope.direction.sender, present)[-1].new
