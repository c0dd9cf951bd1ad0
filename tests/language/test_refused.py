"""Every refusal of the program is said in every language, and nothing of what it is about is lost on the way."""

from __future__ import annotations

import re
import tomllib

import pytest
from refusal_texts import FOLDER, raised, strings, texts_of, units

from detente.airspace.refusal import Refusal
from detente.language import Language
from detente.language.refused import is_refusal_code, refusal_line, refusal_texts

PLACES = re.compile(r"\{[^}]*\}")
NAMES = re.compile(r"\{([a-z0-9_]+)[^}]*\}")


def said(language: Language, refusal: Refusal) -> str:
    return refusal_line(language, refusal.code, refusal.field, refusal.shown, refusal.parameters)


def test_every_refusal_has_its_texts_and_gives_them_what_they_name() -> None:
    known = texts_of(Language.ENGLISH)
    for place, code, parameters in raised():
        assert code in known, f"{place}: no texts under {code} in language/refusals"
        named = {name for part in known[code].values() for name in NAMES.findall(part)}
        assert parameters is None or parameters == named, f"{place}: {code} names {sorted(named)}"


def test_no_text_is_kept_that_nothing_says() -> None:
    built = {f"cli.{what}_near" for what in ("an_option", "a_command")} | {
        f"cli.{what}" for what in ("an_option", "a_command", "a_value", "no_value", "nothing_more")
    }
    stale = texts_of(Language.ENGLISH).keys() - strings() - built
    assert not stale, f"in language/refusals and in no refusal: {sorted(stale)}"


def test_places_and_words_of_code_are_the_same_in_both_languages() -> None:
    english, french = texts_of(Language.ENGLISH), texts_of(Language.FRENCH)
    assert english.keys() == french.keys()
    for code, parts in english.items():
        assert parts.keys() == french[code].keys(), code
        for part, text in parts.items():
            other = french[code][part]
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(other)), code
            assert sorted(re.findall("`[^`]*`", text)) == sorted(re.findall("`[^`]*`", other)), code
            assert other == other.strip() != "", code


def test_every_unit_has_its_french_word() -> None:
    words = tomllib.loads((FOLDER / "words.fr.toml").read_text(encoding="utf-8"))
    assert units() <= words.keys()


def test_english_is_what_the_refusal_itself_says() -> None:
    for refusal in (Refusal("accord.toml_document", "a.b", 3), Refusal("accord.at_most_rows", "a", "x" * 200, most=7)):
        assert said(Language.ENGLISH, refusal) == str(refusal)


def test_values_go_where_the_french_text_has_them() -> None:
    refusal = Refusal("accord.at_most_rows", "rows", 3, most=12_345)
    line = said(Language.FRENCH, refusal)
    assert line.startswith("rows\N{NO-BREAK SPACE}: 3\N{NO-BREAK SPACE}; attendu\N{NO-BREAK SPACE}: ")
    assert "12\u202f345" in line
    assert "at most 12,345 rows" in str(refusal)


def test_words_among_the_parameters_are_said_in_the_language() -> None:
    refusal = Refusal("airspace.in_range", "time_s", -1, lowest=0.0, highest=86_400.0, unit="seconds")
    assert "0 to 86,400 seconds" in str(refusal)
    assert "secondes" in said(Language.FRENCH, refusal)


def test_a_list_that_is_empty_is_said_to_be() -> None:
    assert Refusal("accord.paired_party", "peer", "x", known="").expected.endswith("(none)")


def test_a_refusal_seen_from_further_out_is_the_same_refusal() -> None:
    inner = Refusal("accord.at_most_rows", "rows", 3, most=7)
    outer = inner.at("file: rows")
    assert (outer.code, outer.value, outer.parameters, outer.field) == (inner.code, 3, inner.parameters, "file: rows")


def test_a_code_that_is_not_known_is_found_out() -> None:
    assert is_refusal_code("accord.at_most_rows")
    assert not is_refusal_code("accord.no_such_code")
    assert not is_refusal_code("no_such_room.code")
    with pytest.raises(KeyError):
        refusal_texts(Language.ENGLISH, "accord.no_such_code", {})
