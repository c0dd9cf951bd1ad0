"""Text by key from `en.toml` and `fr.toml`, and from `NAME.en.toml` and `NAME.fr.toml` beside them.

A key is the dotted path in the file, for example ``report.title``. Both languages have the same keys and the same
placeholders (``{name}``, without format specification); figures are formatted by `figures.py` before they go in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources


class Language(StrEnum):
    """A language that all text people read exists in, by its ISO 639-1 code."""

    ENGLISH = "en"
    FRENCH = "fr"


def text(language: Language, key: str, **values: object) -> str:
    """Return the text under `key`, its placeholders filled; raises KeyError for an unknown key or a missing value."""
    try:
        template = _table(language)[key]
    except KeyError:
        raise KeyError(f"no text {key!r} in {language}.toml") from None
    return template.format_map(values)


def keys(language: Language) -> frozenset[str]:
    """Every key that has a text in `language`."""
    return frozenset(_table(language))


def language_from_environment(environment: Mapping[str, str]) -> Language:
    """The language a user asked for in environment variables; English where none is ours.

    DETENTE_LANGUAGE comes first, then as POSIX says the first of LC_ALL, LC_MESSAGES and LANG that is not empty.
    """
    for name in ("DETENTE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        locale = environment.get(name, "")
        if locale:
            code = locale[:2].lower()
            return Language(code) if code in set(Language) and not locale[2:3].isalpha() else Language.ENGLISH
    return Language.ENGLISH


@cache
def _table(language: Language) -> dict[str, str]:
    files = resources.files("detente.language").iterdir()
    sources = [file for file in files if f".{file.name}".endswith(f".{language}.toml")]
    texts = [pair for file in sources for pair in _flatten("", tomllib.loads(file.read_text(encoding="utf-8")))]
    table = dict(texts)
    if len(table) != len(texts):
        raise TypeError(f"a key has two texts in the files of {language}")
    if language is Language.FRENCH:
        return {key: set_off(value) for key, value in table.items()}
    return table


def set_off(french: str) -> str:
    """Return French text with its marks set off by spaces at which no line may break; files have plain ones."""
    return re.sub(" (?=[;:!?»%])|(?<=«) ", "\N{NO-BREAK SPACE}", french)


def _flatten(prefix: str, table: Mapping[str, object]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found.extend(_flatten(f"{prefix}{name}.", value))
        elif isinstance(value, str):
            found.append((prefix + name, value))
        else:
            raise TypeError(f"{prefix}{name} is {type(value).__name__}; a text is a string")
    return found
