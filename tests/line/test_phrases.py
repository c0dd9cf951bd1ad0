"""The phrase table: complete in four languages, the same for both parties, and no word in it that permits anything."""

from __future__ import annotations

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from line_values import NOON, coded

from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.parameters import LineLanguage, Moment, Parameter, Place, Reference
from detente.line.phrases import PhraseTable, canonical_bytes, faults, phrase_table, phrase_table_hash, table_hash
from detente.line.rendering import not_agreed, said, written
from length import quickly

TABLE = phrase_table()
FORBIDDEN = re.compile(
    r"\b(approv|authori[sz]ed|permitted|granted|cleared|target|weapon|bomb|missile|strike|engage)|"
    r"\b(approuv|autorisé|cible|arme\b|bombe|frappe)|(одобр|разрешаем|разрешено|цель|оружи|бомб|удар)|"
    r"(موافق|مسموح|هدف|سلاح|قنبلة|ضربة)",
    re.IGNORECASE,
)
LANGUAGES = list(LineLanguage)


def test_the_table_is_complete_in_every_language() -> None:
    assert faults(TABLE) == []
    assert set(TABLE.words) == set(LineLanguage)
    assert len(TABLE.codes) >= 30


def changed(code: str = "", language: LineLanguage = LineLanguage.RUSSIAN, phrase: str | None = None) -> PhraseTable:
    words = dict(TABLE.words)
    phrases = dict(words[language].phrases)
    if phrase is None:
        del phrases[code]
    else:
        phrases[code] = (phrase, phrase)
    words[language] = msgspec.structs.replace(words[language], phrases=phrases)
    return PhraseTable(TABLE.codes, words)


def test_a_phrase_that_is_missing_or_has_another_placeholder_is_named() -> None:
    assert any("keep_out" in fault for fault in faults(changed("keep_out")))
    assert any("keep_out" in fault for fault in faults(changed("keep_out", phrase="вне {radius}")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_other_word_is_another_hash(language: LineLanguage) -> None:
    other = changed("stop", language, TABLE.words[language].phrases["stop"][0] + "!")
    assert table_hash(other) != phrase_table_hash()
    assert table_hash(PhraseTable(dict(reversed(TABLE.codes.items())), TABLE.words)) == phrase_table_hash()


def test_the_order_of_parameters_is_in_the_bytes() -> None:
    code = TABLE.codes["stop_here"]
    swapped = msgspec.structs.replace(code, parameters=dict(reversed(code.parameters.items())))
    assert canonical_bytes(PhraseTable({**TABLE.codes, "stop_here": swapped}, TABLE.words)) != canonical_bytes(TABLE)


def test_no_phrase_approves_and_none_speaks_of_what_is_out_of_scope() -> None:
    found = [
        f"{language}: {name}: {text}"
        for language, words in TABLE.words.items()
        for name, pair in {**words.phrases, **words.words}.items()
        for text in pair[:1]
        if FORBIDDEN.search(text)
    ]
    assert not found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_scripts_are_the_languages_own(language: LineLanguage) -> None:
    script = {"ru": "CYRILLIC", "ar": "ARABIC"}.get(language, "LATIN")
    for name, (text, say) in TABLE.words[language].phrases.items():
        plain = re.sub(r"\{[a-z_]+\}|STOP|WGS|QNH|QFE", "", text)
        wrong = [c for c in plain if c.isalpha() and not unicodedata.name(c).startswith(script)]
        assert not wrong, f"{language} {name}: {wrong}"
        assert say.isascii(), f"{language} {name}: pronounced in Latin letters"


@settings(max_examples=quickly(150), deadline=None)
@given(coded())
def test_every_message_is_written_and_said_in_every_language(message: tuple[str, tuple[Parameter, ...]]) -> None:
    code, parameters = message
    for language in LANGUAGES:
        text, sound = written(TABLE, language, code, parameters), said(TABLE, language, code, parameters)
        assert text
        assert sound.isascii()
        assert "{" not in text + sound
        assert not any(digit in sound for digit in "0123456789")


def isolated(text: str) -> tuple[str, int]:
    """The text outside left-to-right isolates, and the deepest nesting."""
    depth, deepest, outside, stack = 0, 0, "", []
    for character in text:
        if character in "\u2066\u2067\u2068":
            stack.append(character)
            depth += 1
            deepest = max(deepest, depth)
        elif character == "\u2069":
            stack.pop()
            depth -= 1
        elif "\u2066" not in stack and "\u2068" not in stack:
            outside += character
    assert not stack
    return outside, deepest


@settings(max_examples=quickly(150), deadline=None)
@given(coded())
def test_figures_never_move_in_arabic(message: tuple[str, tuple[Parameter, ...]]) -> None:
    """Every digit, unit and letter of another script is inside a left-to-right isolate; the message is one isolate."""
    text = written(TABLE, LineLanguage.ARABIC, *message)
    assert text.startswith("\u2067")
    assert text.endswith("\u2069")
    outside, _ = isolated(text)
    strong = [c for c in re.sub(r"QNH|QFE|WGS 84", "", outside) if unicodedata.bidirectional(c) in ("L", "EN", "AN")]
    assert not strong, outside


@pytest.mark.parametrize("language", LineLanguage)
def test_a_message_of_an_exercise_says_so_first_as_text_and_as_it_is_said(language):
    text = written(TABLE, language, "stop_lifted", (), exercise=True)
    sound = said(TABLE, language, "stop_lifted", (), exercise=True)
    assert text.strip("\u2067\u2069").endswith(written(TABLE, language, "stop_lifted", ()).strip("\u2067\u2069"))
    assert text.lstrip("\u2067").split()[0] in ("EXERCISE", "EXERCICE", "УЧЕНИЕ", "تمرين")
    assert sound.endswith(said(TABLE, language, "stop_lifted", ()))
    assert sound != said(TABLE, language, "stop_lifted", ())


@settings(max_examples=quickly(100), deadline=None)
@given(coded())
def test_the_same_figures_in_every_language(message: tuple[str, tuple[Parameter, ...]]) -> None:
    def figures(language: LineLanguage) -> list[str]:
        return sorted(re.findall(r"[0-9]+(?:[.\u202f][0-9]+)*", written(TABLE, language, *message)))

    assert figures(LineLanguage.ENGLISH) == figures(LineLanguage.FRENCH)
    assert figures(LineLanguage.ENGLISH) == figures(LineLanguage.RUSSIAN)
    assert figures(LineLanguage.ENGLISH) == figures(LineLanguage.ARABIC)


def test_free_text_is_flagged_in_every_language() -> None:
    flags = {language: not_agreed(TABLE, language, "hello") for language in LANGUAGES}
    assert "not agreed text" in flags[LineLanguage.ENGLISH]
    assert len(set(flags.values())) == 4
    isolated(flags[LineLanguage.ARABIC])


@pytest.mark.parametrize(
    ("code", "parameters", "field"),
    [
        ("fire_at_will", (), "code"),
        ("stop", (Parameter("where", Place(Position(1, 2))),), "stop.where"),
        ("stop_here", (), "stop_here.where"),
        ("say_again", (Parameter("reference", Moment(NOON)),), "say_again.reference"),
        ("say_again", (Parameter("reference", Reference("a")),) * 2, "say_again.parameters"),
    ],
)
def test_a_message_that_is_not_as_its_code_says_is_refused(
    code: str, parameters: tuple[Parameter, ...], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        TABLE.checked(code, parameters)
    assert refused.value.field == field
