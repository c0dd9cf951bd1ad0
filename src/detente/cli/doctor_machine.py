"""What `detente doctor` looks at without the node: configuration, keys, disk, clock, descriptors, port, backup."""

from __future__ import annotations

import ctypes
import resource
import socket
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.cli.examined import Examined, refused, to_mend, unknown, well
from detente.cli.wording import language, words
from detente.language import figures
from detente.link.directory import NodeDirectory
from detente.record.disk import disk_room_of_file
from detente.record.keys import NO_PASSPHRASE, NodeKey
from detente.record.token_file import METRICS_TOKEN_FILE
from detente.settings.last_backup import last_backup

LEAST_FREE_SHARE = 0.1
FEWEST_DAYS_LEFT = 30.0
FEWEST_DESCRIPTORS = 4096
OLDEST_BACKUP_S = 2 * 86_400.0
MOST_CLOCK_ERROR_S = 1.0
_SECRETS = ("node.key", METRICS_TOKEN_FILE, "journal.sqlite", "journal.sqlite-wal")
_TIMEX_HEAD = "@Illlli"
_TIMEX_BYTES = 512
_UNSYNCHRONISED = 0x0040
_SHOWN_FAULT = 200


def keys(directory: NodeDirectory) -> Iterator[Examined]:
    """Look at who can read the secrets and write the cards, and whether key and card belong together."""
    key: NodeKey | None = None
    try:
        directory.check()
        card, peers = directory.card(), len(directory.trust.cards())
        key = NodeKey.load(directory.key_path)
    except Refusal as refusal:
        if refusal.code != NO_PASSPHRASE:
            yield refused("keys", refusal)
            return
    for name in _SECRETS:
        file = directory.path / name
        if file.exists() and file.stat().st_mode & 0o077:
            yield to_mend("keys", words("doctor.keys.open", file=file), f"chmod 600 {file}")
    if key is None:
        yield unknown("keys", words("doctor.keys.encrypted", owner=directory.key_path.owner(), peers=peers))
    elif key.public != card.signing_key:
        yield to_mend("keys", words("doctor.keys.strange"), words("doctor.mend.key"))
    else:
        yield well("keys", words("doctor.keys.well", owner=directory.key_path.owner(), peers=peers))


def disk(directory: NodeDirectory, now: datetime) -> Examined:
    """Look at how much of the journal's disk is free, and for how long."""
    try:
        room = disk_room_of_file(directory.journal_path, now)
    except Refusal as refusal:
        return refused("disk", refusal)
    size = figures.number(language(), room.free_bytes / 1e9, 1)
    said = words("doctor.disk.free", size=size, share=figures.number(language(), 100.0 * room.free_share))
    if room.days_left is not None:
        said += words("doctor.disk.days", days=figures.number(language(), room.days_left))
    is_short = room.free_share < LEAST_FREE_SHARE or (room.days_left or FEWEST_DAYS_LEFT) < FEWEST_DAYS_LEFT
    return to_mend("disk", said, words("doctor.mend.disk", disk=directory.path)) if is_short else well("disk", said)


def clock() -> Examined:
    """Look at whether something keeps the machine's clock, and how wrong it may be."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        is_known = ctypes.CDLL(None).adjtimex(timex) != -1
    except AttributeError:  # not Linux
        is_known = False
    if not is_known:
        return unknown("clock", words("doctor.clock.unknown"))
    _, _, _, most_error_us, _, status = struct.unpack_from(_TIMEX_HEAD, timex)
    wrong = figures.duration(language(), round(most_error_us / 1e6, 3))
    if status & _UNSYNCHRONISED or most_error_us > MOST_CLOCK_ERROR_S * 1e6:
        return to_mend("clock", words("doctor.clock.free"), words("doctor.mend.clock"))
    return well("clock", words("doctor.clock.kept", wrong=wrong))


def descriptors() -> Examined:
    """Look at how many files and connections a program started here may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_enough = hard == resource.RLIM_INFINITY or hard >= FEWEST_DESCRIPTORS
    said = words("doctor.descriptors.count", soft=soft, hard="∞" if hard == resource.RLIM_INFINITY else hard)
    mend = words("doctor.mend.descriptors", count=FEWEST_DESCRIPTORS)
    return well("descriptors", said) if is_enough else to_mend("descriptors", said, mend)


def free_port(setting: str, host: str, port: int) -> Examined:
    """Look at whether the node could listen at the port of a setting of its configuration; it does not run."""
    place = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        said = words("doctor.port.taken", place=place, why=error.strerror or str(error))
        return to_mend("port", said, words("doctor.mend.port", port=port, setting=setting))
    return well("port", words("doctor.port.free", place=place))


def backup(directory: Path, now: datetime, rotated_s: float | None) -> Examined:
    """Look at when the last backup was made; one of before the key was rotated (`rotated_s`, epoch) is worth little."""
    found = last_backup(directory)
    if found is None:
        return to_mend("backup", words("doctor.backup.none"), words("doctor.mend.backup"))
    age_s = (now - found.at).total_seconds()
    said = words("doctor.backup.age", age=figures.duration(language(), round(age_s)), place=found.path)
    if rotated_s is not None and found.at.timestamp() < rotated_s:
        return to_mend("backup", said + words("doctor.backup.old_key"), words("doctor.mend.backup"))
    return to_mend("backup", said, words("doctor.mend.backup")) if age_s > OLDEST_BACKUP_S else well("backup", said)


def reachable(addresses: tuple[str, ...], patience_s: float) -> str:
    """Return why no address of a party can be connected to, empty when one can."""
    from urllib.parse import urlsplit

    fault = words("doctor.peer.no_address")
    for address in addresses:
        url = urlsplit(address)
        try:
            port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
            socket.create_connection((url.hostname or "", port), patience_s).close()
        except (OSError, ValueError) as error:
            fault = f"{address}: {error}"[:_SHOWN_FAULT]
        else:
            return ""
    return fault
