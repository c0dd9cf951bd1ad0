"""The console with thousands of plans in the air, in a real browser without a GPU; make bench-console.

One node holds 10,000 plans of its own, of which 5,000 are flown now, then 20,000, all flown. Measured is CPU, not wall
time: the main thread's and the renderer process's, which has the worker that draws, for an update of the map (once a
second) and for a step of the time bar that was drawn; and how the heap grows over 600 updates, drawn four times a
second. Then, by the clock and over the same map: how long after the node has acknowledged a plan the page shows it,
and how long after the other side's node has acknowledged a STOP the alarm is shown. Last, the page's size on the wire.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.console.files import page_files
from node import Node, pair, until
from results import write_section

SKIES = ((10_000, 5_000), (20_000, 20_000))
"""Plans that are held, and how many of them are in the air."""
UPDATES = 60
LONG_UPDATES = 600
STEPS = 40
EVENTS, STOPS = 100, 40
FLAGS = ("--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc")
NOW = datetime.now(UTC).replace(microsecond=0)
WATCH = """() => {
  window.shown = {}
  const look = () => ({
    plans: document.querySelector('section[aria-label=Plans] h2 .figures')?.textContent,
    alarms: document.querySelectorAll('.alarm').length,
  })
  let last = look()
  new MutationObserver(() => {
    const now = look()
    for (const name of ['plans', 'alarms']) {
      const key = `${name} ${now[name]}`
      if (now[name] !== last[name]) requestAnimationFrame(() => { window.shown[key] ??= Date.now() })
    }
    last = now
  }).observe(document.body, { subtree: true, childList: true, characterData: true })
}"""
"""Notes when a frame first has another number of plans, or of alarms, in ms since 1970."""


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
    return int(max((row for row in found if row["type"] == "renderer"), key=lambda row: row["cpuTime"])["id"])


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


def slide(page: Page, session: CDPSession, pid: int) -> tuple[float, float]:
    """CPU of the main thread and of the renderer for one step of the time bar that was drawn, in ms."""
    bar = page.locator("input[type=range]")
    bar.focus()
    before, used, first = metrics(session)["TaskDuration"], processor_s(pid), drawn(page)
    for _ in range(STEPS):
        held = drawn(page)
        page.keyboard.press("ArrowRight")
        page.locator(f'canvas[data-drawn]:not([data-drawn="{held}"])').wait_for()
    count = drawn(page) - first
    return (metrics(session)["TaskDuration"] - before) / count * 1e3, (processor_s(pid) - used) / count * 1e3


def shown_after_ms(page: Page, name: str, value: int, acknowledged_ms: float) -> float:
    """How long after a moment the page showed a number, in ms."""
    until(lambda: page.evaluate("key => window.shown[key] ?? null", f"{name} {value}") is not None, 0.05)
    return float(page.evaluate("key => window.shown[key]", f"{name} {value}")) - acknowledged_ms


def latencies(page: Page, north: Node, south: Node, held: int) -> tuple[list[float], list[float]]:
    """How long plans and STOPs take from the acknowledgement to the screen, in ms."""
    page.locator("nav button", has_text="Plans").click()
    page.locator("section[aria-label=Plans] h2 .figures").wait_for()
    page.evaluate(WATCH)
    events, stops = [], []
    for number in range(held, held + EVENTS):
        north.post("plans", body={"plans": [plan(number, flown=True)]})
        events.append(shown_after_ms(page, "plans", number + 1, time.time() * 1e3))
    north.post("line", "watch", body={"post": "watch", "shift": "day"})
    for _ in range(STOPS):
        sent = south.post("line", "stop", body={})["message_ids"][0].rpartition(" ")[2]
        stops.append(shown_after_ms(page, "alarms", 1, time.time() * 1e3))
        north.post("line", "take", body={"peer": "south", "message_id": sent, "post": "watch"})
        page.locator(".alarm").wait_for(state="detached")
        page.evaluate("() => { window.shown = {} }")
    return events, stops


def spread(found: list[float]) -> str:
    """The median and the 99th percentile of how long something took."""
    return f"{statistics.median(found):.0f} / {statistics.quantiles(found, n=100, method='inclusive')[98]:.0f}"


def measure(held: int, moving: int, long: int) -> list[str]:
    """One row of the table."""
    program = str(Path(sys.executable).with_name("detente"))
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        pair(program, Path(folder), matches=True) as (node, other),
    ):
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
        step_ms, step_all_ms = slide(page, session, pid)
        page.keyboard.press("n")
        events, stops = latencies(page, node, other, held)
        page.get_by_label("Speed").select_option("1")
        grown = updates(page, session, pid, long)[2] if long else float("nan")
        browser.close()
    return [
        f"{held:,}",
        f"{moving:,}",
        f"{main_ms:.1f} / {all_ms:.1f}",
        f"{step_ms:.1f} / {step_all_ms:.1f}",
        f"{grown:+.1f}" if long else "–",
        spread(events),
        spread(stops),
    ]


def main() -> None:
    """Measure, print and keep the figures."""
    rows = [measure(held, moving, LONG_UPDATES if held == SKIES[0][0] else 0) for held, moving in SKIES]
    code = [file for name, file in page_files().items() if name.endswith((".js", ".css", ".html"))]
    size_kb = sum(len(file.packed or gzip.compress(file.body)) for file in code) / 1000
    heads = (
        "plans",
        "moving",
        "an update, main thread / renderer process, ms",
        "a step of the time bar, the same, ms",
        f"heap of the page without the worker over {LONG_UPDATES} updates, MB",
        f"a plan on the screen, median / p99 of {EVENTS}, ms",
        f"a STOP on the screen, median / p99 of {STOPS}, ms",
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
    text = (
        f"On plain canvases that a worker draws, Chromium with {' '.join(FLAGS)}; "
        f"load at the end {os.getloadavg()[0]:.1f}\n\n"
        f"{table}\n\nScript, style and page: {size_kb:.0f} kB as they go over the wire."
    )
    print(text)
    write_section("console", text)


if __name__ == "__main__":
    main()
