"""Backups: one file with everything that a node is, made while it runs, verified, encrypted on request.

A backup is a tar: `manifest.json`, then the files that it names with their SHA-256. Encrypted, it is a tar of two files
in the age format, `key.age` for the passphrase and `backup.age` for the key in it, which the program `age` opens too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

import msgspec
import pyrage

import detente
from detente.airspace.refusal import Refusal
from detente.link.directory import NodeDirectory
from detente.link.trust import read_card_file
from detente.matching.files import MATCHING_DIRECTORY
from detente.record.copy import copy_journal
from detente.record.keys import sync_directory
from detente.record.segments import SEGMENT_FOLDER
from detente.record.verification import Verification, verify_journal
from detente.settings.configuration import read_configuration
from detente.settings.last_backup import LastBackup, note_backup
from detente.settings.release import RELEASE_FILE

FORMAT = "detente-backup-1"
MANIFEST = "manifest.json"
KEY_MEMBER, SEALED_MEMBER = "key.age", "backup.age"
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
WRITTEN_BY_RELEASE = (
    "*.toml", RELEASE_FILE, f"{MATCHING_DIRECTORY}/**/*", f"{SEGMENT_FOLDER}/*.sqlite",
    f"{SEGMENT_FOLDER}/*.snapshot", "map/*.json",
)  # fmt: skip
"""Beside the journal, key and cards: what another release may write or read otherwise."""
_ALSO_KEPT = (*WRITTEN_BY_RELEASE, "node.key.former", "trusted/*.json")
_PIECE_BYTES = 1 << 20


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds: whose, since when, how far its journal goes, and the SHA-256 of every file."""

    format: str
    name: str
    public_key: str
    made_at: datetime
    version: str
    journal_number: int
    journal_hash: str
    files: dict[str, str]

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise Refusal("node.detente_backup", "backup.format", self.format)
        for name in self.files:
            path = Path(name)
            if path.is_absolute() or ".." in path.parts or name == MANIFEST:
                raise Refusal("node.names_files_below_node", "backup.files", name)


class NotProvenError(Exception):
    """The journal is not as it was written; `found` names the first bad entry."""

    def __init__(self, found: Verification) -> None:
        super().__init__(str(found.bad))
        self.found = found


def make_backup(directory: Path, out: Path, at: datetime, passphrase: bytes | None = None) -> Manifest:
    """Write the backup of a node, which may run, to the new file `out`; return what it holds once it is verified.

    The copy of the journal is verified whole, and the written file is read again. Raises Refusal, NotProvenError; no
    file is left then.
    """
    node = NodeDirectory(directory)
    card = node.card()
    if out.exists():
        raise Refusal("node.file_does_not_exist", "--out", str(out))
    with _workplace(out) as place:
        copy = place / "files"
        copy.mkdir()
        # First the journal: what it names is in files that were there before.
        found = copy_journal(node.journal_path, copy / node.journal_path.name, card.key)
        if not found.ok:
            raise NotProvenError(found)
        needed, others = _needed_files(node), _other_files(node)
        for path in (*needed, *others):
            target = copy / path.relative_to(directory)
            target.parent.mkdir(parents=True, exist_ok=True)
            # What only runs of matching, segments and pairings need may go meanwhile: the node may run.
            with suppress(FileNotFoundError) if path in others else nullcontext():
                shutil.copyfile(path, target)
        if read_card_file(copy / node.card_path.name).signing_key != found.signer:
            raise Refusal("node.backup_not_amid_rotation", "journal", found.signer.hex())
        files = {str(path.relative_to(copy)): _sha256(path) for path in sorted(copy.rglob("*")) if path.is_file()}
        head = found.head
        manifest = Manifest(
            FORMAT, card.name, card.public_key, at, detente.__version__, head.number, head.hash.hex(), files
        )
        plain = place / "backup.tar"
        _write_tar(plain, copy, manifest)
        written = plain if passphrase is None else _sealed(plain, place, passphrase)
        open_backup(written, place / "again", passphrase)
        _put(written, out)
    note_backup(directory, LastBackup(at, str(out.absolute())))
    return manifest


def open_backup(file: Path, target: Path, passphrase: bytes | None) -> Manifest:
    """Unpack a backup into the new directory `target`, and verify every file and the journal; return what it holds.

    Raises Refusal for what is no backup or was changed, for a missing or wrong passphrase, and NotProvenError.
    """
    target.mkdir(mode=0o700)
    try:
        with tarfile.open(file, "r:") as tar:
            if SEALED_MEMBER in tar.getnames():
                return _open_sealed(tar, file, target, passphrase)
            manifest = _read_manifest(tar)
            for name, digest in manifest.files.items():
                _unpack(tar, name, target / name)
                if _sha256(target / name) != digest:
                    raise Refusal("node.file_manifest_names", f"{file}: {name}", "another content")
    except (tarfile.TarError, OSError, KeyError, EOFError) as error:
        raise Refusal("node.backup_written", str(file), str(error)) from None
    node = NodeDirectory(target)
    found = verify_journal(node.journal_path, bytes.fromhex(manifest.public_key))
    if not found.ok:
        raise NotProvenError(found)
    if (found.head.number, found.head.hash.hex()) != (manifest.journal_number, manifest.journal_hash):
        raise Refusal("node.journal_up_entry", str(file), found.head.number, journal_number=manifest.journal_number)
    return manifest


