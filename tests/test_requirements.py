"""The page that says where each requirement is met: no row is missing, and every test it names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "requirements.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (R\d+) \|(.*)\|$", PAGE, re.MULTILINE))


def test_every_requirement_has_its_row() -> None:
    assert list(ROWS) == [f"R{number}" for number in range(1, 51)]


def test_every_test_that_is_named_exists() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    written = set(re.findall(r"^(?:async )?def (test_\w+)", sources, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named
    assert named <= written, sorted(named - written)


def test_what_is_met_names_its_place_and_its_test() -> None:
    for name, row in ROWS.items():
        if "not met" not in row:
            assert re.search(r"`test_\w+`", row), name
        for place in re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", row):
            assert (ROOT / "src" / "detente" / place).exists(), (name, place)
