"""The refusal of a command that needs a running node where none answers; apart, so that it is known at once."""

from __future__ import annotations

from pathlib import Path
from shutil import disk_usage

from detente.airspace.refusal import Refusal
from detente.settings.address import is_running

FULL_BYTES = 8 * 1024 * 1024
"""With less than this a node cannot begin."""


class NoNodeRefusal(Refusal):
    """No node answers in a directory. `stopped`: it did before; `is_running`: its process is there all the same."""

    def __init__(self, directory: Path, *, stopped: bool) -> None:
        full = disk_usage(directory).free < FULL_BYTES
        self.is_running = is_running(directory)
        code = "api.directory_with_space" if full else "api.directory_whose_node_runs"
        if self.is_running:
            code = "api.directory_whose_node_answers"
        super().__init__(code, "--dir", str(directory), directory=str(directory))
        self.stopped = stopped
