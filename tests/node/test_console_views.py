"""The console's printed sheets, settings and marks of an exercise, in a real browser before real nodes."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from console_officers import browser, officer, parties
from parties import TODAY, area_plan, two_parties

from detente.rehearsal.california import MATCHING, NOBODYS_NUMBERS, simple_accord

__all__ = ["browser", "officer", "parties"]

pytestmark = pytest.mark.browser


def printed_pages(screen) -> int:
    """How many pages Chromium prints the view on."""
    return len(re.findall(rb"/Type\s*/Page\b", screen.page.pdf(prefer_css_page_size=True)))


@pytest.fixture
def demo_parties(tmp_path):
    """Two nodes under the terms of the demo."""
    with two_parties(tmp_path, start=False) as found:
        traffic = SimpleNamespace(accord_name="california-day", day=TODAY, matching=MATCHING)
        for party in found:
            party.configure(simple_accord(*found, traffic), automatic=False)
            party.begin()
        for party in found:
            party.wait()
        yield found


def test_an_accord_is_printed_whole_on_two_pages_in_the_reader_s_language(demo_parties, officer):
    screen = officer(demo_parties[0])
    screen.view("Accord")
    screen.see("section button", "Terms in words").click()
    sheet = screen.see(".sheet")
    text = sheet.inner_text()
    (accord,) = demo_parties[0].get("/accords")
    for said in (accord["accord_hash"], *NOBODYS_NUMBERS, *(party.key.public.hex() for party in demo_parties)):
        assert said in text
    for said in ("9,260 m (5 NM)", "A line check in each direction, at least every", "bits told in thirty days"):
        assert said in text
    for code in ("en", "fr", "ru", "ar"):
        screen.page.locator("header select").last.select_option(code)
        assert 1 <= printed_pages(screen) <= 2, code
        # Nothing is left without words: a term's own name is no text.
        assert not re.findall(r"\w+\.\w+_\w+", sheet.inner_text()), code


def test_a_hand_over_sheet_is_one_page(parties, officer):
    screen = officer(parties[0])
    screen.view("Hand-over")
    screen.see("section", "Taken over by")
    assert printed_pages(screen) == 1


def test_settings_are_kept_and_change_what_is_shown(parties, officer):
    north, south = parties
    screen = officer(north)
    north.imports(area_plan("OURS"))
    south.imports(area_plan("THEIRS"))
    screen.see(".panel .card", "ft ·")
    screen.view("Settings")
    screen.page.get_by_label("Units shown first").select_option(label="Metres and kilometres")
    screen.page.get_by_label("Colours").select_option(label="Day")
    screen.page.reload()
    screen.see(".panel .card", "m ·")
    assert screen.page.evaluate("document.documentElement.classList.contains('day')")
    screen.see("header", "live, no exercise")


def test_a_session_elsewhere_is_ended_and_then_one_s_own(parties, officer):
    north = parties[0]
    screen = officer(north)
    elsewhere = north.session("officer0")
    screen.view("Settings")
    screen.see("section td", "officer0")
    screen.see("section .card", "this one")
    screen.page.get_by_role("button", name="End", exact=True).click()
    screen.page.get_by_role("button", name="End", exact=True).wait_for(state="detached")
    assert north.ask("GET", "/me", token=elsewhere).status == 401
    screen.page.get_by_role("button", name="Sign out").click()
    screen.see(".sign-in", "Sign in")


def test_an_exercise_is_marked_on_the_screen_and_on_its_messages(tmp_path, officer):
    with two_parties(tmp_path, names=("EXERCISE-north", "EXERCISE-south")) as (north, south):
        south.post("/line/messages", {"peer": north.name, "code": "radio_check"})
        screen = officer(north)
        screen.see(".band", "EXERCISE · EXERCISE-north · EXERCISE")
        screen.see(".left .card", "EXERCISE – ")
        assert north.get("/status")["exercise"]
