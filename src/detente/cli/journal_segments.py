"""detente journal segments, archive and attach: the parts that a journal has closed, moved away and brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import OutputOption
from detente.cli.output import answered, show_table
from detente.cli.wording import language, say, say_counted, words
from detente.language import figures

NodeArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The node's directory; the node may run.")]


def segments(directory: NodeArgument, output: OutputOption = None) -> None:
    """List the closed segments of a journal, those that were moved away too."""
    import msgspec

    from detente.upkeep.archive import segments_of

    found = segments_of(_journal(directory))
    if answered(output, [msgspec.to_builtins(one) for one in found], [one.name for one in found]):
        return
    if not found:
        say("segments.none")
        return
    show_table(
        ("segment", "size", "place", "digest"),
        [
            (
                one.name,
                f"{figures.number(language(), one.size_bytes / 1e6, 1)} MB",
                words("segments.needed" if one.is_needed else "segments.here" if one.is_here else "segments.archived"),
                one.sha256[:16],
            )
            for one in found
        ],
    )  # fmt: skip


def archive(
    directory: NodeArgument,
    to: Annotated[Path, typer.Argument(metavar="TO", help="The folder of the archive.")],
    until: Annotated[int | None, typer.Option("--until", min=1, help="Only segments up to this entry.")] = None,
    output: OutputOption = None,
) -> None:
    """Move closed segments to an archive. What a peer has not receipted stays; everything remains proven."""
    from detente.upkeep.archive import archive_segments

    moved = archive_segments(_journal(directory), to, until)
    if not answered(output, {"to": str(to), "moved": [one.name for one in moved]}, [one.name for one in moved]):
        say_counted("segments.moved", len(moved), to=to)


def attach(
    directory: NodeArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Segments from the archive.")],
    output: OutputOption = None,
) -> None:
    """Bring closed segments back from an archive, each proven by its digest."""
    from detente.upkeep.archive import attach_segment

    journal = _journal(directory)
    back = [attach_segment(journal, file) for file in files]
    if not answered(output, {"attached": [one.name for one in back]}, [one.name for one in back]):
        say_counted("segments.attached", len(back))


def _journal(directory: Path) -> Path:
    from detente.link.directory import NodeDirectory

    node = NodeDirectory(directory)
    node.check()
    return node.journal_path
