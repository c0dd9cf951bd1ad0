"""A run as files in a folder: what we send under `out`, what we got under `in`, on a stick or by any other way (R31).

A run can be taken up again after a crash at any point: its secret is on the disk before anything is sent, and all that
is sent follows from it and from the plans. Plans that changed since are refused, so that no second set ever leaks.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.matching.ledger import LedgerRow, ledger_row
from detente.matching.messages import Kind
from detente.matching.quantise import quantise
from detente.matching.run import Run
from detente.matching.side import SEED_BYTES, STAGES, Side
from detente.record.keys import NodeKey

SECRET_FILE = "secret.json"  # noqa: S105 the name of a file
LARGEST_MESSAGE_BYTES = 1 << 30


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run is made from, with a fingerprint of the plans. Whoever has it can unmask the run."""

    run: str
    seed: str
    plans: str


@dataclass(frozen=True)
class Progress:
    """Where a run stands: files to hand over, the file that is waited for (None when complete), and the side."""

    sent: list[Path]
    awaited: Path | None
    side: Side


def message_file(kind: Kind) -> str:
    """The name of a message's file, "1-commit.match"."""
    return f"{int(kind)}-{kind.name.lower()}.match"


def plans_fingerprint(plans: Sequence[Plan]) -> str:
    """SHA-256 of the plans as they are given."""
    return hashlib.sha256(msgspec.json.encode(list(plans), order="deterministic", enc_hook=float)).hexdigest()


def advance(folder: Path, run: Run, key: NodeKey, plans: Sequence[Plan]) -> Progress:
    """Go on as far as the files allow.

    Raises Refusal for plans other than those the run began with or a file that cannot be read, and BreachError, with
    the fault written to the ledger, when the peer broke the protocol.
    """
    secret = _secret(folder, run, plans)
    tokens = quantise(plans, run.role_of(key.public), run.epoch, run.terms, run.minima)
    side = Side(run, key, tokens, bytes.fromhex(secret.seed))
    for name in ("out", "in"):
        (folder / name).mkdir(exist_ok=True)
    sent = []
    try:
        for kind in STAGES:
            out = folder / "out" / message_file(kind)
            raw = side.next_message()
            if raw is None:
                break
            if not out.exists():
                _write(out, raw)
            sent.append(out)
            given = folder / "in" / message_file(kind)
            if not given.exists():
                return Progress(sent, given, side)
            side.receive(_read(given))
    finally:
        if side.complete or side.breach is not None:
            _write(folder / "ledger.json", msgspec.json.encode(ledger_row(side)))
            _write(folder / "transcript.json", msgspec.json.encode(side.transcript))
    return Progress(sent, None, side)


def read_ledger(runs: Path) -> list[LedgerRow]:
    """The rows of all runs under a folder of run folders, by epoch; raises Refusal for one that cannot be read."""
    rows = []
    for file in sorted(runs.glob("*/ledger.json")):
        try:
            rows.append(msgspec.json.decode(file.read_bytes(), type=LedgerRow))
        except (OSError, msgspec.DecodeError) as error:
            raise Refusal(str(file), str(error)[:120], "a ledger that a run wrote") from None
    return sorted(rows, key=lambda row: row.epoch)


def load_secret(folder: Path) -> Secret:
    """The secret of a run; raises Refusal when there is none."""
    try:
        return msgspec.json.decode((folder / SECRET_FILE).read_bytes(), type=Secret)
    except (OSError, msgspec.DecodeError) as error:
        raise Refusal(str(folder / SECRET_FILE), str(error)[:120], "the secret of a run that began here") from None


def _secret(folder: Path, run: Run, plans: Sequence[Plan]) -> Secret:
    fingerprint = plans_fingerprint(plans)
    file = folder / SECRET_FILE
    if not file.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(str(folder), error.strerror or str(error), "a folder that can be made") from None
        secret = Secret(run.identity.hex(), secrets.token_hex(SEED_BYTES), fingerprint)
        _write(file, msgspec.json.encode(secret), mode=0o600)
        return secret
    secret = load_secret(folder)
    if secret.run != run.identity.hex():
        raise Refusal(
            str(folder), "another run", "the folder of this accord, epoch and peer", "Give each run its own folder."
        )
    if secret.plans != fingerprint:
        raise Refusal(
            "plans", "other plans than the run began with", "the same file as before",
            "One run for each epoch: show changed plans as late ones, or in the next epoch.",
        )  # fmt: skip
    return secret


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST_MESSAGE_BYTES:
            raise Refusal(str(file), f"{file.stat().st_size:,} bytes", f"at most {LARGEST_MESSAGE_BYTES:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise Refusal(str(file), error.strerror or str(error), "a file that can be read") from None


def _write(file: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, and durably."""
    part = file.with_name(file.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Refusal(str(file), error.strerror or str(error), "a file that can be written") from None
