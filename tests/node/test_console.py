"""The console in a real browser before two real nodes, by clicks and keys, as duty officers use it."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from console_officers import browser, officer, parties
from matching_parties import matching_parties, propose, until_over
from parties import TODAY, area_plan

from detente.feeds.geojson import write_geojson

__all__ = ["browser", "officer", "parties"]

pytestmark = pytest.mark.browser


def test_a_stop_is_held_not_clicked_and_counts_until_a_person_has_it(parties, officer):
    north, south = (officer(party) for party in parties)
    north.page.locator("button.stop").click()
    assert north.party.get("/line/messages") == []
    north.hold_stop()
    north.see(".sent .steps", "south")
    south.see(".alarm", "STOP")
    south.page.locator(".alarm .take").click()
    north.see(".sent .step.reached", "a person has it")
    south.page.locator(".alarm").wait_for(state="detached")


def test_a_stop_by_the_key_reaches_every_screen_of_the_other_side(parties, officer):
    north = officer(parties[0])
    screens = [officer(parties[1]) for _ in range(2)]
    north.page.keyboard.down("s")
    north.see(".sent")
    north.page.keyboard.up("s")
    for screen in screens:
        screen.see(".alarm", "Aircraft are in danger")
    screens[0].page.keyboard.press("Enter")
    for screen in screens:
        screen.page.locator(".alarm").wait_for(state="detached")


def test_a_stop_that_does_not_arrive_says_so_with_the_code_to_read_aloud(parties, officer):
    north = officer(parties[0])
    parties[1].kill()
    north.hold_stop()
    undelivered = north.see(".undelivered", "NOT DELIVERED – south")
    code = north.party.get("/line/messages/south/north:1")["voice_code"]
    assert code
    assert code in undelivered.inner_text()
    assert "Telephone watch: +41 22 730 5111" in undelivered.inner_text()


def test_a_node_that_is_lost_is_said_at_once_and_caught_up_without_a_reload(parties, officer):
    north, south = parties
    screen = officer(north)
    north.kill()
    screen.see(".stale", "NOT LIVE")
    north.start()
    south.imports(area_plan("THEIRS"))
    north.imports(area_plan("OURS"))
    screen.page.locator(".stale").wait_for(state="detached")
    screen.see(".panel .card", "north OURS – south THEIRS")


def test_a_node_that_says_nothing_any_more_is_said_though_its_connection_stands(parties, officer):
    north = parties[0]
    screen = officer(north)
    assert north.process is not None
    os.kill(north.process.pid, signal.SIGSTOP)
    try:
        screen.see(".stale", "NOT LIVE")
    finally:
        os.kill(north.process.pid, signal.SIGCONT)
    screen.page.locator(".stale").wait_for(state="detached")


@pytest.mark.parametrize(
    "lost",
    [
        "() => { OffscreenCanvasRenderingContext2D.prototype.isContextLost = () => true }",
        "() => { OffscreenCanvasRenderingContext2D.prototype.putImageData = () => { throw new Error('lost') } }",
        "() => self.close()",
    ],
)
def test_a_map_that_is_not_drawn_any_more_does_not_look_alive(parties, officer, lost):
    screen = officer(parties[0])
    screen.page.locator("canvas[data-drawn]").wait_for()
    (painter,) = screen.page.workers
    painter.evaluate(lost)
    screen.see(".stale", "PICTURE STALE")
    screen.faults[:] = [fault for fault in screen.faults if "lost" not in fault]


def test_a_page_that_asks_for_no_frames_any_more_does_not_look_alive(parties, officer):
    screen = officer(parties[0])
    screen.page.evaluate("() => { window.requestAnimationFrame = () => 0 }")
    screen.see(".stale", "PICTURE STALE")


def test_a_click_on_the_map_chooses_the_plan_that_is_there(parties, officer):
    parties[0].imports(area_plan("CLICKED"))
    screen = officer(parties[0])
    screen.page.goto(f"{parties[0].url}/console/#at={TODAY + timedelta(hours=2, minutes=5):%Y-%m-%dT%H:%MZ}")
    screen.see(".elsewhere")
    screen.drawn_anew()
    screen.page.locator("canvas[data-drawn]").click()
    screen.see("article", "CLICKED")


def test_a_link_shows_another_day_and_plays_it(parties, officer):
    screen = officer(parties[0])
    screen.page.goto(f"{parties[0].url}/console/#at=2015-09-13T08:30:00Z&speed=60")
    screen.see(".elsewhere", "2015-09-13")
    screen.see(".elsewhere", "NOT NOW")
    screen.see(".elsewhere", "08:31Z")
    screen.page.get_by_role("button", name="Now", exact=True).click()
    screen.page.locator(".elsewhere").wait_for(state="detached")


def test_a_conflict_is_settled_by_clicks_on_both_consoles(parties, officer):
    north, south = (officer(party) for party in parties)
    parties[0].imports(area_plan("OURS"))
    parties[1].imports(area_plan("THEIRS"))
    north.see(".panel button.card", "OURS").click()
    north.see(".measure button", "Show").click()
    north.drawn_anew()
    north.see(".measure button.first").click()
    south.see(".left .card", "north proposes a measure")
    south.see(".panel button.card", "OURS").click()
    south.see(".detail button.first", "Accept").click()
    for screen in (north, south):
        screen.see(".panel", "No open conflict.")
    assert parties[0].get("/conflicts")["open"] == []


def test_a_message_is_written_read_back_wrong_by_ear_and_then_right(parties, officer):
    north, south = (officer(party) for party in parties)
    north.view("Write")
    north.page.locator("section select").nth(1).select_option("aircraft_near_you")
    north.page.get_by_label("Degrees north").fill("35.33")
    north.page.get_by_label("Degrees east").fill("40.14")
    north.page.get_by_label("Height", exact=True).fill("10000")
    north.see("button.first:enabled", "Send").click()
    north.see("article", "An aircraft is near yours")
    south.see(".left button.first", "I have it").click()
    south.see("article", "An aircraft is near yours")
    south.page.get_by_text("Taken down by ear").click()
    south.page.get_by_label("Degrees north").fill("35.41")
    south.page.get_by_label("Degrees east").fill("40.14")
    south.page.get_by_label("Height", exact=True).fill("10000")
    south.see("button.first:enabled", "Read back what was written").click()
    north.see(".difference", "Where")
    south.see("button.first", "Read back what is held").click()
    north.see("article", "every figure is right")


def test_a_zone_is_drawn_countered_and_agreed(parties, officer):
    north, south = (officer(party) for party in parties)
    north.view("Areas")
    north.page.get_by_text("Draw a circle").click()
    box = north.page.locator(".map canvas").nth(1).bounding_box()
    north.page.mouse.move(box["x"] + 250, box["y"] + 200)
    north.page.mouse.down()
    north.page.mouse.move(box["x"] + 290, box["y"] + 200, steps=4)
    north.page.mouse.up()
    north.page.get_by_label("Name").fill("range-1")
    north.page.get_by_label("Height", exact=True).fill("1000")
    north.page.get_by_label("Upper height").fill("5000")
    north.see("button.first:enabled", "Propose").click()
    south.see(".left .card", "zone range-1")
    south.view("Areas")
    south.page.locator(".pending").get_by_text("Other terms").click()
    south.page.get_by_label("Upper height").fill("4000")
    south.see("button.first:enabled", "Propose").click()
    north.see(".pending", "4,000 ft").get_by_text("Accept").click()
    for party in parties:
        party.until(lambda party=party: party.get("/zones")[0]["standing"] == "agreed", "agreed")
    south.see(".card strong", "agreed")


def test_a_node_without_plans_leads_to_a_file_that_is_dropped_in(parties, officer):
    screen = officer(parties[0])
    screen.see(".left .card", "First steps").get_by_role("button", name="Plans").click()
    file = screen.page.locator("input[type=file]")
    file.set_input_files({"name": "harbour.kml", "mimeType": "text/plain", "buffer": b"<kml><Placemark>"})
    screen.see(".refused", "harbour.kml")
    assert parties[0].get("/plans") == []
    content = write_geojson((area_plan("DROPPED-1"), area_plan("DROPPED-2", east_deg=1.0)))
    file.set_input_files({"name": "harbour.geojson", "mimeType": "application/json", "buffer": content})
    screen.see("[role=status]", "2 new")
    screen.page.get_by_label("Party or name").fill("dropped-2")
    screen.see("section button.card", "DROPPED-2").click()
    screen.see("article", "DROPPED-2")
    screen.page.locator(".left .card", has_text="First steps").wait_for(state="detached")


def test_a_file_dropped_on_the_map_is_read_as_one_that_was_chosen_is(parties, officer):
    screen = officer(parties[0])
    files = {
        "harbour.kml": b"<kml><Placemark>",
        "harbour.geojson": write_geojson((area_plan("DROPPED-1"),)),
    }
    for name, content in files.items():
        dropped = screen.page.evaluate_handle(
            "([name, text]) => { const all = new DataTransfer(); all.items.add(new File([text], name)); return all }",
            [name, content.decode()],
        )
        screen.page.locator(".map canvas").nth(1).dispatch_event("drop", {"dataTransfer": dropped})
        screen.see(".refused", name) if name.endswith("kml") else screen.see("[role=status]", "1 new")
    screen.see("section button.card", "DROPPED-1")


def test_the_journal_is_searched_and_an_entry_kept_with_its_proof(parties, officer):
    screen = officer(parties[0])
    parties[0].imports(area_plan("LOOKED-FOR"))
    screen.view("Journal")
    screen.page.get_by_label("Text in it").fill("looked-for")
    screen.page.get_by_role("button", name="Look", exact=True).click()
    screen.see("section button.card", "LOOKED-FOR").click()
    screen.see(".card.chosen pre", "previous_hash")
    with screen.page.expect_download() as kept:
        screen.page.get_by_text("Keep as a file").click()
    assert "LOOKED-FOR" in Path(kept.value.path()).read_text()


def test_a_private_match_has_a_map_of_what_each_side_knows_after_it(tmp_path, officer):
    with matching_parties(tmp_path) as (north, south):
        north.imports(area_plan("OURS"), area_plan("FAR", 3.0))
        south.imports(area_plan("THEIRS"))
        until_over(north, propose(north, south))
        screen = officer(north)
        screen.view("Private match")
        for button, hint in (("what we know", "what we know"), ("what they know", "what they know")):
            screen.see("section button", button).click()
            screen.see(".hint", hint)
        screen.drawn_anew()
        screen.page.locator("canvas[data-drawn]").click()
        screen.see(".map .hint", "what they know")
        screen.view("Plans")
        screen.page.locator(".map .hint").wait_for(state="detached")


def test_joint_statistics_are_computed_by_clicks_and_equal_on_both_sides(parties, officer):
    north, south = (officer(party) for party in parties)
    for screen in (north, south):
        screen.view("Statistics")
    north.page.get_by_role("button", name="Compute with them").click()
    for screen in (north, south):
        screen.see("section .card", "equal on both sides")


def test_a_private_match_that_the_accord_does_not_name_is_not_offered(parties, officer):
    screen = officer(parties[0])
    screen.view("Private match")
    screen.see("section", "No run can be begun from here")
    assert screen.page.get_by_role("button", name="Begin a run").count() == 0


def test_an_observer_sees_every_view_and_is_offered_no_act(parties, officer):
    north, south = parties
    north.imports(area_plan("OURS"))
    south.imports(area_plan("THEIRS"))
    south.post("/line/stop", {})
    screen = officer(north, role="observer")
    screen.see(".alarm", "STOP")
    screen.see(".left .card", "Aircraft are in danger")
    screen.see(".panel button.card", "OURS").click()
    screen.page.keyboard.press("Enter")
    for view in screen.page.locator("nav button").all_inner_texts():
        screen.view(view)
        # The looks that change nothing are all that there is.
        acts = screen.page.locator("button.stop, button.take, main button.first").all_inner_texts()
        assert [act for act in acts if act != "Look"] == [], view
    assert "Write" not in " ".join(screen.page.locator("nav button").all_inner_texts())
    assert all(one["taken_by"] is None for one in north.get("/line/messages"))


def test_an_officer_acts_at_his_own_posts_alone(parties, officer):
    south = parties[1]
    south.post("/line/messages", {"peer": "north", "code": "radio_check"})
    north = officer(parties[0], "senior", "kitchen", role="duty_officer")
    assert north.page.get_by_label("Post").locator("option").all_inner_texts() == ["senior"]
    north.see(".left button.first", "I have it").click()
    south.until(lambda: [one["taken_by"] for one in south.get("/line/messages")] == ["senior"], "taken by senior")
    north.view("Hand-over")
    north.see("section", "Nobody keeps watch at senior.")


def test_what_the_other_side_knows_is_drawn_from_what_it_was_told_alone(parties, officer):
    north = officer(parties[0])
    parties[0].imports(area_plan("OURS"))
    north.view("They know")
    north.see("td", "OURS")
    north.see(".hint", "The map shows what they know")


def test_what_a_peer_writes_runs_nothing_and_turns_nothing_around(parties, officer):
    north, south = (officer(party) for party in parties)
    parties[0].imports(area_plan("OURS"))
    parties[1].imports(area_plan("THEIRS"))
    parties[0].until(lambda: parties[0].get("/conflicts")["open"], "finds the conflict")
    (conflict,) = [one["conflict"]["conflict_id"] for one in parties[0].get("/conflicts")["open"]]
    proposed = parties[0].post("/measures", {"conflict_id": conflict})
    hostile = "<img src=x onerror=alert(1)>{open}" + "W" * 240
    parties[1].until(lambda: parties[1].get("/measures"), "told")
    turned = parties[1].ask("POST", f"/measures/{proposed['measure_id']}/refuse", {"reason": "\u202eturned"})
    assert turned.status == 400
    parties[1].post(f"/measures/{proposed['measure_id']}/refuse", {"reason": hostile})
    north.see(".panel button.card", "OURS").click()
    north.see(".detail .card", "<img src=x")
    assert north.page.locator(".detail img").count() == 0
    assert north.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert south.page.locator(".map canvas").first.is_visible()


@pytest.mark.parametrize(("code", "direction"), [("en", "ltr"), ("fr", "ltr"), ("ru", "ltr"), ("ar", "rtl")])
def test_every_view_is_there_in_every_language_and_for_those_who_do_not_see_it(parties, officer, code, direction):
    from axe_playwright_python.sync_playwright import Axe

    parties[0].imports(area_plan("OURS"))
    parties[1].imports(area_plan("THEIRS"))
    parties[1].post("/line/stop", {})
    north = officer(parties[0])
    north.page.locator("header select").last.select_option(code)
    assert north.page.evaluate("document.documentElement.dir") == direction
    for theme in ("night", "day"):
        for number in range(north.page.locator("nav button").count()):
            north.page.locator("nav button").nth(number).click()
            for sheet in north.page.locator("section button[aria-pressed=false]").all():
                sheet.click()
            found = Axe().run(north.page)
            assert found.violations_count == 0, f"{theme}, view {number}: {found.generate_report()}"
        north.page.locator("header button[aria-pressed]").click()


@pytest.mark.long
def test_a_whole_day_in_fast_motion_leaves_the_heap_as_it_was(parties, officer):
    north, south = parties
    screen = officer(north)
    north.imports(*(area_plan(f"OURS-{k}", east_deg=k * 0.3, start_s=1800.0 * k) for k in range(-10, 10)))
    session = screen.page.context.new_cdp_session(screen.page)
    session.send("Performance.enable")

    def heap_bytes() -> float:
        session.send("HeapProfiler.collectGarbage")
        rows = session.send("Performance.getMetrics")["metrics"]
        return next(row["value"] for row in rows if row["name"] == "JSHeapUsedSize")

    def shown() -> str:
        return screen.page.locator("input[type=range]").get_attribute("aria-valuetext") or ""

    start = TODAY - timedelta(hours=12)
    screen.page.evaluate(f"() => {{ location.hash = '#at={start:%Y-%m-%dT%H:%M:%SZ}&speed=1800' }}")
    hour = timedelta(hours=1)
    before = 0.0
    for number in range(1, 25):
        until = f"{start + number * hour:%Y-%m-%d %H:%MZ}"
        while shown() < until:
            screen.page.wait_for_timeout(100)
        south.imports(area_plan(f"THEIRS-{number % 6}", east_deg=(number % 6) * 0.3, start_s=600.0 * number))
        before = before or heap_bytes() * (number == 3)
    assert heap_bytes() - before < 5e6
