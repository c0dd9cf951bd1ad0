"""What moving symbols would cost by WebGL where there is no GPU, with SwiftShader; make bench-console-webgl.

Only the symbols are drawn, once a second, by one call; labels, plans and areas are left out. Measured is the CPU of
each process of the browser: SwiftShader works in the one called GPU. `make bench-console` has what our map takes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from console import processor_s
from results import write_section

PAGE = Path(__file__).with_suffix(".html")
FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
COUNTS = (5_000, 20_000)
SETTLED_MS, MEASURED_MS = 4_000, 20_000


def processes(browser: Browser) -> dict[str, float]:
    """CPU that each kind of process of the browser has used, in ms."""
    session: Any = browser.new_browser_cdp_session()
    used: dict[str, float] = {}
    for row in session.send("SystemInfo.getProcessInfo")["processInfo"]:
        used[row["type"]] = used.get(row["type"], 0.0) + processor_s(row["id"]) * 1e3
    return used


def measure(count: int) -> list[str]:
    """One row of the table."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{PAGE.as_uri()}#{count}")
        page.wait_for_timeout(SETTLED_MS)
        first, before = page.evaluate("drawn"), processes(browser)
        page.wait_for_timeout(MEASURED_MS)
        frames, after = page.evaluate("drawn") - first, processes(browser)
        browser.close()
    return [
        f"{count:,}",
        *(f"{(after[kind] - before[kind]) / frames:.1f}" for kind in ("GPU", "renderer", "browser")),
    ]


def main() -> None:
    """Measure, print and keep the figures."""
    rows = [measure(count) for count in COUNTS]
    heads = ("moving", "GPU process, ms a frame", "renderer processes, ms a frame", "browser process, ms a frame")
    table = "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
    text = f"Chromium with {' '.join(FLAGS)}; load at the end {os.getloadavg()[0]:.1f}\n\n{table}"
    print(text)
    write_section("console-webgl", text)


if __name__ == "__main__":
    main()
