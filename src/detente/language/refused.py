"""What is refused, said in the user's language.

A refusal carries a code, ``room.name``, and parameters. `refusals/ROOM.en.toml` and `refusals/ROOM.fr.toml` hold under
the name what was expected and, where there is one, the mend; ``{place}`` stands for a parameter. After a colon comes
how a figure is written (``{most:,}``), ``word`` for a parameter that is itself a word of `refusals/words.fr.toml`, or
``or_none`` for a list that may be empty.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from detente.language.figures import NARROW_SPACE
from detente.language.wording import Language, set_off, text

_FOLDER = resources.files("detente.language").joinpath("refusals")
_PLACE = re.compile(r"\{([a-z0-9_]+)(?::([^}]*))?\}")
_FRENCH_FIGURES = str.maketrans({",": NARROW_SPACE, ".": ","})


def refusal_line(
    language: Language, code: str, field: str, shown: str, parameters: Mapping[str, str | int | float]
) -> str:
    """Return a refusal as one line: the field, what was found there (`shown`), what was expected, and the mend."""
    expected, mend = refusal_texts(language, code, parameters)
    line = text(language, "refused.line", field=field, shown=shown, expected=expected)
    return f"{line} {mend}" if mend else line


def refusal_texts(language: Language, code: str, parameters: Mapping[str, str | int | float]) -> tuple[str, str]:
    """Return what was expected and the mend, which may be empty; raises KeyError when the code is not known."""
    room, _, name = code.partition(".")
    templates = refusals_of(language, room)[name]
    expected, mend = (_filled(language, templates.get(part, ""), parameters) for part in ("expected", "mend"))
    return expected, mend


def is_refusal_code(code: str) -> bool:
    """Whether there are texts under a code: a node of another version may send one that is not known here."""
    room, _, name = code.partition(".")
    return f"{room}.{Language.ENGLISH}.toml" in _files() and name in refusals_of(Language.ENGLISH, room)


@cache
def refusals_of(language: Language, room: str) -> dict[str, dict[str, str]]:
    """Return the texts of a room's refusals with their places, by the code's name."""
    file = f"{room}.{language}.toml"
    if file not in _files():
        raise KeyError(f"no refusals of the room {room!r}")
    texts = tomllib.loads(_FOLDER.joinpath(file).read_text(encoding="utf-8"))
    if language is Language.FRENCH:
        return {name: {part: set_off(said) for part, said in parts.items()} for name, parts in texts.items()}
    return texts


def _filled(language: Language, template: str, parameters: Mapping[str, str | int | float]) -> str:
    def shown(place: re.Match[str]) -> str:
        value, form = parameters[place[1]], place[2]
        match form:
            case "word":
                return _word(language, str(value))
            case "or_none":
                return str(value) or _word(language, "(none)")
        if not form or isinstance(value, str):
            return str(value)
        written = format(value, form)
        return written.translate(_FRENCH_FIGURES) if language is Language.FRENCH else written

    return _PLACE.sub(shown, template)


def _word(language: Language, english: str) -> str:
    return _french_words().get(english, english) if language is Language.FRENCH else english


@cache
def _french_words() -> dict[str, str]:
    return tomllib.loads(_FOLDER.joinpath("words.fr.toml").read_text(encoding="utf-8"))


@cache
def _files() -> frozenset[str]:
    return frozenset(file.name for file in _FOLDER.iterdir())
