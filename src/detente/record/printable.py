"""Text of unknown origin, made safe for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` with every sign that could steer a terminal written as an escape; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )
