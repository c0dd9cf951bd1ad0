"""detente reload: let a running node take in what has changed in its directory."""

from __future__ import annotations

from pathlib import Path

from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered
from detente.cli.wording import say


def reload(directory: Directory, output: OutputOption = None) -> None:
    """Let the running node take in pairings, accord and configuration; say what it is to be restarted for."""
    found = _changes(directory)
    if answered(output, found, [change["what"] for change in found if change["state"] == "taken_in"]):
        return
    if not found:
        say("reload.nothing")
    _say(found)


def take_in(directory: Path, *, quiet: bool) -> None:
    """Let the node of a directory, where it runs, take in what was just changed there, and say so."""
    from detente.settings.address import is_running

    if is_running(directory):
        found = _changes(directory)
        if not quiet:
            _say(found)


def _changes(directory: Path) -> list[dict[str, str]]:
    from detente.api.client import NodeClient

    found: list[dict[str, str]] = NodeClient(directory).post("reload")
    return found


def _say(found: list[dict[str, str]]) -> None:
    for change in found:
        say(f"reload.{change['state']}", what=change["what"])


COMMANDS = {"reload": reload}
