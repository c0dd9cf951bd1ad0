"""Play the rehearsals and put what they print into their tutorials: the second ``text`` block of each page.

.venv/bin/python tools/rehearsal_pages.py [NAME...]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "docs" / "tutorial"
BLOCK = re.compile(r"```text\n.*?```", re.DOTALL)


def renew(page: Path) -> None:
    """Play the rehearsal of a page, in English, and replace its transcript."""
    name = page.stem.removeprefix("rehearsal-")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "detente", "rehearse", name, "--out", "rehearsal", "--language", "en"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    text = page.read_text(encoding="utf-8")
    _, second = BLOCK.findall(text)[:2]
    page.write_text(text.replace(second, f"```text\n{done.stdout.strip()}\n```"), encoding="utf-8")


if __name__ == "__main__":
    for page in sorted(PAGES.glob("rehearsal-*.md")):
        if len(sys.argv) < 2 or page.stem.removeprefix("rehearsal-") in sys.argv[1:]:
            renew(page)
