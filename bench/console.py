"""The console with thousands of plans in the air, in a real browser without a GPU; make bench-console.

One node holds 10,000 plans of its own, of which 5,000 are flown now, then 20,000, all flown. Measured is CPU, not wall
time: the main thread's for an update of the map (once a second) and for a step of the time bar, the renderer process's
for an update, and how the heap grows over 600 updates, drawn four times a second. Then the page: how large
it is as it goes over the wire.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from detente.accord.terms import Accord, AccordParty, format_accord
from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.plan import Containment, Plan, TimeWindow, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.console.files import page_files
from node import Node, free_ports, until
from results import write_section

SKIES = ((10_000, 5_000), (20_000, 20_000))
"""Plans that are held, and how many of them are in the air."""
UPDATES = 60
LONG_UPDATES = 600
STEPS = 40
FLAGS = ("--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc")
NOW = datetime.now(UTC).replace(microsecond=0)


def plan(number: int, *, flown: bool) -> Plan:
    """A flight of an hour over the eastern Mediterranean, in the air now or tomorrow."""
    start = NOW + timedelta(seconds=-(number % 1800)) if flown else NOW + timedelta(days=1)
    east, north = 25.0 + 15.0 * ((number * 0.618034) % 1.0), 30.0 + 10.0 * ((number * 0.754878) % 1.0)
    level = Altitude(250.0 + number % 150, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    points = tuple(
        Waypoint(
            Position(north + 0.4 * k * ((number % 7) - 3) / 3.0, east + 0.5 * k * ((number % 5) - 2) / 2.0),
            level,
            start + timedelta(minutes=20 * k),
        )
        for k in range(4)
    )
    return Plan(f"P{number}", Trajectory(points, Containment(500.0, 60.0, 30.0)))


def metrics(session: CDPSession) -> dict[str, float]:
    """The browser's own counters: seconds of the main thread, bytes of the heap."""
    return {row["name"]: row["value"] for row in session.send("Performance.getMetrics")["metrics"]}


def processor_s(pid: int) -> float:
    """Seconds that a process has used, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def renderer(page: Page) -> int:
    """The process that draws the page: the renderer with most memory."""
    browser: Any = page.context.browser
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return max((row for row in found if row["type"] == "renderer"), key=lambda row: row["cpuTime"])["id"]


def updates(page: Page, session: CDPSession, pid: int, count: int) -> tuple[float, float, float]:
    """CPU of the main thread and of the renderer for one update, in ms, and by how many MB the heap grew in all."""
    session.send("HeapProfiler.collectGarbage")
    before, used = metrics(session), processor_s(pid)
    first = drawn(page)
    while drawn(page) < first + count:
        page.wait_for_timeout(500)
    count = drawn(page) - first
    spent_s = processor_s(pid) - used
    after = metrics(session)
    session.send("HeapProfiler.collectGarbage")
    grown = metrics(session)["JSHeapUsedSize"] - before["JSHeapUsedSize"]
    return (after["TaskDuration"] - before["TaskDuration"]) / count * 1e3, spent_s / count * 1e3, grown / 1e6


def drawn(page: Page) -> int:
    """How many times the map was drawn."""
    return int(page.locator("canvas[data-drawn]").get_attribute("data-drawn") or 0)


def slide(page: Page, session: CDPSession) -> float:
    """CPU of the main thread for one step of the time bar, in ms."""
    bar = page.locator("input[type=range]")
    bar.focus()
    before = metrics(session)["TaskDuration"]
    for _ in range(STEPS):
        page.keyboard.press("ArrowRight")
        page.evaluate("() => new Promise(requestAnimationFrame)")
    return (metrics(session)["TaskDuration"] - before) / STEPS * 1e3


def measure(held: int, moving: int, long: int) -> list[str]:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        node, other = (
            Node(Path(folder) / name, name, port) for name, port in zip(("north", "south"), free_ports(2), strict=True)
        )
        node.files.trust.trust(other.card)
        parties = tuple(AccordParty(one.name, one.card.public_key) for one in (node, other))
        window = TimeWindow(NOW - timedelta(days=1), NOW + timedelta(days=30))
        accord = Accord("bench", 1, parties, window, MinimaTable(Minima(1852.0, 304.8, 0.0)))
        (node.files.path / "accord.toml").write_text(format_accord(accord), encoding="utf-8")
        node.start(str(Path(sys.executable).with_name("detente")))
        try:
            plans = [plan(number, flown=number < moving) for number in range(held)]
            for first in range(0, held, 1000):
                node.post("plans", body={"plans": plans[first : first + 1000]})
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            node.post("people", body={"name": "bench", "role": "observer"})
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.goto(node.post("people", "bench", "link", body={})["link"])
            page.locator("button").click()
            until(lambda: page.locator("canvas[data-drawn]").count() > 0, 0.1)
            page.wait_for_timeout(10_000)
            session = context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            pid = renderer(page)
            main_ms, all_ms, _ = updates(page, session, pid, UPDATES)
            step_ms = slide(page, session)
            page.keyboard.press("n")
            page.get_by_label("Speed").select_option("1")
            grown = updates(page, session, pid, long)[2] if long else float("nan")
            browser.close()
        finally:
            node.stop()
    return [
        f"{held:,}",
        f"{moving:,}",
        f"{main_ms:.1f}",
        f"{all_ms:.1f}",
        f"{step_ms:.1f}",
        f"{grown:+.1f}" if long else "–",
    ]


def main() -> None:
    """Measure, print and keep the figures."""
    rows = [measure(held, moving, LONG_UPDATES if held == SKIES[0][0] else 0) for held, moving in SKIES]
    code = [file for name, file in page_files().items() if name.endswith((".js", ".css", ".html"))]
    size_kb = sum(len(file.packed or gzip.compress(file.body)) for file in code) / 1000
    heads = (
        "plans",
        "moving",
        "main thread, ms an update",
        "renderer process, ms an update",
        "time bar, ms a step",
        f"heap over {LONG_UPDATES} updates, MB",
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
    text = (
        f"On a plain canvas, Chromium with {' '.join(FLAGS)}; "
        f"load at the end {os.getloadavg()[0]:.1f}\n\n"
        f"{table}\n\nScript, style and page: {size_kb:.0f} kB as they go over the wire."
    )
    print(text)
    write_section("console", text)


if __name__ == "__main__":
    main()
