"""A journal as lines of JSON or as a Parquet table, verified entry by entry, so that it can be read without Détente."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.chain import Genesis
from detente.record.entry import from_microseconds
from detente.record.keys import sync_directory
from detente.record.rows import Row
from detente.record.segments import ArchivedRefusal
from detente.record.verification import Receiver, Verification, verify_journal

JSON_LINES_FORMAT = "detente-journal-1"
_ROW_GROUP_ENTRIES = 65_536
_ROW_GROUP_BYTES = 64 * 1024 * 1024


def export_journal(
    path: Path | str, out: Path | str, public: bytes | None = None, progress: Callable[[int], None] | None = None
) -> Verification:
    """Write the journal file `path` to the new file `out`, as JSON lines or Parquet by the ending of its name.

    The journal is verified as `verify_journal` does. When it has a bad entry nothing is written, and the verification
    names it. Raises Refusal when `path` is no journal or a segment of it is not here, when `out` exists or has another
    ending, and when it cannot be written.
    """
    target = Path(out)
    make = _WRITERS.get(target.suffix.lower())
    if make is None:
        raise Refusal("record.name_ends_jsonl", "OUT", str(target))
    partial = target.with_name(target.name + ".part")
    for file, code in ((target, "record.new_export"), (partial, "record.no_partial_export")):
        if os.path.lexists(file):
            raise Refusal(code, "OUT", str(file))
    try:
        with partial.open("xb") as stream:
            writer = make(stream)
            verification = verify_journal(path, public, progress=progress, receiver=writer)
        if verification.archived:
            raise ArchivedRefusal(verification.archived[0])
        if verification.ok:
            partial.rename(target)
            sync_directory(target.parent)
    except OSError as error:
        raise Refusal("record.file_writable", "OUT", str(target), strerror=error.strerror or str(error)) from None
    finally:
        partial.unlink(missing_ok=True)
    return verification


def genesis_line(genesis: Genesis, signature: bytes) -> dict[str, object]:
    """Return the first object of the JSON lines: the start of the chain. Bytes are hexadecimal."""
    return {
        "format": JSON_LINES_FORMAT,
        "journal_id": genesis.journal_id.hex(),
        "public_key": genesis.public_key.hex(),
        "created_at": microseconds_text(genesis.created_at_us),
        "signature": signature.hex(),
        "hash": genesis.hash.hex(),
    }


def entry_line(row: Row) -> dict[str, object]:
    """Return the object of one entry: the body as ``text`` when its bytes are UTF-8, else as ``base64``."""
    number, at_us, kind, body, digest, signature = row
    line: dict[str, object] = {"number": number, "at": microseconds_text(at_us), "kind": kind}
    try:
        line["text"] = body.decode("utf-8")
    except UnicodeDecodeError:
        line["base64"] = base64.b64encode(body).decode("ascii")
    line["hash"] = digest.hex()
    if signature is not None:
        line["signature"] = signature.hex()
    return line


def microseconds_text(at_us: int) -> str:
    """Return microseconds since 1970 as UTC, "2025-06-01T14:30:00.000000Z"."""
    return from_microseconds(at_us).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class _JsonLines:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def begin(self, genesis: Genesis, signature: bytes) -> None:
        self._stream.write(msgspec.json.encode(genesis_line(genesis, signature)) + b"\n")

    def row(self, row: Row) -> None:
        self._stream.write(msgspec.json.encode(entry_line(row)) + b"\n")

    def end(self) -> None:
        pass


class _Parquet:
    def __init__(self, stream: IO[bytes]) -> None:
        try:
            self._arrow: Any = import_module("pyarrow")
            self._parquet: Any = import_module("pyarrow.parquet")
        except ImportError:
            raise Refusal("record.jsonl_file_or_pyarrow", "OUT", "a Parquet file") from None
        self._stream = stream
        self._writer: Any = None
        self._rows: list[Row] = []
        self._bytes = 0

    def begin(self, genesis: Genesis, signature: bytes) -> None:
        arrow = self._arrow
        metadata = {key: str(value) for key, value in genesis_line(genesis, signature).items()}
        self._schema = arrow.schema(
            [
                arrow.field("number", arrow.int64(), nullable=False),
                arrow.field("at", arrow.timestamp("us", tz="UTC"), nullable=False),
                arrow.field("kind", arrow.string(), nullable=False),
                arrow.field("body", arrow.binary(), nullable=False),
                arrow.field("hash", arrow.binary(32), nullable=False),
                arrow.field("signature", arrow.binary(64)),
            ],
            metadata=metadata,
        )
        self._writer = self._parquet.ParquetWriter(self._stream, self._schema, compression="zstd")

    def row(self, row: Row) -> None:
        self._rows.append(row)
        self._bytes += len(row[3])
        if len(self._rows) >= _ROW_GROUP_ENTRIES or self._bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def end(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(zip(*self._rows, strict=True), self._schema, strict=True)
            arrays = [self._arrow.array(values, type=field.type) for values, field in columns]
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []
            self._bytes = 0


_WRITERS: dict[str, Callable[[IO[bytes]], Receiver]] = {".jsonl": _JsonLines, ".parquet": _Parquet}
