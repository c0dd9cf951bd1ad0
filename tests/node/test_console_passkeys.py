"""Passkeys in a real browser, with the device that Chromium has for tests: added, used and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_officers import PATIENCE_MS, browser
from parties import Party, two_parties

__all__ = ["browser"]

pytestmark = pytest.mark.browser

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def north(tmp_path: Path) -> Iterator[Party]:
    with two_parties(tmp_path) as (north, _):
        yield north


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page before a device of its own. At the end nothing has gone wrong in it."""
    context = browser.new_context(locale="en")
    found, faults = context.new_page(), []
    found.set_default_timeout(PATIENCE_MS)
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    devices = context.new_cdp_session(found)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield found
    context.close()
    assert faults == []


def test_a_person_adds_a_passkey_signs_in_with_it_and_removes_it(north: Party, page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    north.post("/people", {"name": "anna", "role": "duty_officer", "posts": ["watch"]})
    page.goto(north.post("/people/anna/link")["link"].replace("127.0.0.1", "localhost"))
    page.locator("button").click()
    page.wait_for_url("**/console/")
    page.locator("nav button", has_text="Settings").click()
    page.get_by_label("Name of the new passkey").fill("laptop")
    page.keyboard.press("Enter")
    page.locator(".passkey", has_text="laptop").wait_for()
    assert Axe().run(page).violations_count == 0
    page.get_by_label("Name of the new passkey").fill("again")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("alert").filter(has_text="has one already").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").wait_for()
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Sign in with a passkey").press("Enter")
    page.locator(".connection:not(.lost)").wait_for()
    assert [one["credential"] for one in north.get("/sessions") if one["person"] == "anna"] == ["passkey"]
    page.locator("nav button", has_text="Settings").click()
    page.locator(".passkey", has_text="last used").wait_for()
    page.get_by_role("button", name="Remove – Passkey of anna: laptop").click()
    page.locator(".passkey").wait_for(state="detached")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("alert").filter(has_text="what a passkey of a person of this node has signed").wait_for()
    assert north.get("/passkeys") == []


def test_a_console_at_an_address_says_where_there_are_passkeys(north: Party, page: Any) -> None:
    page.goto(f"{north.url}/console/")
    page.locator(".sign-in", has_text="opened by a name").wait_for()
    assert page.get_by_role("button", name="Sign in with a passkey").count() == 0
    page.get_by_role("link", name=f"http://localhost:{north.port}/console/").click()
    page.get_by_role("button", name="Sign in with a passkey").wait_for()
