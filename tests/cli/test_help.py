"""Help is in both languages: of every command, of every option, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from command_line import run_detente
from typer._click.core import Command
from typer.core import TyperArgument, TyperGroup, TyperOption

from detente.cli.main import COMMANDS, command_line, loaded
from detente.language.command_help import known_help


def said(command: Command) -> Iterator[str]:
    """The paragraphs of help of a command, its options and the commands below it."""
    texts = [command.help or ""]
    texts += [
        parameter.help or "" for parameter in command.params if isinstance(parameter, TyperOption | TyperArgument)
    ]
    for text in texts:
        yield from (" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip())
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            yield from said(below)


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.setenv("DETENTE_LANGUAGE", "en")
    texts = {text for name in COMMANDS for text in said(loaded(name))} | {one.about for one in COMMANDS.values()}
    return texts | set(said(command_line()))


def test_every_text_of_help_has_its_french_one(everything: set[str]) -> None:
    missing = everything - known_help().keys()
    assert not missing, f"write these in language/help: {sorted(missing)}"


def test_no_help_is_kept_that_nothing_says(everything: set[str]) -> None:
    stale = known_help().keys() - everything
    assert not stale, f"in language/help and said by no command: {sorted(stale)}"


def test_help_of_a_code_or_a_command_keeps_it_in_french() -> None:
    for english, french in known_help().items():
        assert french == french.strip() != ""
        assert [word for word in english.split("`")[1::2] if word.startswith("detente")] == [
            word for word in french.split("`")[1::2] if word.startswith("detente")
        ], english


@pytest.mark.parametrize("arguments", [("--help",), ("line", "--help"), ("line", "send", "--help"), ("dss", "--help")])
def test_help_is_wholly_in_the_chosen_language(arguments: tuple[str, ...]) -> None:
    english = run_detente(*arguments).stdout
    french = run_detente(*arguments, language="fr").stdout
    assert "Usage:" in english
    for word in ("Usage:", "Commands:", "Arguments:", "Show this message", "required", "[default"):
        assert word not in french, french
    assert "Affiche ce message" in french
    assert "Emploi" in french


def test_every_command_has_help_and_every_option_too() -> None:
    def check(command: Command, path: str) -> None:
        assert command.help, path
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{path} {parameter.name}"
        if isinstance(command, TyperGroup):
            for name, below in command.commands.items():
                check(below, f"{path} {name}")

    for name in COMMANDS:
        check(loaded(name), name)
