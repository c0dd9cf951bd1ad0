"""All texts that people read, by language."""

from detente.language.wording import Language, _files, _texts


def texts(language: Language) -> dict[str, str]:
    """Every key of a language with its text."""
    return {key: value for file in _files(language) for key, value in _texts(language, file).items()}
