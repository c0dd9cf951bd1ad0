"""What comes in of a run's bulk: bytes beside the envelopes, held against what a signed envelope announced.

Everything of a run is in a folder of its own below the node's directory: the secret and the messages, as the room
`matching` keeps them, and `incoming/` for what is on its way. A message is taken in pieces, each signed by the peer,
from where the last one ended; it is there when its SHA-256 is the one that was announced.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.matching.driver import ORDER_FILE, PLANS_FILE
from detente.matching.keeper import SECRET_FILE, FolderKeeper
from detente.matching.life import Noted
from detente.record.keys import NodeKey, verify

MATCHING_DIRECTORY = "matching"
PIECE_BYTES = 1 << 20
_PURPOSE = b"detente-match-2 piece\n"


class RunFiles:
    """The folder of one attempt of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keeper = FolderKeeper(folder)

    @property
    def begun(self) -> bool:
        """Whether the secret of the run is here."""
        return (self.folder / SECRET_FILE).exists()

    def held(self, noted: Noted) -> int:
        """How many bytes of an announced message are here."""
        whole, part = self._paths(noted)
        if whole.exists() or (self.folder / "in" / f"{noted.name}.match").exists():
            return noted.size
        return part.stat().st_size if part.exists() else 0

    def add(self, noted: Noted, offset: int, piece: bytes) -> int:
        """Add a piece that begins at `offset`; return how many bytes are here now. Raises Refusal.

        A whole message that is not the announced one is thrown away: 0 bytes are here then.
        """
        held = self.held(noted)
        if offset != held or held + len(piece) > noted.size:
            raise Refusal("node.where_last_piece_ended", "offset", offset, held=held, size=noted.size)
        whole, part = self._paths(noted)
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with part.open("ab") as stream:
            stream.write(piece)
            stream.flush()
            if held + len(piece) < noted.size:
                return held + len(piece)
            os.fsync(stream.fileno())
        if hashlib.sha256(part.read_bytes()).hexdigest() != noted.sha256:
            part.unlink()
            return 0
        part.replace(whole)
        return noted.size

    def is_whole(self, noted: Noted) -> bool:
        """Whether the whole message came in and waits to be taken."""
        return self._paths(noted)[0].exists()

    def incoming(self, noted: Noted) -> bytes | None:
        """The whole message, or None while some of it is missing."""
        whole, _ = self._paths(noted)
        return whole.read_bytes() if whole.exists() else None

    def taken(self, noted: Noted) -> None:
        """Forget what came in: the message is kept with the run."""
        self._paths(noted)[0].unlink(missing_ok=True)

    def message(self, name: str) -> bytes | None:
        """A message of ours."""
        return self.keeper.read(f"out/{name}.match")

    def end(self, *, for_auditor: bool) -> None:
        """Delete all but what an auditor may ask for: the secret, the plans, and what proves a breach.

        With `for_auditor` the messages of both sides stay: the run goes to the auditor, or proves that it was broken.
        """
        for name in ("incoming",) if for_auditor else ("out", "in", "incoming"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        work = self.folder / Path(PLANS_FILE).parent
        kept = {Path(PLANS_FILE).name, *({Path(ORDER_FILE).name} if for_auditor else ())}
        for file in work.iterdir() if work.is_dir() else ():
            if file.name not in kept and not (for_auditor and file.name.startswith("late-")):
                file.unlink()

    def _paths(self, noted: Noted) -> tuple[Path, Path]:
        place = self.folder / "incoming"
        return place / f"{noted.name}.whole", place / f"{noted.name}.part"


def sign_piece(key: NodeKey, run: str, name: str, offset: int, piece: bytes) -> bytes:
    """Sign a piece of a message."""
    return key.sign(_to_sign(run, name, offset, piece))


def is_signed(public: bytes, signature: bytes, run: str, name: str, offset: int, piece: bytes) -> bool:
    """Whether the party with this public key signed a piece."""
    return verify(public, signature, _to_sign(run, name, offset, piece))


def _to_sign(run: str, name: str, offset: int, piece: bytes) -> bytes:
    return _PURPOSE + f"{run} {name} {offset}\n".encode() + hashlib.sha256(piece).digest()
