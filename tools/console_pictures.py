"""Make the pictures of the console under docs/images: two real nodes with a plausible hour, and a real browser.

`make console-pictures`. Look at each picture afterwards as a stranger would.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/node")]

from feed_source import FeedSource, feeds_toml  # type: ignore[import-not-found]  # noqa: E402
from parties import Party, two_parties  # type: ignore[import-not-found]  # noqa: E402
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright  # noqa: E402

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure  # noqa: E402
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint  # noqa: E402
from detente.airspace.position import Position  # noqa: E402

IMAGES = ROOT / "docs/images"
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
CENTRE = Position(34.6, 20.5)
SPREAD_DEG = 2.4
PATIENCE_MS = 60_000
HALF_MINUTE = timedelta(seconds=30)
OURS, THEIRS = 22, 20
"""Flights of each side."""
SIZE = ViewportSize(width=1280, height=720)


def flight(name: str, number: int) -> Plan:
    """One flight straight across the sea, in the air now or soon."""
    course = 2 * math.pi * ((number * 0.618034) % 1.0)
    aside = SPREAD_DEG * (((number * 0.754878) % 1.0) - 0.5)
    start = NOW - timedelta(minutes=40 - 50 * ((number * 0.37) % 1.0))
    level = Altitude(240.0 + 10.0 * ((number * 5) % 12), AltitudeUnit.FLIGHT_LEVEL, StandardPressure())

    def point(share: float) -> Position:
        along = SPREAD_DEG * (share - 0.5) * 2
        north = along * math.sin(course) + aside * math.cos(course)
        east = along * math.cos(course) - aside * math.sin(course)
        return Position(CENTRE.latitude_deg + north, CENTRE.longitude_deg + 1.2 * east)

    points = tuple(Waypoint(point(k / 4), level, start + timedelta(minutes=11 * k)) for k in range(5))
    return Plan(f"{name}{100 + number * 7}", Trajectory(points, Containment(500.0, 60.0, 30.0)))


def metres(value: float) -> dict[str, Any]:
    """An altitude above mean sea level."""
    return {"value": value, "unit": "m", "reference": {"kind": "mean_sea_level"}}


def circle(north_deg: float, east_deg: float, radius_m: float) -> dict[str, Any]:
    """A circle on the ground."""
    return {
        "kind": "circle",
        "centre": {"latitude_deg": north_deg, "longitude_deg": east_deg},
        "radius_m": radius_m,
    }


def window(start_min: int, end_min: int) -> dict[str, str]:
    """A window of minutes from now."""
    return {
        "start": (NOW + timedelta(minutes=start_min)).isoformat(),
        "end": (NOW + timedelta(minutes=end_min)).isoformat(),
    }


def regions() -> bytes:
    """Two flight information regions, invented, with their boundary across the sea."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[16, low], [25, low], [25, high], [16, high], [16, low]]],
            },
        }
        for name, low, high in (("NORTH FIR", 34.1, 39.0), ("SOUTH FIR", 30.0, 34.1))
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def set_the_scene(north: Party, south: Party) -> None:
    """Flights of both, a zone that is agreed and one that is proposed, a notice, and messages."""
    for party, shift in ((north, "day"), (south, "day")):
        party.post("/line/watch", {"post": "watch", "shift": shift})
        party.ask("POST", "/map/boundaries?file=regions.geojson", regions())
    north.imports(*(flight("NOR", number) for number in range(OURS)))
    south.imports(*(flight("SUD", number + 60) for number in range(THEIRS)))
    altitude = {"lower": metres(0), "upper": metres(5000)}
    for zone_id, area, meaning in (
        ("range-1", circle(35.6, 19.2, 38_000.0), "keep_out"),
        ("tanker-east", circle(33.5, 22.4, 30_000.0), "call_before_entering"),
    ):
        terms = {"owner": "north", "meaning": meaning, "area": area, "altitude": altitude, "time": window(-5, 240)}
        north.post("/zones", {"peer": "south", "zone_id": zone_id, "by": "watch", "terms": terms})
    south.until(lambda: len(south.get("/zones")) == 2, "both zones")
    zone = next(one for one in south.get("/zones") if one["zone_id"] == "range-1")
    version = zone["pending"][0]["version"]
    south.post("/zones/north/range-1/accept", {"by": "watch", "version": version})
    corners = [(33.2, 18.6), (33.9, 18.2), (34.1, 19.0), (33.5, 19.4)]
    area = {"kind": "polygon", "vertices": [{"latitude_deg": a, "longitude_deg": o} for a, o in corners]}
    volume = {"kind": "volume", "area": area, "altitude": altitude, "time": window(30, 180)}
    south.post("/notices", {"notice_id": "survey-7", "meaning": "our_aircraft_here", "volume": volume})
    where = {"kind": "place", "position": {"latitude_deg": 34.9, "longitude_deg": 20.1}}
    parameters = {
        "where": where,
        "height": {"kind": "height", "altitude": metres(7300)},
        "when": {"kind": "moment", "time": NOW.isoformat()},
    }
    (near,) = north.post("/line/messages", {"peer": "south", "code": "aircraft_near_you", "parameters": parameters})[
        "message_ids"
    ]
    south.until(lambda: any(one["message_id"] == near for one in south.get("/line/messages")), "told")
    south.post("/line/take", {"peer": "north", "message_id": near, "post": "watch"})
    south.post("/line/read-back", {"peer": "north", "message_id": near, "post": "watch", "height_unit": "ft"})
    south.post("/line/messages", {"peer": "north", "code": "radio_check"})


