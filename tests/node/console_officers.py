"""Real nodes, and a real browser for each of their officers."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from parties import Party, two_parties

PATIENCE_MS = 90_000


class Officer:
    """One person before a console: the page, and all that went wrong in it."""

    def __init__(self, page: Any, party: Party) -> None:
        self.page = page
        self.party = party
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", self._note)
        page.on("request", self._check)
        page.on("response", self._note_refused)

    def _note(self, message: Any) -> None:
        if (
            message.type == "error"
            and "ERR_CONNECTION" not in message.text
            and "Failed to load resource" not in message.text
        ):
            self.faults.append(f"console: {message.text}")

    def _check(self, request: Any) -> None:
        if not request.url.startswith((f"{self.party.url}/", f"blob:{self.party.url}")):
            self.faults.append(f"request elsewhere: {request.url}")

    def _note_refused(self, response: Any) -> None:
        """The console asks nothing that the node does not let this person ask."""
        if response.status == 403:
            self.faults.append(f"not allowed: {response.request.method} {response.url}")

    def open(self, role: str, posts: tuple[str, ...]) -> None:
        """Sign in by a link, as a person does, which leads to the console."""
        name = f"officer{len(self.party.get('/people'))}"
        self.party.post("/people", {"name": name, "role": role, "posts": posts})
        self.page.goto(self.party.post(f"/people/{name}/link")["link"])
        self.page.locator("button").click()
        self.page.wait_for_url("**/console/")
        self.page.locator(".connection:not(.lost)").wait_for()
        self.page.locator(".peer").first.wait_for()

    def view(self, name: str) -> None:
        self.page.locator("nav button", has_text=name).click()

    def see(self, selector: str, text: str | None = None) -> Any:
        """Wait until something is on the page, and return it."""
        found = self.page.locator(selector, has_text=text) if text else self.page.locator(selector)
        found.first.wait_for()
        return found.first

    def drawn_anew(self) -> None:
        """Wait until the map shows what was asked of it before now: the frame under way, and the next one."""
        for _ in range(2):
            count = self.page.locator("canvas[data-drawn]").get_attribute("data-drawn")
            self.page.locator(f'canvas[data-drawn]:not([data-drawn="{count}"])').wait_for()

    def hold_stop(self) -> None:
        """Hold the button until the page says that a STOP goes out."""
        box = self.page.locator("button.stop").bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.locator(".sent").wait_for()
        self.page.mouse.up()


@cache
def playwright() -> Any:
    """Started once in a process: a second would find the loop of the first running."""
    from playwright.sync_api import sync_playwright

    started = sync_playwright().start()
    atexit.register(started.stop)
    return started


@contextmanager
def launched(*flags: str) -> Iterator[Any]:
    """A browser of its own, with more flags."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    found = playwright().chromium.launch(executable_path=program, args=[*as_root, *flags])
    yield found
    found.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with launched("--autoplay-policy=no-user-gesture-required") as found:
        yield found


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path) as (north, south):
        for party in (north, south):
            party.post("/line/watch", {"post": "watch", "shift": "day"})
        yield north, south


@pytest.fixture
def officer(browser: Any) -> Iterator[Callable[[Party], Officer]]:
    """Opens the console of a party. At the end nothing has gone wrong in any of them."""
    opened: list[Officer] = []

    def open_console(party: Party, *posts: str, language: str = "en", role: str = "authority") -> Officer:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=language)
        found = Officer(context.new_page(), party)
        opened.append(found)
        found.open(role, posts or ("watch", "command"))
        return found

    yield open_console
    for one in opened:
        one.page.context.close()
    assert [fault for one in opened for fault in one.faults] == []
