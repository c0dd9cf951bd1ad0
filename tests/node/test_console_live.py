"""The live picture and the alerts of the console, in a real browser before a real node with real feeds."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_officers import browser, officer
from feed_source import FeedSource, feeds_toml, flying
from parties import Party, two_parties

__all__ = ["browser", "officer"]

pytestmark = pytest.mark.browser

METRES_A_DEGREE = 111_320.0
EVERY_S = 0.5
TURNED = "\u202eTURNED" + "W" * 80


class Sky:
    """Aircraft that fly straight along a parallel, and the feeds that report them until they are told to stop."""

    def __init__(self) -> None:
        self.own, self.radar = FeedSource(), FeedSource()
        self.flights: list[tuple[FeedSource, str, float, float, dict[str, Any]]] = []
        self.over = threading.Event()
        self._began = time.time()
        threading.Thread(target=self._report, daemon=True).start()

    def fly(self, feed: FeedSource, address: str, east_deg: float, speed_mps: float, **more: Any) -> None:
        """Report this aircraft from now on: `speed_mps` eastward (negative: westward) from a place at this time."""
        began_deg = east_deg - _degrees(speed_mps, time.time() - self._began)
        self.flights.append((feed, address, began_deg, speed_mps, more))

    def _report(self) -> None:
        while not self.over.wait(EVERY_S):
            flown_s = time.time() - self._began
            for feed, address, east_deg, speed_mps, more in list(self.flights):
                place_deg = east_deg + _degrees(speed_mps, flown_s)
                course = {"ground_speed_mps": abs(speed_mps), "track_deg": 90.0 if speed_mps > 0 else 270.0}
                feed.send([flying(address, 34.0, place_deg, **course, **more)])

    def close(self) -> None:
        self.over.set()
        for feed in (self.own, self.radar):
            feed.close()


def _degrees(speed_mps: float, for_s: float) -> float:
    return speed_mps * for_s / (METRES_A_DEGREE * math.cos(math.radians(34.0)))


@pytest.fixture
def sky() -> Iterator[Sky]:
    found = Sky()
    yield found
    found.close()


@pytest.fixture
def north(tmp_path: Path, sky: Sky) -> Iterator[Party]:
    with two_parties(tmp_path / "nodes", start=False, names=("EXERCISE-north", "EXERCISE-south")) as (party, _):
        feeds = [("own", sky.own.port, True), ("radar", sky.radar.port, False)]
        where = [(name, f"tcp://127.0.0.1:{port}", ours) for name, port, ours in feeds]
        (party.path / "feeds.toml").write_text(feeds_toml(*where))
        with party.files.config_path.open("a") as settings:
            settings.write("\n[watch]\nkeep_days = 0\n")
        party.start()
        yield party


def test_a_track_appears_moves_and_looks_old_when_its_feed_stops(north, sky, officer):
    sky.fly(sky.own, "43c6f1", 20.0, 200.0, callsign="KILO1")
    screen = officer(north)
    screen.see(".legend", "ours now: 1")
    screen.see(".feeds", "feeds")
    screen.see(".band", "EXERCISE")
    screen.drawn_anew()
    # The map shows all that there is: one aircraft, in its middle.
    screen.page.get_by_label("Show all plans").click()
    screen.drawn_anew()
    screen.page.locator("canvas[data-drawn]").click()
    card = screen.see("article", "KILO1")
    for shown in ("43c6f1", "9,8", "3,0", "389 kt · 720 km/h, 090°", "own", "ADS-B"):
        assert shown in card.inner_text()
    place = card.locator("td").nth(1)
    before = place.inner_text().splitlines()[0]
    place.filter(has_not_text=before).wait_for()
    sky.over.set()
    screen.see("article td.warning-text", "not heard now, carried on")
    screen.see(".feeds.none")
    screen.see(".legend", "NO FEED IS HEARD")


def test_an_alert_is_counted_down_taken_by_key_and_ends(north, sky, officer):
    screen = officer(north)
    screen.see(".feeds")
    sky.fly(sky.own, "43c6f1", 20.0, 250.0, callsign="KILO1")
    sky.fly(sky.radar, "43c6f2", 20.25, -250.0, callsign=TURNED)
    card = screen.see(".card[data-alert=separation]")
    assert "KILO1" in card.inner_text()
    assert "\u202e" not in card.inner_text()
    assert "FT" in card.inner_text().upper()

    def taken() -> bool:
        """The key takes the first that waits: whatever else these two are about goes before or after."""
        screen.page.keyboard.press("Enter")
        found = [one["taken_by"] for one in north.get("/watch/alerts") if one["alert"]["kind"] == "separation"]
        return found == ["watch"]

    north.until(taken, "has an alert taken")
    screen.see(".card.taken[data-alert=separation]", "watch has it")
    screen.page.locator(".card[data-alert=separation]").get_by_role("button", name="Safety call").click()
    screen.see(".panel .card", "34.0")
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screen.page.locator(".card[data-alert=separation]").wait_for(state="detached")


def test_tracks_that_come_no_more_do_not_look_alive(north, sky, officer):
    sky.fly(sky.own, "43c6f1", 20.0, 200.0)
    screen = officer(north)
    screen.see(".legend", "ours now: 1")
    (painter,) = screen.page.workers
    painter.evaluate("() => { self.fetch = () => new Promise(() => {}) }")
    screen.see(".stale", "no live tracks come")
    screen.see(".legend", "live tracks are")


@pytest.mark.parametrize("code", ["en", "fr", "ru", "ar"])
def test_what_is_live_can_be_read_in_every_language_by_those_who_do_not_see_it(north, sky, officer, code):
    from axe_playwright_python.sync_playwright import Axe

    sky.fly(sky.own, "43c6f1", 20.0, 120.0, callsign="KILO1")
    sky.fly(sky.radar, "43c6f2", 20.3, -120.0, callsign="LIMA2")
    screen = officer(north)
    screen.page.locator("header select").last.select_option(code)
    screen.see(".card[data-alert=separation]", "KILO1").get_by_role("button").first.click()
    screen.page.locator(".card[data-alert=separation] button", has_text="LIMA2").click()
    screen.see("article", "LIMA2")
    screen.page.locator("nav button").nth(10).click()
    screen.see("section input").fill("lima")
    screen.see("section button.card.chosen", "LIMA2")
    for _theme in ("night", "day"):
        found = Axe().run(screen.page)
        assert found.violations_count == 0, found.generate_report()
        screen.page.locator("header button[aria-pressed]").click()
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
