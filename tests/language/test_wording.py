"""Both languages say the same things: same keys, same placeholders, nothing forgotten."""

from __future__ import annotations

import string

import pytest

from detente.language import Language, counted, language_from_environment, text
from detente.language.wording import _files, _texts
from texts import texts

SAME_IN_BOTH = frozenset({
    "node.heading.points", "node.heading.session", "node.heading.sessions", "profile.minimum", "report.accord",
    "report.column.journal", "report.column.plans", "report.plan_count.one", "report.plan_count.other",
    "report.plans_title",
    "report.term.accord", "report.term.journal", "report.term.plan", "report.term.utc",
})  # fmt: skip
"""Keys whose text is rightly the same in English and French."""


@pytest.mark.parametrize("language", Language)
def test_no_key_has_two_texts(language: Language) -> None:
    written = [key for file in _files(language) for key in _texts(language, file)]
    assert len(written) == len(set(written))


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    missing = texts(Language.ENGLISH).keys() ^ texts(Language.FRENCH).keys()
    assert not missing, f"in one of en.toml and fr.toml only: {sorted(missing)}"


def test_both_languages_have_the_same_placeholders() -> None:
    english, french = texts(Language.ENGLISH), texts(Language.FRENCH)
    differing = [key for key in english if placeholders(english[key]) != placeholders(french[key])]
    assert not differing, f"placeholders differ between en.toml and fr.toml: {differing}"


@pytest.mark.parametrize("language", Language)
def test_placeholders_are_plain_names(language: Language) -> None:
    for key, template in texts(language).items():
        for _, name, specification, conversion in string.Formatter().parse(template):
            if name is not None:
                assert name.isidentifier(), f"{language}.toml {key}: {{{name}}} is not a plain name"
                assert not specification, f"{language}.toml {key}: format figures with figures.py, not {specification}"
                assert conversion is None, f"{language}.toml {key}: a conversion is not allowed"


@pytest.mark.parametrize("language", Language)
def test_no_text_is_empty_or_padded(language: Language) -> None:
    bad = [key for key, template in texts(language).items() if not template or template != template.strip()]
    assert not bad, f"empty or padded in {language}.toml: {bad}"


def test_no_text_was_left_untranslated() -> None:
    english, french = texts(Language.ENGLISH), texts(Language.FRENCH)
    same = {key for key in english if english[key] == french[key] and any(c.isalpha() for c in english[key])}
    assert same <= SAME_IN_BOTH, f"the same in English and French; translate or list it: {sorted(same - SAME_IN_BOTH)}"
    stale = {key for key in SAME_IN_BOTH if key in english and english[key] != french[key]}
    assert not stale, f"listed as the same but translated: {stale}"


@pytest.mark.parametrize("language", Language)
def test_plural_keys_come_in_pairs(language: Language) -> None:
    ones = {key.removesuffix(".one") for key in texts(language) if key.endswith(".one")}
    others = {key.removesuffix(".other") for key in texts(language) if key.endswith(".other")}
    assert ones == others


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(KeyError, match=r"no text 'no\.such' in fr\.toml"):
        text(Language.FRENCH, "no.such")


def test_plurals_follow_each_language(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {
        Language.ENGLISH: {"n.one": "{count} conflict", "n.other": "{count} conflicts"},
        Language.FRENCH: {"n.one": "{count} conflit", "n.other": "{count} conflits"},
    }
    monkeypatch.setattr("detente.language.wording._files", lambda _: ("n",))
    monkeypatch.setattr("detente.language.wording._texts", lambda language, _: tables[language])
    assert [counted(Language.ENGLISH, "n", n) for n in (0, 1, 2)] == ["0 conflicts", "1 conflict", "2 conflicts"]
    assert [counted(Language.FRENCH, "n", n) for n in (0, 1, 2000)] == ["0 conflit", "1 conflit", "2\u202f000 conflits"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_CA@euro"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "frr_DE"}, "en"),
        ({"LANG": "fr_FR", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_FR", "LC_ALL": ""}, "fr"),
        ({"LANG": "fr_FR", "DETENTE_LANGUAGE": "en"}, "en"),
        ({"LC_ALL": "C", "DETENTE_LANGUAGE": "FR"}, "fr"),
    ],
)
def test_language_from_environment(environment: dict[str, str], expected: str) -> None:
    assert language_from_environment(environment) is Language(expected)
