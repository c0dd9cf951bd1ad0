"""What the console's map draws besides plans and zones: boundaries that were loaded, symbols as the officer likes."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import numpy as np
import pytest
from console_officers import Officer, browser, launched, officer, parties
from matplotlib import image
from parties import TODAY, area_plan
from test_map_boundaries import FILE

from detente.airspace.altitude import Altitude, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.settings.map_boundaries import remove_boundaries

__all__ = ["browser", "officer", "parties"]

pytestmark = pytest.mark.browser

LEGEND_PX = 60
FRIENDLY, NEUTRAL, HOSTILE = (128, 224, 255), (170, 255, 170), (255, 128, 128)
"""The fills of APP-6 and MIL-STD-2525."""


def pixels(screen):
    """The map above its legend, as it is drawn now."""
    screen.drawn_anew()
    box = screen.page.locator("canvas[data-drawn]").bounding_box()
    clip = {**box, "height": box["height"] - LEGEND_PX}
    shot = image.imread(io.BytesIO(screen.page.screenshot(clip=clip)), format="png")
    return np.rint(shot[:, :, :3] * 255).astype(int)


def count(found, colour) -> int:
    return int((found == colour).all(axis=2).sum())


def test_boundaries_are_added_named_on_the_map_and_removed(parties, officer):
    parties[0].imports(area_plan("OURS"))
    screen = officer(parties[0])
    screen.view("Settings")
    screen.see("h2", "Boundaries on the map")
    plain = pixels(screen)
    chooser = screen.page.locator("section input[type=file]")
    chooser.set_input_files({"name": "firs.kml", "mimeType": "text/xml", "buffer": b"<kml><Placemark>"})
    screen.see(".refused", "firs.kml")
    name = b"HARBOUR \\u202eFIR " + b"x" * 50_000
    hostile = FILE.replace(b"HARBOUR FIR", name)
    assert json.loads(hostile)
    chooser.set_input_files({"name": "firs.geojson", "mimeType": "application/json", "buffer": hostile})
    screen.see("[role=status]", "firs is on the map: 1 lines")
    screen.see(".legend .boundaries", "HARBOUR")
    shown = screen.page.locator(".legend .boundaries").inner_text()
    assert "\u202e" not in shown
    assert len(shown) < 70
    assert (pixels(screen) != plain).any()
    screen.page.reload()
    screen.see(".legend .boundaries", "HARBOUR")
    screen.view("Settings")
    screen.page.get_by_role("button", name="Remove", exact=True).click()
    screen.page.locator(".legend .boundaries").wait_for(state="detached")
    assert parties[0].get("/map/boundaries") == []


def test_boundaries_that_come_from_elsewhere_show_without_a_reload(parties, officer):
    north, _ = parties
    north.imports(area_plan("OURS"))
    screen = officer(north)
    screen.view("Settings")
    screen.see("p", "None are carried, of FIRs neither")
    assert north.ask("POST", "/map/boundaries?file=firs.geojson", FILE).status == 200
    screen.see(".legend .boundaries", "HARBOUR")
    remove_boundaries(north.path, "firs")
    screen.page.locator(".legend .boundaries").wait_for(state="detached")


def test_that_there_is_no_sound_is_said_until_somebody_touches_the_page(parties):
    with launched("--autoplay-policy=document-user-activation-required") as plain:
        screen = Officer(plain.new_page(), parties[0])
        screen.open("authority", ("watch",))
        screen.page.reload()
        said = screen.page.get_by_role("status").filter(has_text="SOUND IS OFF")
        said.wait_for()
        screen.page.keyboard.press("a")
        said.wait_for(state="detached")
        assert not screen.faults


def eastward(plan_id: str, north_deg: float, aircraft_class: str) -> Plan:
    """Along a parallel, from an hour ago until in two hours."""
    level = Altitude(3000.0, AltitudeUnit.METRE, MeanSeaLevel())
    points = (Waypoint(Position(north_deg, 20.0 + 0.4 * k), level, TODAY + timedelta(hours=k - 1)) for k in range(4))
    return Plan(plan_id, Trajectory(tuple(points), Containment(100.0, 30.0, 10.0)), aircraft_class)


def test_aircraft_are_plain_or_as_the_standards_draw_them_and_never_hostile(parties, officer):
    north, south = parties
    north.imports(eastward("OURS-1", 34.0, "crewed"), eastward("OURS-2", 34.5, "drone"))
    south.imports(eastward("THEIRS-1", 35.0, "crewed"), eastward("THEIRS-2", 35.5, "drone"))
    north.until(lambda: len(north.get("/plans")) == 4, "told")
    screen = officer(north)
    screen.view("Plans")
    screen.see("section button.card", "THEIRS-2")
    found = pixels(screen)
    assert not any(count(found, colour) for colour in (FRIENDLY, NEUTRAL, HOSTILE))
    screen.view("Settings")
    screen.page.get_by_label("Symbols").select_option(label="APP-6 / MIL-STD-2525")
    screen.see(".legend", "◠")
    # What draws them comes in a file of its own, within some of the frames.
    found = next(shot for shot in (pixels(screen) for _ in range(60)) if count(shot, FRIENDLY))
    assert count(found, NEUTRAL)
    assert not count(found, HOSTILE)
    screen.page.get_by_label("Symbols").select_option(label="Plain")
    assert not count(pixels(screen), FRIENDLY)
