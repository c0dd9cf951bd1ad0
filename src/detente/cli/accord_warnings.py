"""Warnings about accords, as commands say them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime


def warn_of_accords(warnings: Iterable[Mapping[str, str | None]]) -> None:
    """Say what a node warns of about its accords, each in a line of its own on the error stream."""
    from detente.cli.wording import echo

    for text in warning_texts(warnings):
        echo(text, err=True)


def warning_texts(warnings: Iterable[Mapping[str, str | None]]) -> Iterator[str]:
    """Yield in words what a node warns of about its accords."""
    from detente.cli.wording import words
    from detente.language import figures

    for warning in warnings:
        time = "" if warning["time"] is None else figures.utc_time(datetime.fromisoformat(warning["time"]))
        yield words(f"accord.warning.{warning['concern']}", peer=warning["peer"], time=time)
