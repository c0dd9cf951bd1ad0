"""The twenty-seven minutes, as in `detente rehearse`, by clicks on both parties' consoles before two real nodes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from console_officers import browser, officer
from parties import two_parties

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.feeds.geojson import write_geojson
from detente.rehearsal.terms import PLACE, safety_accord

__all__ = ["browser", "officer"]

pytestmark = pytest.mark.browser
NINE_KM_EAST_DEG = 0.1129


def field(screen, name):
    return screen.page.locator("fieldset", has_text=name)


def fill_place(screen, longitude_deg):
    where = field(screen, "Where")
    where.get_by_label("Degrees north").fill(str(PLACE.latitude_deg))
    where.get_by_label("Degrees east").fill(str(longitude_deg))


def fill_area(screen, longitude_deg, window):
    fill_place(screen, longitude_deg)
    radius, heights, times = (field(screen, name) for name in ("Radius", "Heights", "Window"))
    radius.get_by_label("Distance").fill("10")
    radius.get_by_label("Unit").select_option("km")
    heights.get_by_label("Height", exact=True).fill("10000")
    heights.get_by_label("Upper height").fill("11000")
    times.get_by_label("From").fill(f"{window.start:%Y-%m-%dT%H:%M}")
    times.get_by_label("To").fill(f"{window.end:%Y-%m-%dT%H:%M}")


def write(screen, code):
    screen.view("Write")
    screen.page.locator("section select").nth(1).select_option(code)


def message_of(party, peer, code):
    return next(one for one in party.get(f"/line/messages?peer={peer}") if one["code"] == code)


@pytest.fixture
def crews(tmp_path, officer):
    """Alder's watch and its senior, and birch's watch, each before a console; the accord is the rehearsal's."""
    with two_parties(tmp_path, names=("alder", "birch"), start=False) as (alder, birch):
        for party in (alder, birch):
            party.configure(safety_accord("rehearsal", alder, birch))
            party.begin()
        for party in (alder, birch):
            party.wait()
        screens = officer(alder, "watch"), officer(alder, "senior"), officer(birch, "watch")
        for screen in screens:
            screen.view("Hand-over")
            screen.page.get_by_label("Name of the shift").fill("day")
            screen.see("button.first:enabled", "Take the watch").click()
            screen.see("section button", "Leave the watch")
        yield screens


def test_the_twenty_seven_minutes_are_played_by_clicks_on_both_consoles(crews):
    watch, senior, caller = crews
    alder, birch = watch.party, caller.party
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    window = TimeWindow(begin, begin + timedelta(hours=1))
    band = AltitudeBand(*(Altitude(feet, AltitudeUnit.FOOT, MeanSeaLevel()) for feet in (10_000.0, 11_000.0)))
    survey = Plan("survey-1", (Volume4D(Circle(PLACE, 10_000.0), band, window),))

    # A plan from a file; then the same place over the line, which birch writes down by ear, 9 km off.
    watch.view("Plans")
    watch.page.locator("input[type=file]").set_input_files(
        {"name": "survey.geojson", "mimeType": "application/json", "buffer": write_geojson((survey,))}
    )
    watch.see("[role=status]", "1 new")
    watch.see("section button.card", "survey-1").click()
    watch.see("article button", "Being flown").click()
    write(watch, "our_aircraft_here")
    fill_area(watch, PLACE.longitude_deg, window)
    watch.see("button.first:enabled", "Send").click()
    caller.see(".left .card button", "Open").click()
    caller.see("article button", "Taken down by ear").click()
    fill_area(caller, round(PLACE.longitude_deg + NINE_KM_EAST_DEG, 4), window)
    caller.see("button.first:enabled", "Read back what was written").click()
    for screen in (watch, caller):
        screen.see(".difference", "Where")
        assert screen.page.locator(".difference").count() == 1
    assert message_of(birch, "alder", "our_aircraft_here")["taken_by"] is None
    fill_place(caller, PLACE.longitude_deg)
    caller.see("button.first:enabled", "Read back what was written").click()
    for screen in (watch, caller):
        screen.see("article", "every figure is right")
    caller.see("article button.first", "I have it").click()

    # Birch warns. Alder's watch, whom birch knows, is away; the next post is called, and has it.
    write(caller, "turn_away")
    fill_place(caller, PLACE.longitude_deg)
    field(caller, "Height").get_by_label("Height", exact=True).fill("10500")
    caller.page.get_by_label("Degrees true").fill("270")
    caller.see("button.first:enabled", "Send").click()
    called = re.compile("with (senior|command)")
    card = senior.page.locator(".left .card.safety", has_text=called)
    card.wait_for()
    card.locator("button.first").click()
    caller.see("article", "a person has it")
    assert message_of(birch, "alder", "turn_away")["delivery"]["post"] == "senior"

    # Nobody is at the first post. STOP is on every screen; the senior has it, passes it on, and the flight ends.
    watch.view("Hand-over")
    watch.see("section button", "Leave the watch").click()
    watch.see("section", "Nobody keeps watch at watch.")
    caller.hold_stop()
    for screen in (watch, senior):
        screen.see(".alarm", "STOP · birch")
    senior.page.locator(".alarm .take").click()
    caller.see(".sent .step.reached", "a person has it")
    for screen in (watch, senior):
        screen.page.locator(".alarm").wait_for(state="detached")
    senior.view("Messages")
    senior.see("section button.card", "Aircraft are in danger").click()
    senior.page.get_by_label("passed on to").fill("controllers")
    senior.page.get_by_role("button", name="Passed on", exact=True).click()
    senior.see("article li", "passed on")
    senior.view("Plans")
    senior.see("section button.card", "survey-1").click()
    senior.see("article button", "Flown").click()
    stop = message_of(alder, "birch", "stop")["message_id"]
    birch.until(
        lambda: {"passed_on", "displayed"} <= {one["kind"] for one in message_of(birch, "alder", "stop")["receipts"]},
        "heard that it was passed on",
    )
    birch.until(lambda: birch.get("/plans/alder/survey-1")["state"] == "ended", "heard that the flight is over")
    assert message_of(birch, "alder", "stop")["message_id"] == stop
    assert message_of(birch, "alder", "stop")["delivery"]["post"] == "senior"
