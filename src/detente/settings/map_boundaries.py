"""The boundaries on the party's map: one file for each set in the node's directory. No peer hears of them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.feeds.boundaries import BoundaryLine, check_amount
from detente.feeds.source import printable_line
from detente.link.trust import write_durably
from detente.record.keys import sync_directory

BOUNDARIES_FOLDER = "map"


class BoundarySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lines of one file, under the name that somebody gave them."""

    name: str
    lines: tuple[BoundaryLine, ...]

    def __post_init__(self) -> None:
        check_identifier("name", self.name)

    @property
    def points(self) -> int:
        """How many points all lines have."""
        return sum(len(line.points) for line in self.lines)


def boundary_sets(directory: Path) -> list[BoundarySet]:
    """Return every set of a node, by name; raises Refusal naming a file that is broken."""
    return [_read(file) for file in sorted((directory / BOUNDARIES_FOLDER).glob("*.json"))]


def boundaries_mark(directory: Path) -> str:
    """Return a text that is another one whenever what is on the map is; no file is read for it."""
    marks = []
    for file in sorted((directory / BOUNDARIES_FOLDER).glob("*.json")):
        with suppress(FileNotFoundError):
            marks.append(f"{file.name} {file.stat().st_mtime_ns}")
    return hashlib.sha256("/".join(marks).encode()).hexdigest()[:16]


def add_boundaries(directory: Path, added: BoundarySet) -> None:
    """Keep a set, in place of one of the same name; raises Refusal where all of them are too much for a map."""
    kept = [*(one for one in boundary_sets(directory) if one.name != added.name), added]
    check_amount(sum(len(one.lines) for one in kept), sum(one.points for one in kept))
    file = _file(directory, added.name)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    write_durably(file, msgspec.json.encode(added))


def remove_boundaries(directory: Path, name: str) -> None:
    """Show a set no longer; raises Refusal when there is none of this name."""
    check_identifier("name", name)
    file = _file(directory, name)
    try:
        file.unlink()
    except FileNotFoundError:
        known = ", ".join(one.name for one in boundary_sets(directory)) or "none yet"
        raise Refusal("node.boundaries_on_map", "name", name, known=known) from None
    sync_directory(file.parent)


def _file(directory: Path, name: str) -> Path:
    return directory / BOUNDARIES_FOLDER / f"{name}.json"


def _read(file: Path) -> BoundarySet:
    try:
        return msgspec.json.decode(file.read_bytes(), type=BoundarySet)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refusal("node.boundary_file_readable", str(file), printable_line(str(error))) from None
