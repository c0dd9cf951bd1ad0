"""Text that is in a page in every language at once, so that a reader can switch without asking anyone for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from detente.language import Language, counted, text

UNIT = re.compile(r"(?<=\d) (?=(?:NM|km|m|ft|s|min|h|%)\b)|(?<=\bFL) (?=[\d\N{MINUS SIGN}])|(?<=min) (?=\d)")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")

Worded = Mapping[Language, str]
"""The same words in each language."""


def worded(write: Callable[[Language], str]) -> Worded:
    """Write something in each language."""
    return {language: write(language) for language in Language}


def phrase(key: str, **values: str | Worded) -> Worded:
    """The text under `key` in each language, worded values in the same language."""
    return worded(lambda language: text(language, key, **_in(language, values)))


def counted_phrase(key: str, count: int, **values: str | Worded) -> Worded:
    """The text under `key` for this count in each language, by its plural rule."""
    return worded(lambda language: counted(language, key, count, **_in(language, values)))


def same(words: str) -> Worded:
    """Words that are the same in every language, such as a callsign."""
    return dict.fromkeys(Language, words)


def html(words: str | Worded) -> Markup:
    """The words as escaped HTML: one `span` for each language, or plain text where all are the same."""
    variants = {words} if isinstance(words, str) else set(words.values())
    if len(variants) == 1:
        return unbroken(variants.pop())
    assert not isinstance(words, str)
    return Markup("").join(
        Markup('<span lang="{}">{}</span>').format(language.value, unbroken(written))
        for language, written in words.items()
    )


def unbroken(words: str) -> Markup:
    """The words escaped, with times and figures with their units held together on one line."""
    escaped = str(escape(UNIT.sub("\N{NO-BREAK SPACE}", words)))
    # A time holds nothing that needs escaping, so that wrapping it leaves what was escaped as it is.
    return Markup(TIME.sub(r'<span class="time">\g<0></span>', escaped))  # noqa: S704


def _in(language: Language, values: Mapping[str, str | Worded]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[language] for name, value in values.items()}