class Sky:
    """What is in the air: both sides fly their plans, and strangers fly straight. Two feeds report it once a second."""

    def __init__(self) -> None:
        self.own, self.radar = FeedSource(), FeedSource()
        self._ours = [flight("NOR", number) for number in range(OURS)]
        self._theirs = [flight("SUD", number + 60) for number in range(THEIRS)]
        self._strangers: list[tuple[Position, Position, datetime, float]] = []
        self._over = threading.Event()
        self._reporting = threading.Thread(target=self._report, daemon=True)

    def told(self, party: Party) -> None:
        """Whose the aircraft are, before the party's node starts."""
        theirs = ", ".join(f'"43d{number:03x}"' for number in range(THEIRS))
        with party.files.config_path.open("a") as settings:
            settings.write(f"\n[watch]\ntheir_aircraft = [{theirs}]\n")

    def watched_by(self, party: Party) -> None:
        """Make these the feeds of a party, beside one that nobody answers, and report from now on."""
        feeds = (("own-reports", self.own.port, True), ("coast-radar", self.radar.port, False), ("ferry", 9, False))
        told = feeds_toml(*((name, f"tcp://127.0.0.1:{port}", ours) for name, port, ours in feeds))
        (party.path / "feeds.toml").write_text(told)
        party.post("/reload")
        self._reporting.start()

    def crossed(self, number: int, in_s: float) -> None:
        """Let a stranger cross the way of one of ours, at its height, in so many seconds."""
        then = datetime.now(UTC) + timedelta(seconds=in_s)
        here, beyond = (place_of(self._ours[number], then + timedelta(seconds=s)) for s in (0.0, 30.0))
        aside = Position(
            here.latitude_deg + (beyond.longitude_deg - here.longitude_deg) * math.cos(math.radians(here.latitude_deg)),
            here.longitude_deg - (beyond.latitude_deg - here.latitude_deg) / math.cos(math.radians(here.latitude_deg)),
        )
        self._strangers.append((here, aside, then, level_m_of(self._ours[number])))

    def _report(self) -> None:
        while not self._over.wait(1.0):
            now = datetime.now(UTC)
            for kind, feed, plans in (("43c", self.own, self._ours), ("43d", self.radar, self._theirs)):
                flown = [(number, plan) for number, plan in enumerate(plans) if plan.time.start < now < plan.time.end]
                feed.send(
                    report(
                        f"{kind}{number:03x}", plan.plan_id, place_of(plan, now),
                        place_of(plan, now + timedelta(seconds=30)), level_m_of(plan), 120.0,
                    )
                    for number, plan in flown
                )  # fmt: skip
            strangers = []
            for number, (here, aside, then, level_m) in enumerate(self._strangers):
                place, ahead = (between(here, aside, (now - then) / HALF_MINUTE + k) for k in (0, 1))
                strangers.append(report(f"43e{number:03x}", "", place, ahead, level_m, 4_500.0))
            self.radar.send(strangers)

    def close(self) -> None:
        """Fly no more."""
        self._over.set()
        self._reporting.join()
        for feed in (self.own, self.radar):
            feed.close()


def between(here: Position, there: Position, share: float) -> Position:
    """The place so far along the way from one place to another, or beyond it."""
    return Position(
        here.latitude_deg + share * (there.latitude_deg - here.latitude_deg),
        here.longitude_deg + share * (there.longitude_deg - here.longitude_deg),
    )


def place_of(plan: Plan, at: datetime) -> Position:
    """Where a plan has its aircraft at a time; a moment after its end it flies straight on."""
    assert isinstance(plan.intent, Trajectory)
    points = plan.intent.waypoints
    k = max(k for k in range(len(points) - 1) if k == 0 or points[k].time <= at)
    share = (at - points[k].time) / (points[k + 1].time - points[k].time)
    return between(points[k].position, points[k + 1].position, share)


