"""What `--help` says, in the user's language: `help/*.toml` hold each English paragraph with its French one."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from detente.language.wording import Language, set_off


def help_in(language: Language, english: str) -> str:
    """Return help, paragraph by paragraph, in `language`; a paragraph that is not known stays as it is."""
    if language is Language.ENGLISH:
        return english
    known = known_help()
    found = (" ".join(paragraph.split()) for paragraph in english.split("\n\n"))
    return "\n\n".join(set_off(known.get(paragraph, paragraph)) for paragraph in found)


@cache
def known_help() -> dict[str, str]:
    """Return every English paragraph of help with its French one."""
    folder = resources.files("detente.language").joinpath("help")
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    return {key: value for file in files for key, value in tomllib.loads(file.read_text(encoding="utf-8")).items()}
