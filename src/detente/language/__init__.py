"""The words people read, in English and French."""

from detente.language.figures import counted
from detente.language.wording import Language, keys, language_from_environment, text

__all__ = ["Language", "counted", "keys", "language_from_environment", "text"]
