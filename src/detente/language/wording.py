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

_FOLDER = resources.files("detente.language")


class Language(StrEnum):
    """A language that all text people read exists in, by its ISO 639-1 code."""

    ENGLISH = "en"
    FRENCH = "fr"


def text(language: Language, key: str, **values: object) -> str:
    """Return the text under `key`, its placeholders filled; raises KeyError for an unknown key or a missing value."""
    for file in _files(language):
        template = _texts(language, file).get(key)
        if template is not None:
            return template.format_map(values)
    raise KeyError(f"no text {key!r} in {language}.toml")


def language_from_environment(environment: Mapping[str, str]) -> Language:
    """The language a user asked for in environment variables; English where none is ours.

    DETENTE_LANGUAGE comes first, then as POSIX says the first of LC_ALL, LC_MESSAGES and LANG that is not empty.
    """
    for name in ("DETENTE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        locale = environment.get(name, "")
        if locale:
            return language_named(locale) or Language.ENGLISH
    return Language.ENGLISH


def language_named(locale: str) -> Language | None:
    """Return the language of a locale such as "fr" or "fr_CA.UTF-8"; None where it is none of ours."""
    code = locale[:2].lower()
    return Language(code) if code in set(Language) and not locale[2:3].isalpha() else None


@cache
def _files(language: Language) -> tuple[str, ...]:
    """The files of a language, the shortest first: a command that has to be quick reads no more than it says."""
    names = [file.name for file in _FOLDER.iterdir() if f".{file.name}".endswith(f".{language}.toml")]
    return tuple(sorted(names, key=lambda name: len(_FOLDER.joinpath(name).read_bytes())))


@cache
def _texts(language: Language, file: str) -> dict[str, str]:
    texts = dict(_flatten("", tomllib.loads(_FOLDER.joinpath(file).read_text(encoding="utf-8"))))
    return {key: set_off(value) for key, value in texts.items()} if language is Language.FRENCH else texts


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
