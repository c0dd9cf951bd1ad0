"""A STOP from the local command to the other side's screen while a node is attacked; make bench-stop.

Three parties under one accord: the nodes of north and south run, east is the attacker. STOPs go from north to south and
from south to north, one after the other, while east, or north's own people, keep north as busy as they can. Each attack
has nodes of its own, and so has the idle pair of the same run that it is held against. A STOP counts from the moment
that it is asked of the local node, by a command or as from the console, until the other node's stream of the line shows
it.
"""

from __future__ import annotations

import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from detente.accord.terms import Accord, AccordParty, format_accord
from detente.airspace.plan import TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.api.client import NodeClient
from node import NOW, Node, free_ports, until
from results import write_section
from stop_attacks import ATTACKS, FROM_THE_CONSOLE, OUR_PLANS, Console, around_the_edge

STOPS = 100
PAUSE_S = 0.1
LONGEST_S = 60.0
LIMIT_S = 1.0
SETTLED = "200 conflicts settled by the nodes"


class Figures(NamedTuple):
    """How long the STOPs took in seconds, in ascending order, and how often the attack went round meanwhile."""

    taken_s: list[float]
    rounds: int

    def share(self, share: float) -> float:
        """The time within which this share of the STOPs was shown."""
        return self.taken_s[math.ceil(share * len(self.taken_s)) - 1]


class Screen:
    """Reads a node's stream of the line, and knows when each STOP was shown."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._shown: dict[str, float] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for _, event in NodeClient(self._node.files.path).stream("line", "events", after=0, timeout_s=LONGEST_S):
            if event is not None and event["event"] == "line_message_heard":
                with self._changed:
                    message = event["message"]
                    self._shown[f"{message['sender']}:{message['number']}"] = time.perf_counter()
                    self._changed.notify_all()

    def shown_at(self, message_id: str) -> float:
        """Wait until a message is shown; return when that was, or when it was given up after a minute."""
        with self._changed:
            self._changed.wait_for(lambda: message_id in self._shown, LONGEST_S)
            return self._shown.get(message_id, time.perf_counter())


@contextmanager
def nodes(folder: Path, *, automatic: bool) -> Iterator[tuple[Node, Node]]:
    """North and south run under an accord with east, whose key the attacks have."""
    ports = free_ports(6)
    parties = [
        Node(folder / name, name, *two)
        for name, two in zip(("north", "south", "east"), zip(ports[:3], ports[3:], strict=True), strict=True)
    ]
    north, south, _ = parties
    accord = Accord(
        "bench", 1, tuple(AccordParty(node.name, node.card.public_key) for node in parties),
        TimeWindow(NOW - timedelta(days=1), NOW + timedelta(days=30)), MinimaTable(Minima(1852.0, 304.8, 0.0)),
    )  # fmt: skip
    for node in parties:
        for other in parties:
            if other is not node:
                node.files.trust.trust(other.card)
        (node.files.path / "accord.toml").write_text(format_accord(accord), encoding="utf-8")
    try:
        for node in (north, south):
            node.start(str(Path(sys.executable).with_name("detente")), automatic=automatic)
        yield north, south
    finally:
        for node in (north, south):
            node.stop()


@contextmanager
def attacked(name: str | None, node: Node) -> Iterator[Path]:
    """The attack goes on, once it has gone round once; yields the file that grows with each round."""
    rounds = node.files.path.parent / "rounds"
    rounds.touch()
    if name is None:
        yield rounds
        return
    command = [
        sys.executable,
        str(Path(__file__).with_name("stop_attacks.py")),
        name,
        str(node.files.path),
        str(rounds),
    ]
    # What it has started ends with it: it would go on in a directory that is taken away.
    with subprocess.Popen(command, start_new_session=True) as attacker:
        try:
            until(lambda: rounds.stat().st_size or attacker.poll() is not None, 0.02)
            yield rounds
            assert attacker.poll() is None, f"the attack ended by itself: {name}"
        finally:
            os.killpg(attacker.pid, signal.SIGKILL)


def measure(name: str | None, folder: Path) -> Figures:
    """Let STOPs pass in both directions during one attack, or with the nodes idle."""
    with nodes(folder, automatic=name == SETTLED) as (north, south):
        screens = {node.name: Screen(node) for node in (north, south)}
        north.post("plans", body={"plans": [around_the_edge(f"ours-{k}", k, OUR_PLANS) for k in range(OUR_PLANS)]})
        until(lambda: south.get("status")["plans"].get("north") == OUR_PLANS, 0.02)
        taken_s = []
        ways: list[Callable[..., dict[str, Any]]]
        if name in FROM_THE_CONSOLE:
            ways = [Console(node.files.path, "officer").stop for node in (north, south)]
        else:
            ways = [partial(node.post, "line", "stop") for node in (north, south)]
        with attacked(name, north) as rounds:
            before = rounds.stat().st_size
            for number in range(STOPS):
                sender, other = (south, north) if number % 2 else (north, south)
                began = time.perf_counter()
                (sent,) = ways[number % 2](body={"peer": other.name})["message_ids"]
                message_id = sent.rpartition(" ")[2]
                taken_s.append(screens[other.name].shown_at(message_id) - began)
                other.post("line", "take", body={"peer": sender.name, "message_id": message_id, "post": "watch"})
                time.sleep(PAUSE_S)
            return Figures(sorted(taken_s), rounds.stat().st_size - before)


def row(name: str, figures: Figures, idle: Figures) -> str:
    """One line of the table."""
    ratio = figures.share(0.99) / idle.share(0.99)
    milliseconds = [statistics.median(figures.taken_s), figures.share(0.99), figures.taken_s[-1]]
    verdict = "yes" if figures.share(0.99) < LIMIT_S else "**no**"
    figure_cells = " | ".join(f"{value * 1e3:,.0f}" for value in milliseconds)
    return f"| {name} | {figure_cells} | {ratio:.1f} | {figures.rounds or '-'} | {verdict} |"


def main(*only: str) -> None:
    load = os.getloadavg()[0]
    found: dict[str | None, Figures] = {}
    for name in (None, *ATTACKS):
        if name is None or not only or any(part in name for part in only):
            with tempfile.TemporaryDirectory() as folder:
                found[name] = measure(name, Path(folder))
            print(row(name or "idle", found[name], found[None]), flush=True)
    rows = [
        "| during | median, ms | p99, ms | longest, ms | p99 / idle | rounds | p99 under 1 s |",
        "|---|---|---|---|---|---|---|",
        *(row(name or "idle", figures, found[None]) for name, figures in found.items()),
    ]  # fmt: skip
    if not only:
        text = (
            f"Load of the machine before: {load:.2f} (one minute); niceness {os.nice(0)}. {STOPS} STOPs a row, half\n"
            "in each direction, from the request to the sender's node until the stream of the other shows it. What\n"
            "each attack does is in bench/stop_attacks.py; a round is one pass of it that ended meanwhile."
        )
        write_section("stop", f"{text}\n\n" + "\n".join(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