def level_m_of(plan: Plan) -> float:
    """The height of a plan that is level."""
    assert isinstance(plan.intent, Trajectory)
    return plan.intent.waypoints[0].altitude.value * 30.48


def report(
    address: str, callsign: str, here: Position, ahead: Position, level_m: float, error_m: float
) -> dict[str, Any]:
    """What a feed says of an aircraft that will be `ahead` in half a minute."""
    north = (ahead.latitude_deg - here.latitude_deg) * 111_320.0
    east = (ahead.longitude_deg - here.longitude_deg) * 111_320.0 * math.cos(math.radians(here.latitude_deg))
    return {
        "address": address, "callsign": callsign, "latitude_deg": here.latitude_deg,
        "longitude_deg": here.longitude_deg, "at_s": time.time(), "source": "adsb" if callsign else "radar",
        "pressure_altitude_m": level_m, "ground_speed_mps": math.hypot(north, east) / 30.0,
        "track_deg": math.degrees(math.atan2(east, north)) % 360.0, "vertical_speed_mps": 0.0,
        "horizontal_error_m": error_m, "vertical_error_m": 60.0, "integrity_m": 200.0, "integrity_level": 3,
    }  # fmt: skip


def opened(browser: Browser, party: Party, *, language: str = "en", day: bool = False) -> Page:
    """The console of a party."""
    context = browser.new_context(viewport=SIZE, locale=language)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    name = f"officer{len(party.get('/people'))}"
    party.post("/people", {"name": name, "role": "authority", "posts": ["watch", "command"]})
    page.goto(party.post(f"/people/{name}/link")["link"])
    page.locator("button").click()
    page.locator(".connection:not(.lost)").wait_for()
    page.locator(".peer.live").wait_for()
    if day:
        page.locator("header button[aria-pressed]").click()
    page.wait_for_timeout(3000)
    return page


def view(page: Page, number: int) -> None:
    """Choose one of the views on the right."""
    page.locator("nav button").nth(number).click()
    page.wait_for_timeout(1500)


def conflict(page: Page) -> None:
    """The first conflict, with its cheapest measure as a ghost."""
    page.locator(".panel button.card").first.click()
    page.locator(".measure button").first.click()


PICTURES: dict[str, tuple[int, str, bool, int, Callable[[Page], None] | None]] = {
    "console": (0, "en", False, 0, conflict),
    "console-messages": (0, "en", False, 1, lambda page: page.get_by_text("An aircraft is near").first.click()),
    "console-areas": (1, "en", True, 3, None),
    "console-known": (0, "fr", False, 7, None),
    "console-accord": (0, "en", True, 5, lambda page: page.locator("section button[aria-pressed]").first.click()),
    "console-journal": (1, "ru", False, 9, None),
}
"""Each picture: whose console, its language, day or night, the view, and what is done there."""


def main() -> None:
    """Make every picture."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        with two_parties(Path(folder) / "nodes", start=False) as parties, closing(Sky()) as sky:
            sky.told(parties[0])
            for party in parties:
                party.start()
            set_the_scene(*parties)
            for name, (whose, language, day, number, act) in PICTURES.items():
                page = opened(browser, parties[whose], language=language, day=day)
                view(page, number)
                if act is not None:
                    act(page)
                keep(page, name)
            live(browser, sky, *parties)
            parties[0].post("/line/stop", {})
            page = opened(browser, parties[1], language="ar", day=True)
            page.locator(".alarm").wait_for()
            keep(page, "console-stop")
            browser.close()


def live(browser: Browser, sky: Sky, north: Party, south: Party) -> None:
    """What is really in the air, and a stranger who comes near one of ours."""
    altitude = {"lower": metres(0), "upper": metres(20_000)}
    volume = {"kind": "volume", "area": circle(34.6, 20.5, 420_000.0), "altitude": altitude, "time": window(-1, 180)}
    south.post("/notices", {"notice_id": "crossings", "meaning": "our_aircraft_here", "volume": volume})
    sky.watched_by(north)
    page = opened(browser, north)
    page.locator(".legend", has_text="theirs now").wait_for()
    flown = [number for number in range(OURS) if (plan := flight("NOR", number)).time.start < NOW < plan.time.end]
    sky.crossed(flown[1], 100.0)
    page.locator(".card[data-alert=separation] button").first.click()
    for _ in range(3):
        page.get_by_label("Zoom out").click()
    page.locator(".card.corrective[data-alert=separation], .card.warning[data-alert=separation]").wait_for()
    keep(page, "console-live")


def keep(page: Page, name: str) -> None:
    """Write the picture and close the page."""
    page.wait_for_timeout(2500)
    with suppress(FileNotFoundError):
        (IMAGES / f"{name}.png").unlink()
    page.screenshot(path=IMAGES / f"{name}.png")
    page.context.close()
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
