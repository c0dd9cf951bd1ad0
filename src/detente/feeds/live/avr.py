"""The text format of AVR receivers (port 30002): a message in hexadecimal digits on each line.

`*8D4840D6202CC371C32CE0576098;`, or with a counter of 12 MHz, `@0123456789AB8D4840D6202CC371C32CE0576098;`, or with
counter and signal after `<`.
"""

from __future__ import annotations

import re

from detente.airspace.refusal import Refusal
from detente.feeds.live.beast import Counter12MHz
from detente.feeds.live.decoding import LineDecoder
from detente.feeds.live.mode_s import LONG_BYTES, ModeSMessages
from detente.feeds.source import printable_line
from detente.watch.sighting import Sighting

_LINE = re.compile(
    rb"(?:[*:]|[@%](?P<counter>[0-9A-Fa-f]{12})|<(?P<both>[0-9A-Fa-f]{12})[0-9A-Fa-f]{2})"
    rb"(?P<message>(?:[0-9A-Fa-f]{2}){2,14});\Z"
)
_LENGTHS = frozenset({2, 7, LONG_BYTES})


class AvrLines(LineDecoder):
    """Decodes lines of AVR; arguments as those of `BeastFrames`."""

    def __init__(self, feed: str, reference_deg: tuple[float, float] | None = None) -> None:
        super().__init__()
        self._messages = ModeSMessages(feed, self.tally, reference_deg)
        self._counter = Counter12MHz()
        self._long: list[bytes] = []
        self._times_s: list[float] = []

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next bytes; the last line waits for its end."""
        super().take(data, received_s)
        return self._decoded(received_s)

    def finish(self, received_s: float) -> list[Sighting]:
        """Take in a last line without its end."""
        super().finish(received_s)
        return self._decoded(received_s)

    def line(self, line: bytes, received_s: float) -> None:
        """Keep a message for all lines to be decoded together; raises Refusal for a line that is none."""
        found = _LINE.match(line)
        message = bytes.fromhex(found["message"].decode()) if found is not None else b""
        if found is None or len(message) not in _LENGTHS:
            raise Refusal("feeds_live.message_of_kind", "line", printable_line(line.decode("latin-1")))
        if len(message) != LONG_BYTES:
            self.tally.unused += 1
            return
        counter = found["counter"] or found["both"]
        self._long.append(message)
        self._times_s.append(
            received_s if counter is None else self._counter.time_s(bytes.fromhex(counter.decode()), received_s)
        )

    def _decoded(self, received_s: float) -> list[Sighting]:
        long, self._long = self._long, []
        times_s, self._times_s = self._times_s, []
        return self._messages.take(long, times_s, received_s, [None] * len(long))