def _needed_files(node: NodeDirectory) -> list[Path]:
    """The files without which a node does not start as it was: key, card, configuration, and what that names here."""
    configuration = read_configuration(node.config_path)
    named = (configuration.accord, configuration.http.certificate, configuration.http.private_key)
    found = {Path(os.path.normpath(node.path / name)) for name in named if not Path(name).is_absolute()}
    here = {path for path in found if path.is_file() and path.resolve().is_relative_to(node.path.resolve())}
    return sorted({node.key_path, node.card_path, node.config_path, *here})


def _other_files(node: NodeDirectory) -> list[Path]:
    """The other files of a node beside its journal: what runs, and what it locks, is not kept."""
    found = {path for pattern in _ALSO_KEPT for path in node.path.glob(pattern)}
    needed = _needed_files(node)
    return sorted(path for path in found if path.is_file() and not path.is_symlink() and path not in needed)


@contextmanager
def _workplace(out: Path) -> Iterator[Path]:
    """Give a directory for the owner alone beside `out`, and remove it."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
            yield Path(name)
    except OSError as error:
        raise Refusal("node.place_with_room", "--out", str(out), strerror=error.strerror or str(error)) from None


def _write_tar(file: Path, directory: Path, manifest: Manifest) -> None:
    listed = directory / MANIFEST
    listed.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    with tarfile.open(file, "x:") as tar:
        for name in (MANIFEST, *manifest.files):
            tar.add(directory / name, arcname=name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode, member.uid, member.gid, member.uname, member.gname = 0o600, 0, 0, "", ""
    return member


def _sealed(plain: Path, place: Path, passphrase: bytes) -> Path:
    identity = pyrage.x25519.Identity.generate()
    (place / KEY_MEMBER).write_bytes(pyrage.passphrase.encrypt(str(identity).encode(), passphrase.decode()))
    with plain.open("rb") as source, (place / SEALED_MEMBER).open("xb") as target:
        pyrage.encrypt_io(source, target, [identity.to_public()])
    sealed = place / "sealed.tar"
    with tarfile.open(sealed, "x:") as tar:
        for name in (KEY_MEMBER, SEALED_MEMBER):
            tar.add(place / name, arcname=name, filter=_plain)
    return sealed


def _open_sealed(tar: tarfile.TarFile, file: Path, target: Path, passphrase: bytes | None) -> Manifest:
    if passphrase is None:
        raise Refusal("node.passphrase_file", "--passphrase-file", None, file=str(file))
    place = target.with_name(f"{target.name}.opened")
    place.mkdir(mode=0o700)
    try:
        for name in (KEY_MEMBER, SEALED_MEMBER):
            _unpack(tar, name, place / name)
        try:
            key = pyrage.passphrase.decrypt((place / KEY_MEMBER).read_bytes(), passphrase.decode())
            identity = pyrage.x25519.Identity.from_str(key.decode())
            with (place / SEALED_MEMBER).open("rb") as source, (place / "backup.tar").open("xb") as plain:
                pyrage.decrypt_io(source, plain, [identity])
        except (pyrage.DecryptError, pyrage.IdentityError, ValueError):
            raise Refusal("node.passphrase_with_encrypted", "--passphrase-file", str(file)) from None
        target.rmdir()
        return open_backup(place / "backup.tar", target, None)
    finally:
        shutil.rmtree(place)


def _read_manifest(tar: tarfile.TarFile) -> Manifest:
    stream = tar.extractfile(MANIFEST)
    data = b"" if stream is None else stream.read(MAX_MANIFEST_BYTES)
    try:
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Refusal("node.manifest_backup", f"backup: {MANIFEST}", str(error)) from None


def _unpack(tar: tarfile.TarFile, name: str, target: Path) -> None:
    member = tar.getmember(name)
    stream = tar.extractfile(member)
    if stream is None or not member.isreg():
        raise Refusal("node.regular_file", "backup", name)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        shutil.copyfileobj(stream, out, _PIECE_BYTES)
        out.flush()
        os.fsync(out.fileno())


def _put(written: Path, out: Path) -> None:
    """Give the finished backup its name, durably; it is there whole or not at all."""
    written.chmod(0o600)
    with written.open("rb") as stream:
        os.fsync(stream.fileno())
    written.rename(out)
    sync_directory(out.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
