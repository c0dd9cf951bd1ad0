"""The committed page is the one of its source, complete in every language, and nothing else is given out."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from one_page import BUILT, BUILT_FILES, PAGE

from detente.accord.provisions import Provisions
from detente.accord.terms import Disclosure
from detente.airspace.altitude import AltitudeBand
from detente.airspace.plan import Polygon
from detente.airspace.position import Position
from detente.airspace.separation import Minima
from detente.api.permissions import NEEDED_ROLE
from detente.console.files import PLACES, page_files
from detente.lookout.track_columns import COLUMNS
from detente.watch.alert import AlertKind, AlertLevel, TrackSide
from detente.watch.records import FeedStanding
from detente.watch.sighting import SightingSource
from detente.watch.track import TrackDoubt


def tool():
    path = Path(__file__).parents[2] / "tools/console_page.py"
    spec = importlib.util.spec_from_file_location("console_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(code: str) -> dict[str, str]:
    return json.loads((PAGE / f"src/words/{code}.json").read_text("utf-8"))


def test_the_page_was_built_from_the_source_that_is_here():
    found = tool()
    assert found.DIGEST.read_text().strip() == found.source_digest(), "make console"


def test_another_source_has_another_digest(tmp_path):
    (tmp_path / "a.ts").write_text("1")
    first = tool().source_digest(tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/b.ts").write_text("1")
    assert tool().source_digest(tmp_path) == first
    (tmp_path / "a.ts").write_text("2")
    assert tool().source_digest(tmp_path) != first


def test_every_file_that_the_page_names_is_given_out():
    files = page_files()
    assert set(files) == {*BUILT_FILES, PLACES}
    assert b"\nLTAG\t" in files[PLACES].body
    index = files["index.html"].body.decode()
    named = re.findall(r'(?:src|href)="/console/([^"]+)"', index)
    assert named
    assert set(named) <= set(files)
    assert "<script>" not in index
    assert "style=" not in index


@pytest.mark.parametrize("code", ["fr", "ru", "ar"])
def test_a_language_has_every_text_with_the_same_places(code):
    english, other = words("en"), words(code)
    assert english.keys() == other.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", other[key])), key
        assert other[key].strip(), key


def test_every_text_that_the_source_asks_for_exists():
    english = words("en")
    source = "\n".join(
        file.read_text("utf-8") for file in PAGE.joinpath("src").rglob("*") if file.suffix in (".svelte", ".ts")
    )
    asked = set(re.findall(r"word\('([a-z_.]+)'", source))
    assert asked
    assert asked <= english.keys()
    assert "https://" not in source


def terms(of: Any, path: str = "") -> Iterator[str]:
    """What the words of a term stand under: its path; of a row of a list, its own name."""
    if isinstance(of, type) and issubclass(of, StrEnum):
        return
    for name, hint in get_type_hints(of).items():
        at = f"{path}.{name}" if path else name
        inner = [one for one in (*get_args(hint), hint) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        if not inner or inner[0] in (Polygon, AltitudeBand, Position):
            yield at
        elif get_origin(hint) is tuple or any(get_origin(one) is tuple for one in get_args(hint)):
            yield at
            yield from terms(inner[0])
        else:
            if type(None) in get_args(hint):
                yield at
            yield from terms(inner[0], at)


def choices(of: Any) -> Iterator[str]:
    for hint in get_type_hints(of).values():
        for one in (hint, *get_args(hint), *(inner for outer in get_args(hint) for inner in get_args(outer))):
            if isinstance(one, type) and issubclass(one, StrEnum):
                yield from one
            elif isinstance(one, type) and issubclass(one, msgspec.Struct) and one not in (of, AltitudeBand):
                yield from choices(one)


def test_every_term_of_an_accord_has_words_that_are_printed():
    english = words("en")
    needed = {f"term.{one}" for one in (*terms(Provisions), *terms(Minima), "minima", "minima_of", "disclosure")}
    assert "term.line_checks.every_s" in needed
    assert needed <= english.keys()
    chosen = {f"value.{one}" for one in (*choices(Provisions), *Disclosure)}
    assert "value.height_block" in chosen
    assert chosen <= english.keys()


def test_every_alert_and_all_that_is_said_of_a_track_has_words():
    english = words("en")
    reasons = tomllib.loads(files("detente.language").joinpath("watch.en.toml").read_text("utf-8"))["watch"]["why"]
    needed = {f"reason.{one}" for one in reasons}
    for group, kind in (
        ("alert_kind", AlertKind), ("alert_level", AlertLevel), ("side", TrackSide), ("doubt", TrackDoubt),
        ("source", SightingSource), ("feed", FeedStanding),
    ):  # fmt: skip
        needed |= {f"{group}.{one}" for one in kind}
    assert "reason.separation_ahead" in needed
    assert needed <= english.keys()


def test_the_page_reads_columns_that_the_node_gives():
    source = PAGE.joinpath("src/map/live_tracks.ts").read_text("utf-8")
    (needed,) = re.findall(r"const NEEDED = \[(.*?)\]", source, re.DOTALL)
    assert set(re.findall(r"'(\w+)'", needed)) <= set(COLUMNS)


def test_every_route_whose_leave_the_page_asks_for_exists():
    source = "\n".join(file.read_text("utf-8") for file in PAGE.joinpath("src").rglob("*.svelte"))
    asked = set(re.findall(r"may\('([^']+)'\)", source))
    assert asked
    assert asked <= NEEDED_ROLE.keys()


def test_the_worker_that_draws_the_map_has_nothing_of_the_page() -> None:
    """What is compiled for the page is not for a worker: it ends where it reads a setting."""
    (worker,) = BUILT.glob("assets/painter-*.js")
    text = worker.read_text()
    assert not [word for word in ("$state", "localStorage", "document.") if word in text]


def test_script_and_style_are_small_and_the_symbols_of_the_standards_a_file_of_their_own() -> None:
    code = {name: file.packed for name, file in page_files().items() if name.endswith((".js", ".css"))}
    assert sum(len(packed) for packed in code.values()) < 600_000
    (symbols,) = BUILT.glob("assets/standard_symbols-*.js")
    assert "UNMANNED" in symbols.read_text()
    assert [file.name for file in BUILT.glob("assets/*.js") if "UNMANNED" in file.read_text()] == [symbols.name]
