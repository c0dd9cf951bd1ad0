"""A node's state before its journal is folded in, from the files of its directory."""

from __future__ import annotations

from pathlib import Path

from detente.accord.terms import Accord, parse_accord
from detente.airspace.refusal import Refusal
from detente.link.directory import NodeDirectory
from detente.node.state import NodeState
from detente.settings.configuration import Configuration


def empty_state(directory: NodeDirectory, configuration: Configuration, accord: Accord | None) -> NodeState:
    """Return the empty state of the node in a directory."""
    return NodeState(
        directory.card(), configuration.authority, directory.trusted_cards(), accord, configuration.disclosure
    )


def read_accord(path: Path) -> Accord | None:
    """Return the accord in a file, None where there is none; raises Refusal naming the file."""
    try:
        return parse_accord(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("node.accord_readable", str(path), str(error)) from None
    except Refusal as refusal:
        raise refusal.at(f"{path}: {refusal.field}") from None
