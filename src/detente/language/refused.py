"""What is refused, said in the user's language.

A refusal carries what was expected, and the mend, as English text that the program made. `refusals/*.toml` hold each
such text with its places for values, `{0}`, `{1}`, and how it is said in French; a text is found by its fixed words.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple

from detente.language.wording import Language, set_off, text

_PLACE = re.compile(r"\{(\d+)\}")
_FEWEST_FIXED = 4
"""A text with fewer fixed letters than this could be anything, and stays as it is."""


class _Template(NamedTuple):
    pattern: re.Pattern[str]
    places: tuple[str, ...]
    french: str
    fixed: int


def refusal_line(language: Language, field: str, shown: str, expected: str, mend: str) -> str:
    """Return a refusal as one line: the field, what was found there (`shown`), what was expected, and the mend."""
    line = text(language, "refused.line", field=field, shown=shown, expected=translated(language, expected))
    return f"{line} {translated(language, mend)}" if mend else line


def translated(language: Language, english: str) -> str:
    """Return a text of a refusal in `language`; the text itself where it is not known."""
    if language is Language.ENGLISH or not english:
        return english
    exact, templates = _texts()
    if english in exact:
        return exact[english]
    for template in templates:
        if found := template.pattern.fullmatch(english):
            values = [translated(language, found[f"p{place}"]) for place in template.places]
            return _filled(template.french, values)
    return english


def _filled(french: str, values: list[str]) -> str:
    return _PLACE.sub(lambda place: values[int(place[1])], french)


def known_refusals() -> dict[str, str]:
    """Return every English text of a refusal with its French one, their places as `{0}`, `{1}`."""
    folder = resources.files("detente.language").joinpath("refusals")
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    return {key: value for file in files for key, value in tomllib.loads(file.read_text(encoding="utf-8")).items()}


@cache
def _texts() -> tuple[dict[str, str], tuple[_Template, ...]]:
    exact: dict[str, str] = {}
    templates: list[_Template] = []
    for english, plain in known_refusals().items():
        french = set_off(plain)
        parts = _PLACE.split(english)
        fixed = sum(character.isalpha() for part in parts[::2] for character in part)
        if len(parts) == 1:
            exact[english] = french
        elif fixed >= _FEWEST_FIXED:
            # The parts at odd places are the numbers of the places.
            pattern = "".join(f"(?P<p{p}>.*?)" if number % 2 else re.escape(p) for number, p in enumerate(parts))
            templates.append(_Template(re.compile(pattern, re.DOTALL), tuple(parts[1::2]), french, fixed))
    return exact, tuple(sorted(templates, key=lambda template: -template.fixed))
