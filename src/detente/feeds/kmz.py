"""KMZ: a ZIP archive with one KML file, and the pictures and models that it shows."""

from __future__ import annotations

import io
import zipfile
import zlib

from detente.airspace.refusal import Refusal
from detente.feeds.source import MAX_TEXT_BYTES, printable_line

MAX_ENTRIES = 10_000


def kml_of(content: bytes) -> bytes:
    """Return the KML file of an archive; raises Refusal unless there is exactly one, of ordinary size."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise Refusal("feeds.fewer_entries", "", len(entries), most=MAX_ENTRIES)
            names = [entry.filename for entry in entries if entry.filename.lower().endswith((".kml", ".kmz"))]
            if len(names) != 1 or not names[0].lower().endswith(".kml"):
                raise Refusal("feeds.one_kml_in_kmz", "", printable_line(", ".join(names)) or "none")
            with archive.open(names[0]) as stream:
                kml = stream.read(MAX_TEXT_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("feeds.zip_readable", "", printable_line(str(error))) from None
    if len(kml) > MAX_TEXT_BYTES:
        raise Refusal("feeds.at_most_bytes", "", f"over {MAX_TEXT_BYTES:,} bytes", limit_bytes=MAX_TEXT_BYTES)
    return kml
