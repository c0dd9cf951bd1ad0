"""The byte-exact form that envelopes and receipts share: named lines in one fixed order, then a signature line.

    detente-receipt-1
    meaning delivered
    sender 3b6a...
    ...
    signature 51c4...
    (an empty line)

The signature and the hash are over everything before the word `signature`. The first line says what is being signed,
so that a signature over one kind of document can never be passed off as one over another. There is one spelling of
every value, so a document has one form; a reader in any language needs a line splitter, SHA-256 and Ed25519.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from detente.airspace.position import utc
from detente.airspace.refusal import Refusal

MAX_LINES_BYTES = 2048
HEX_32 = rb"[0-9a-f]{64}"
HEX_64 = rb"[0-9a-f]{128}"
NUMBER = rb"[1-9][0-9]{0,14}"
INSTANT = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
SIGNATURE_FIELD = "signature"


class LineForm:
    """One kind of document: its first line and, in order, its fields with the pattern of each value."""

    def __init__(self, magic: str, patterns: Mapping[str, bytes]) -> None:
        self.magic = magic
        self._first = f"{magic}\n".encode()
        self._patterns = {**patterns, SIGNATURE_FIELD: HEX_64}
        fields = b"".join(b"%s (%s)\n" % (name.encode(), pattern) for name, pattern in self._patterns.items())
        self.fields = tuple(self._patterns)
        self._whole = re.compile(re.escape(self._first) + fields + b"\n", re.ASCII)

    def starts(self, data: bytes | memoryview, offset: int = 0) -> bool:
        """Return whether a document of this kind begins at `offset`."""
        return bytes(data[offset : offset + len(self._first)]) == self._first

    def unsigned(self, values: Mapping[str, str]) -> bytes:
        """Return the bytes to sign: the first line and every field but the signature."""
        lines = [f"{name} {values[name]}\n" for name in self._patterns if name != SIGNATURE_FIELD]
        return self._first + "".join(lines).encode()

    def signed(self, unsigned: bytes, signature: bytes) -> bytes:
        """Return the document's lines with the signature and the empty line that ends them."""
        return unsigned + f"{SIGNATURE_FIELD} {signature.hex()}\n\n".encode()

    def read(self, data: bytes, offset: int = 0) -> tuple[dict[str, str], int, int]:
        """Return the values at `offset`, where the signed part ends, and where the lines end.

        Raises Refusal naming the first line that is not in the one form.
        """
        match = self._whole.match(data, offset, offset + MAX_LINES_BYTES)
        if match is None:
            raise self._complaint(data[offset : offset + MAX_LINES_BYTES])
        values = dict(zip(self._patterns, (value.decode() for value in match.groups()), strict=True))
        signed_end = match.start(len(self._patterns)) - len(SIGNATURE_FIELD) - 1
        return values, signed_end, match.end()

    def _complaint(self, data: bytes) -> Refusal:
        if not data.startswith(self._first):
            return Refusal("link.first_line", self.magic, data[: len(self._first)], magic=self.magic)
        place = len(self._first)
        for name, pattern in self._patterns.items():
            line = re.compile(b"%s (%s)\n" % (name.encode(), pattern), re.ASCII).match(data, place)
            if line is None:
                wrong = data[place : place + 100].split(b"\n", 1)[0]
                return Refusal("link.line_place_one_spelling", f"{self.magic}.{name}", wrong, name=name)
            place = line.end()
        return Refusal("link.empty_line_after_signature", f"{self.magic}.end", data[place : place + 1])


def instant_text(moment: datetime, field: str) -> str:
    """Return an aware `moment` as UTC to the microsecond, like 2025-06-01T14:30:00.000000Z."""
    return utc(moment, field).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_instant(text: str, field: str) -> datetime:
    """Return the UTC instant written by `instant_text`; raises Refusal for a day or an hour that does not exist."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("link.day_time_day_exist", field, text) from None
