"""The words people read, in English and French."""

from detente.language.figures import counted
from detente.language.wording import Language, language_from_environment, text

__all__ = ["Language", "counted", "language_from_environment", "text"]
