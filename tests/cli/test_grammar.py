"""One grammar: one word for one thing in every command, names in any case, ids cut short, and answers for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run_detente
from typer._click.core import Command
from typer.core import TyperGroup, TyperOption

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.main import COMMANDS, loaded
from detente.cli.names import any_party, meant, peer_named
from detente.cli.options import own_directory
from detente.cli.tables import table_lines
from detente.link.directory import NodeDirectory

OLD = {"--with", "--from", "--by", "--at", "--where", "--block", "--within", "--since", "--of", "--who",
       "--opened-by", "--send-to", "--format"}  # fmt: skip
"""Words that were once said for what has one word now."""
MEANT_OTHERWISE = {"convert": {"--to"}, "export": {"--to"}, "check": {"--from", "--to"}}
"""Here these words are a format, or times, and no party."""
WRITES_A_FILE = {"accord draft", "accord schema", "card export", "convert", "demo", "details export", "dss why",
                 "export", "humanitarian form",
                 "line carry-out", "match audit again", "match audit breach", "match audit check", "match audit open",
                 "match late", "match run", "node", "rehearse", "token", "transcript export",
                 "transcript prove", "warm"}  # fmt: skip
"""Commands that write one file, talk on while they run, or end by their exit code."""


def every_command() -> Iterator[tuple[str, Command]]:
    waiting = [(name, loaded(name)) for name in COMMANDS]
    while waiting:
        name, command = waiting.pop()
        if isinstance(command, TyperGroup):
            waiting += [(f"{name} {below}", one) for below, one in command.commands.items()]
        else:
            yield name, command


def options(command: Command) -> set[str]:
    return {word for one in command.params if isinstance(one, TyperOption) for word in (*one.opts, *one.secondary_opts)}


def test_the_other_party_and_all_else_has_one_word() -> None:
    found = {name: options(command) & OLD - MEANT_OTHERWISE.get(name, set()) for name, command in every_command()}
    assert not {name: words for name, words in found.items() if words}


def test_an_option_that_commands_share_is_the_same_in_each() -> None:
    kinds: dict[str, set[str]] = {}
    for _, command in every_command():
        for one in command.params:
            if isinstance(one, TyperOption):
                kinds.setdefault(max(one.opts, key=len), set()).add(str(one.type_descriptor.annotation))
    shared = ("--post", "--centre", "--radius", "--vertices", "--heights", "--window", "--time", "--json", "--owner")
    assert all(len(kinds[word]) == 1 for word in shared), {word: kinds[word] for word in shared}


def test_every_command_that_makes_or_lists_something_answers_scripts() -> None:
    silent = {name for name, command in every_command() if not {"--json", "--quiet"} <= options(command)}
    assert silent == WRITES_A_FILE


@pytest.fixture
def north(tmp_path: Path) -> Path:
    for name in ("North", "South"):
        assert run_detente("init", "--dir", tmp_path / name, "--name", name).returncode == 0
    fingerprint = run_detente("card", "show", "--dir", tmp_path / "South", "--fingerprint").stdout.strip()
    done = run_detente(
        "pair", tmp_path / "South" / "card.json", "--dir", tmp_path / "North", "--fingerprint", fingerprint
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "North"


def test_the_directory_is_the_one_said_that_of_the_variable_or_the_current_one(
    north: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    south = north.with_name("South")
    monkeypatch.chdir(north)
    assert run_detente("card", "show", "--quiet").stdout == "North\n"
    monkeypatch.setenv("DETENTE_DIR", str(south))
    assert own_directory() == south
    assert run_detente("card", "show", "--quiet").stdout == "South\n"
    assert run_detente("card", "show", "--quiet", "--dir", north).stdout == "North\n"
    monkeypatch.delenv("DETENTE_DIR")
    monkeypatch.chdir(north.parent)
    done = run_detente("line", "stop")
    assert done.returncode == ExitCode.BAD_INPUT
    assert "--dir DIRECTORY" in done.stderr
    assert "DETENTE_DIR" in done.stderr


def test_a_card_and_a_directory_answer_scripts(north: Path) -> None:
    card = NodeDirectory(north).card()
    shown = json.loads(run_detente("card", "show", "--dir", north, "--json").stdout)
    assert (shown["name"], shown["fingerprint"], shown["public_key"]) == ("North", card.fingerprint, card.public_key)
    assert run_detente("card", "show", "--dir", north, "--key").stdout == f"{card.public_key}\n"
    made = run_detente("init", "--dir", north.with_name("East"), "--name", "East", "--json")
    assert json.loads(made.stdout)["public_key"] == NodeDirectory(north.with_name("East")).card().public_key


def test_parties_are_named_in_any_case(north: Path) -> None:
    assert peer_named(north, "sOUTH") == "South"
    assert peer_named(north, "sou") == "sou", "a party's name is not cut short"
    assert any_party(north, "NORTH") == "North"
    assert any_party(north, None) is None
    assert "paired party: South" in run_detente("disclosed", "--peer", "west", "--dir", north).stderr
    assert "has been told nothing" in run_detente("disclosed", "--peer", "SOUTH", "--dir", north).stdout


def test_an_id_is_what_begins_so_and_clear() -> None:
    known = ["ab12", "ab13", "c1", "c1-more", "Mixed"]
    assert meant("plan", "ab12", known) == "ab12"
    assert meant("plan", "c1", known) == "c1", "a whole id is no beginning of another"
    assert meant("plan", "mix", known) == "Mixed"
    assert meant("plan", "x", known) == "x", "the node says what it thinks of it"
    with pytest.raises(Refusal, match="one of ab12, ab13"):
        meant("plan", "AB", known)


def test_a_long_list_of_candidates_is_cut() -> None:
    with pytest.raises(Refusal, match=r"a5, \.\.\."):
        meant("plan", "a", [f"a{number}" for number in range(9)])


PLACE = "36°41.20′N 121°36.55′W"
ROW = ("122dc9761b49adc8", "north SURVEY-2\nsouth ZONE-A", PLACE, "0.00 NM (0 m), 1\u202f000 ft (305 m)")
HEADINGS = ("conflict", "plans", "place", "closest approach")


@pytest.mark.parametrize("width", [20, 30, 44, 60, 80, 120])
def test_no_figure_is_cut_however_narrow_the_screen(width: int) -> None:
    shown = list(table_lines(HEADINGS, [ROW, ROW], width))
    for figure in ("122dc9761b49adc8", "36°41.20′N", "121°36.55′W", "0.00 NM", "305 m)", "1\u202f000 ft"):
        assert sum(figure in line for line in shown) == 2, (figure, shown)
    assert max(map(len, shown)) <= max(width, len("conflict: 122dc9761b49adc8"))


def test_a_table_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = Path(__file__).parents[2] / "docs" / "samples"
    widths = {}
    for columns in ("60", "150"):
        monkeypatch.setenv("COLUMNS", columns)
        done = run_detente("check", samples / "ours.geojson", samples / "theirs.geojson")
        sentences = ("Minima:", "plans are past")
        table = [line for line in done.stdout.splitlines() if not any(words in line for words in sentences)]
        widths[columns] = max(map(len, table))
        assert "E" in done.stdout
    assert widths["60"] <= 60 < widths["150"] <= 150


def test_what_steers_a_terminal_is_written_out() -> None:
    (_, _, line) = table_lines(("a",), [("\x1b[2Jno",)], 40)
    assert line == "\\x1b[2Jno"
