"""One party of a rehearsal: a directory made by the `detente` command, and a node that runs as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import tomli_w

from detente.airspace.refusal import Refusal
from detente.api.client import NodeClient
from detente.link.card import Card
from detente.link.directory import NodeDirectory

PATIENCE_S = 120.0
"""For a node to start and to stop: ends what hangs, on a machine however busy."""
_OFFICER = "officer"


class RehearsalParty:
    """A party's directory and, once started, its node's process."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.files = NodeDirectory(directory)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = directory / "node.log"

    @property
    def card(self) -> Card:
        """The party's card."""
        return self.files.card()

    def found(self) -> None:
        """Make the directory with its key, card and configuration, as a new party would."""
        address = f"http://127.0.0.1:{self.port}"
        run_command("init", "--dir", str(self.files.path), "--name", self.name, "--address", address)
        self._configure(automatic=False)

    def settle(self) -> None:
        """Let the running node settle by itself from now on, one conflict after the other."""
        self._configure(automatic=True)
        run_command("reload", "--dir", str(self.files.path))

    def _configure(self, *, automatic: bool) -> None:
        document = {
            "party": self.name,
            "http": {"port": 0},
            "settlement": {"automatic": automatic, "in_turn": True},
        }
        self.files.config_path.write_text(tomli_w.dumps(document), encoding="utf-8")

    def pair(self, other: RehearsalParty) -> None:
        """Trust the other's card, its fingerprint compared as two people would over a telephone."""
        card = other.card
        run_command(
            "pair", str(other.files.card_path), "--dir", str(self.files.path), "--fingerprint", card.fingerprint
        )

    @property
    def runs(self) -> bool:
        """Whether the node was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def said(self) -> Path:
        """The file with all that the node has said."""
        return self._said

    def sign_in_link(self) -> str:
        """Return a fresh link by which a duty officer signs in to the running node."""
        client = NodeClient(self.files.path)
        if _OFFICER not in {person["name"] for person in client.get("people")}:
            client.post(
                "people", body=json.dumps({"name": _OFFICER, "role": "duty_officer", "posts": ["watch"]}).encode()
            )
        link: str = client.post("people", _OFFICER, "link")["link"]
        return link

    def keep_watch(self) -> None:
        """Let a shift take the watch, as the first thing on a line: nobody tries one that no side uses."""
        NodeClient(self.files.path).post("line", "watch", body=b'{"post": "watch", "shift": "demo"}')

    def check_line(self, other: RehearsalParty) -> None:
        """Ask the other's node for a line check."""
        NodeClient(self.files.path).post("line", "check", body=json.dumps({"peer": other.name}).encode())

    def start(self) -> None:
        """Start the node and leave it to come up; `wait` waits for it."""
        with self._said.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "detente", "node", "--dir", str(self.files.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the node answers; raises Refusal with the end of its log when it does not come up."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                self.status()
            except Refusal:
                time.sleep(0.05)
            else:
                return
        self.kill()
        log = self._said.read_text(encoding="utf-8", errors="replace")[-2000:] if self._said.exists() else ""
        raise Refusal("rehearsal.node_starts", "node", self.name, said=str(self._said), log=log)

    def status(self) -> dict[str, Any]:
        """The node in numbers; see `detente.api.views.Status`."""
        status: dict[str, Any] = NodeClient(self.files.path).get("status")
        return status

    def import_plans(self, file: Path) -> None:
        """Declare the plans of a file, as the party's planner would."""
        run_command("plan", "import", str(file), "--dir", str(self.files.path))

    def begin_match(self, other: RehearsalParty, moment: datetime) -> None:
        """Begin the private match of the epoch of `moment` with another party."""
        body = json.dumps({"peer": other.name, "epoch": moment.isoformat()}).encode()
        NodeClient(self.files.path).post("matching", "runs", body=body)

    def matches(self) -> list[dict[str, Any]]:
        """The private matches of the node; see `detente.matching.life.MatchingRun`."""
        return [view["run"] for view in NodeClient(self.files.path).get("matching", "runs")]

    def stop(self) -> None:
        """Ask the node to stop and wait until it has; one that does not is killed, and that is an error."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Refusal("rehearsal.node_stops_within", "node", self.name, patience_s=PATIENCE_S) from None
        self._process = None
        if code != 0:
            raise Refusal("rehearsal.clean_stop", "node", f"{self.name}, exit code {code}", said=str(self._said))

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def run_command(*arguments: str) -> None:
    """Run one `detente` command; raises Refusal with what it said when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "detente", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip()
        raise Refusal("rehearsal.success", f"detente {arguments[0]}", f"exit code {done.returncode}", output=output)


def free_port() -> int:
    """A TCP port on the loopback interface that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
