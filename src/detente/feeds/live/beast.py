"""The binary format of Beast (port 30005 of readsb and dump1090): frames of Mode A/C and Mode S with a counter.

A frame begins with 0x1a and its kind; a 0x1a within it is doubled. The counter runs at 12 MHz from no known time: it
says how much earlier than its arrival a frame was received, when several come together.
"""

from __future__ import annotations

import re

from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import Tally
from detente.feeds.live.mode_s import ModeSMessages
from detente.watch.sighting import Sighting, SightingSource

_BYTE = rb"(?:[^\x1a]|\x1a\x1a)"
_FRAME = re.compile(
    rb"\x1a(?:1(" + _BYTE + rb"{9})|2(" + _BYTE + rb"{14})|3(" + _BYTE + rb"{21})|4(" + _BYTE + rb"{21}))", re.DOTALL
)
_BEGUN = re.compile(
    rb"\x1a(?:(?:1" + _BYTE + rb"{0,8}|2" + _BYTE + rb"{0,13}|[34]" + _BYTE + rb"{0,20})\x1a?)?\Z", re.DOTALL
)
LONGEST_FRAME = 2 + 2 * 21
_LONG = 3
_BEFORE_MESSAGE = 7
"""Six bytes of the counter, one of the signal."""

_RECKONED = b"\xff\x00MLAT"
"""The counter of frames that a program made for positions reckoned from times of arrival."""


class BeastFrames:
    """Decodes a stream of frames.

    Args:
        feed: the feed's name.
        reference_deg: latitude and longitude of the receiver, where they are known.
    """

    def __init__(self, feed: str, reference_deg: tuple[float, float] | None = None) -> None:
        self.tally = Tally()
        self._messages = ModeSMessages(feed, self.tally, reference_deg)
        self._counter = Counter12MHz()
        self._left = b""

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next bytes; a frame that is not whole waits for the rest."""
        data = self._left + data
        long: list[bytes] = []
        end = whole = count = 0
        for frame in _FRAME.finditer(data):
            count += 1
            end = frame.end()
            whole += end - frame.start()
            if frame.lastindex == _LONG:
                body = frame.group(_LONG)
                long.append(body.replace(b"\x1a\x1a", b"\x1a") if b"\x1a" in body else body)
        begun = _BEGUN.search(data, max(end, len(data) - LONGEST_FRAME))
        self._left = begun.group() if begun is not None else b""
        lost = len(data) - len(self._left) - whole
        if lost:
            self.tally.wrong(Refusal("feeds_live.bytes_of_frames", "stream", f"{lost} bytes"))
        self.tally.messages += count
        self.tally.unused += count - len(long)
        times_s = [self._counter.time_s(body[:6], received_s) for body in long]
        origins = [SightingSource.MLAT if body.startswith(_RECKONED) else None for body in long]
        return self._messages.take([body[_BEFORE_MESSAGE:] for body in long], times_s, received_s, origins)

    def finish(self, received_s: float) -> list[Sighting]:  # noqa: ARG002 - as every decoder
        """Count a frame that was cut off."""
        if self._left:
            self.tally.wrong(Refusal("feeds_live.bytes_of_frames", "stream", f"{len(self._left)} bytes"))
            self._left = b""
        return []


class Counter12MHz:
    """When a frame was received, by the counter in it: never after its arrival, and at most a second before."""

    TICKS_PER_S = 12e6
    LATEST_S = 1.0

    def __init__(self) -> None:
        self._began_s: float | None = None

    def time_s(self, counter: bytes, received_s: float) -> float:
        """Return the time of a frame with a counter of six bytes that arrived at `received_s`."""
        if counter == _RECKONED or not any(counter):
            return received_s
        counted_s = int.from_bytes(counter, "big") / self.TICKS_PER_S
        if self._began_s is None or not received_s - self.LATEST_S <= self._began_s + counted_s <= received_s:
            self._began_s = received_s - counted_s
        return self._began_s + counted_s
