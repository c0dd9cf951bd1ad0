"""The committed page is the one of its source, complete in every language, and nothing else is given out."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from one_page import BUILT_FILES, PAGE

from detente.console.files import PLACES, page_files


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
