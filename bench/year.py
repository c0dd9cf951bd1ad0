"""What a node's journal costs as it grows: days of plans of ours, each declared, told, receipted and ended.

make bench-year plays DAYS days of PLANS_A_DAY plans (23 of 1,000 unless the environment says otherwise), leaves the
past and cuts the journal as a running node does, and measures a start half-way and at the end, in a process of its own:
as it is now, and as it was before, from the first entry on and with nothing forgotten. A year of 10,000 a day is
extrapolated from that: the segment and the plans within the horizon grow with the plans of a day, the rest with the
days. Nothing is delivered: the receipts of the peer are signed here, one for every 128 envelopes.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from detente.accord.disclosure import OPEN_POLICY
from detente.accord.terms import Accord, AccordParty
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.link.card import Card, make_card
from detente.link.receipt import sign_receipt
from detente.link.session import RECEIPT_RECEIVED
from detente.node.cutting import prepare
from detente.node.metrics import Metrics
from detente.node.pipeline import Pipeline
from detente.node.snapshots import CUT, remove_older, started
from detente.node.stages import all_at_once
from detente.node.state import NodeState
from detente.picture.commands import EndPlan, ImportPlans
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.verification import verify_journal
from detente.room.past import PAST, LeavePast
from detente.settings.configuration import JournalSettings
from results import write_section

DAYS = int(os.environ.get("DAYS", "23"))
PLANS_A_DAY = int(os.environ.get("PLANS_A_DAY", "1000"))
SCALE = 10_000 // PLANS_A_DAY
SEGMENT_ENTRIES = JournalSettings().segment_entries // SCALE
HORIZON = timedelta(days=JournalSettings().horizon_days)
IN_ONE_IMPORT = 250
IN_ONE_BATCH = 128
CUTS: list[tuple[float, float]] = []
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def state_of(own: Card, peer: Card) -> NodeState:
    """An empty node under an accord that tells everything."""
    accord = Accord(
        "year", 1, tuple(AccordParty(card.name, card.public_key) for card in (own, peer)),
        TimeWindow(BEGAN - timedelta(days=1), BEGAN + timedelta(days=400)), MinimaTable(Minima(1852.0, 304.8, 0.0)),
    )  # fmt: skip
    return NodeState(own, "", [peer], accord, OPEN_POLICY)


def plan(day: datetime, number: int) -> Plan:
    """One of a day's plans, ten minutes at one of a hundred places."""
    band = AltitudeBand(*(Altitude(3000.0 + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 100.0)))
    start = day + timedelta(seconds=86_000 * ((number * 0.754878) % 1.0))
    place = Position(30.0 + number % 10, 20.0 + number // 10 % 10)
    window = TimeWindow(start, start + timedelta(minutes=10))
    return Plan(f"{day:%Y%m%d}-{number}", (Volume4D(Circle(place, 500.0), band, window),))


def fill(folder: Path, key: NodeKey, peer_key: NodeKey, own: Card, peer: Card, days: range) -> None:
    """Play days into the journal, which may hold days before."""
    journal, now = Journal.open(folder / "journal.sqlite", key), [BEGAN + timedelta(days=days.start)]
    state, _ = started(lambda: state_of(own, peer), journal.path, journal.base, journal.read)
    pipeline = Pipeline(state, journal, key, lambda: now[0], Metrics())

    def turn(*commands: object) -> None:
        pipeline.start_turn()
        for command in commands:
            all_at_once(pipeline.decide(command))
        state.links.absorb(journal.append(pipeline.entries, now[0]))

    pipeline.start_turn()
    all_at_once(pipeline.begin())
    state.links.absorb(journal.append(pipeline.entries, now[0]))
    (session,) = (peer.planning for peer in state.peers)
    assert session is not None
    for day in (BEGAN + timedelta(days=number) for number in days):
        now[0] = day
        plans = [plan(day, number) for number in range(PLANS_A_DAY)]
        for first in range(0, PLANS_A_DAY, IN_ONE_IMPORT):
            turn(ImportPlans(day, own.name, tuple(plans[first : first + IN_ONE_IMPORT])))
        now[0] = day + timedelta(days=1)
        for first in range(0, PLANS_A_DAY, IN_ONE_IMPORT):
            turn(*(EndPlan(now[0], own.name, one.plan_id) for one in plans[first : first + IN_ONE_IMPORT]))
        while session.receipted_number < session.sent_number:
            last = min(session.receipted_number + IN_ONE_BATCH, session.sent_number)
            receipt = sign_receipt(
                peer_key, session.outgoing, session.receipted_number + 1, last, session.sent_hash(last), now[0]
            )
            state.links.absorb(journal.append([(RECEIPT_RECEIVED, receipt.raw)], now[0]))
        turn(LeavePast(now[0], now[0] - HORIZON))
        if journal.head.number - journal.base.number >= SEGMENT_ENTRIES:
            cut(journal, lambda: state_of(own, peer), now[0])
    journal.close()


def cut(journal: Journal, make: Callable[[], NodeState], at: datetime) -> None:
    """Cut the journal, as `node.past_clock` does."""
    began_s = time.perf_counter()
    made = prepare(make, journal.path, journal.base, journal.read, journal.head.number, SEGMENT_ENTRIES, at)
    prepared_s = time.perf_counter() - began_s
    journal.append([(CUT, msgspec.json.encode(made.record))], at)
    journal.close_segments(made.segments)
    began_s, steps_s = time.perf_counter(), [0.0]
    while journal.remove_closed():
        steps_s.append(time.perf_counter() - began_s - sum(steps_s))
    remove_older(journal.path, made.record)
    CUTS.append((prepared_s, max(steps_s)))


def resident_mb() -> float:
    """The memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def start(folder: Path, names: list[str], *, as_before: bool) -> None:
    """Open the journal and fold it in, as a node that starts; print what it took."""
    key, peer_key = (NodeKey.load(folder / f"{name}.key") for name in names)
    own, peer = (make_card(one, name, (), BEGAN) for one, name in zip((key, peer_key), names, strict=True))
    state_of(own, peer)
    gc.collect()
    before_mb = resident_mb()
    began_s = time.perf_counter()
    path = folder / "journal.sqlite"
    if as_before:
        assert verify_journal(path, key.public).ok
    journal = Journal.open(path, key)
    opened_s = time.perf_counter() - began_s
    if as_before:
        state = state_of(own, peer)
        entries = state.replay(entry for entry in journal.read() if entry.kind != PAST)
    else:
        state, entries = started(lambda: state_of(own, peer), journal.path, journal.base, journal.read)
    replayed_s = time.perf_counter() - began_s - opened_s
    gc.collect()
    size_mb = sum(file.stat().st_size for file in folder.glob("journal.sqlite*")) / 1e6
    closed_mb = sum(file.stat().st_size for file in (folder / "segments").glob("*")) / 1e6
    print(json.dumps({"entries": journal.head.number, "folded": entries, "opened_s": opened_s,
                      "replayed_s": replayed_s, "memory_mb": resident_mb() - before_mb, "live_mb": size_mb,
                      "closed_mb": closed_mb, "plans": len(state.picture.plans)}))  # fmt: skip


def measured(folder: str, how: str) -> dict[str, float]:
    """What a start in a process of its own takes."""
    ran = subprocess.run([sys.executable, __file__, how, folder], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> None:
    """Measure, extrapolate, and write the section."""
    names = ["north", "south"]
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key, peer_key = NodeKey.generate(), NodeKey.generate()
        for one, party in ((key, "north"), (peer_key, "south")):
            one.save(folder / f"{party}.key")
        own, peer = (make_card(one, party, (), BEGAN) for one, party in zip((key, peer_key), names, strict=True))
        fill(folder, key, peer_key, own, peer, range(DAYS // 2))
        half = measured(name, "--start")
        fill(folder, key, peer_key, own, peer, range(DAYS // 2, DAYS))
        end, before = measured(name, "--start"), measured(name, "--start-as-before")
    year = 365 / DAYS * SCALE
    rows = [
        ("plans in memory", "plans", "", SCALE), ("entries folded in", "folded", "", SCALE),
        ("checking the journal", "opened_s", "s", SCALE), ("folding it in", "replayed_s", "s", SCALE),
        ("memory for it", "memory_mb", "MB", SCALE), ("the journal in use", "live_mb", "MB", SCALE),
        ("closed segments and snapshots", "closed_mb", "MB", year),
    ]  # fmt: skip
    heads = ["of " + f"{PLANS_A_DAY:,} plans a day", f"day {DAYS // 2}", f"day {DAYS}", "a year of 10,000 a day",
             f"day {DAYS}, as it was before", "a year of 10,000 a day"]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for what, field, unit, by in rows:
        was = before["live_mb"] + before["closed_mb"] if field == "live_mb" else before[field]
        old = ("", "") if field == "closed_mb" else (f"{was:,.1f} {unit}", f"{was * year:,.0f} {unit}")
        cells = [f"{half[field]:,.1f} {unit}", f"{end[field]:,.1f} {unit}", f"{end[field] * by:,.0f} {unit}", *old]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    prepared_s, step_s = (max(one[part] for one in CUTS) for part in (0, 1))
    lines += ["", (
        f"Scaled: 1 to {SCALE} in the plans of a day and in the entries of a segment ({SEGMENT_ENTRIES:,}), over "
        f"{DAYS} days, with the horizon of {HORIZON.days} days. In all {end['entries']:,.0f} "
        f"entries. The longest cut took {prepared_s:,.1f} s to prepare, which a process of its own does; the "
        f"longest step in which the journal was held was {1000 * step_s:,.0f} ms. The whole took "
        f"{time.perf_counter() - began_s:,.0f} s, at load {os.getloadavg()[0]:.0f} (one minute)."
    )]  # fmt: skip
    write_section("year", "\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] in (["--start"], ["--start-as-before"]):
        start(Path(sys.argv[2]), ["north", "south"], as_before=sys.argv[1] == "--start-as-before")
    else:
        main()
