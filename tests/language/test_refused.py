"""Every refusal of the program is said in French too, and nothing of what it is about is lost on the way."""

from __future__ import annotations

import re

from refusal_texts import refusal_texts

from detente.airspace.refusal import Refusal
from detente.language import Language
from detente.language.refused import known_refusals, refusal_line, translated

PLACES = re.compile(r"\{\d+\}")


def said(language: Language, refusal: Refusal) -> str:
    return refusal_line(language, refusal.field, refusal.shown, refusal.expected, refusal.mend)


def test_every_refusal_has_its_french_text() -> None:
    needed, known = refusal_texts(), known_refusals()
    missing = {text: place for text, place in needed.items() if text not in known and PLACES.sub("", text).strip()}
    assert not missing, f"no French text in language/refusals: {missing}"


def test_no_text_is_kept_that_nothing_says() -> None:
    stale = known_refusals().keys() - refusal_texts().keys()
    assert not stale, f"in language/refusals and in no refusal: {sorted(stale)}"


def test_places_and_words_of_code_are_the_same_in_both_languages() -> None:
    for english, french in known_refusals().items():
        assert sorted(PLACES.findall(english)) == sorted(PLACES.findall(french)), english
        assert sorted(re.findall("`[^`]*`", english)) == sorted(re.findall("`[^`]*`", french)), english
        assert french == french.strip()


def test_english_is_what_the_refusal_itself_says() -> None:
    for refusal in (Refusal("a.b", 3, "a number"), Refusal("a.b", "x" * 200, "less", "Cut it.")):
        assert said(Language.ENGLISH, refusal) == str(refusal)


def test_values_go_where_the_french_text_has_them() -> None:
    refusal = Refusal("valid", 3, "a number from 1 to 9", "Pair first.")
    line = said(Language.FRENCH, refusal)
    assert line.startswith("valid\N{NO-BREAK SPACE}: 3\N{NO-BREAK SPACE}; attendu\N{NO-BREAK SPACE}: ")
    assert "Pair first" not in line
    assert translated(Language.FRENCH, "at most 7 rows") != "at most 7 rows"
    assert "7" in translated(Language.FRENCH, "at most 7 rows")


def test_what_is_not_known_is_said_as_it_is() -> None:
    assert translated(Language.FRENCH, "qwertz") == "qwertz"
    assert translated(Language.FRENCH, "") == ""
