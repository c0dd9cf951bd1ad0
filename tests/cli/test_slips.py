"""A slip is refused in one line; tables show ids whole on a narrow screen, and a peer's words as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import run_detente
from typer.core import TyperGroup

from detente.airspace.refusal import Refusal
from detente.api.client import NodeClient
from detente.cli.line_values import values
from detente.cli.main import COMMANDS, loaded
from detente.cli.tables import print_table
from detente.cli.zone import terms_text

SOURCE = Path(__file__).parents[2] / "src" / "detente"


def refused(*arguments: object) -> str:
    done = run_detente(*arguments)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(Refusal, match="each parameter once"):
        values("emergency", ["where=34,20", "height=3000m MSL", "where=35,20"])


def test_ids_and_times_are_whole_on_a_narrow_screen(capsys: pytest.CaptureFixture[str]) -> None:
    row = ("122dc9761b49adc8", "north SURVEY-2", "south ZONE-A", "2025-06-01T15:00:00Z", "0.00 NM (0 m), 0 ft (0 m)")
    print_table(("conflict", "first", "second", "start", "closest"), [row], width=60)
    shown = capsys.readouterr().out
    assert "122dc9761b49adc8" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_what_a_peer_wrote_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("measure", "reason"), [("m-1", "[/bold] and [red]no[/red]")])
    assert "[/bold] and [red]no[/red]" in capsys.readouterr().out


@pytest.mark.parametrize(("language", "height"), [("en", "9,843 ft (3,000 m)"), ("fr", "9 843 ft (3 000 m)")])
def test_terms_of_a_zone_are_said_in_both_units(monkeypatch: pytest.MonkeyPatch, language: str, height: str) -> None:
    monkeypatch.setenv("DETENTE_LANGUAGE", language)
    sea = {"kind": "mean_sea_level"}
    circle = {"kind": "circle", "centre": {"latitude_deg": 34.0, "longitude_deg": 20.0}, "radius_m": 9260.0}
    heights = {
        "lower": {"value": 0, "unit": "m", "reference": sea},
        "upper": {"value": 3000, "unit": "m", "reference": sea},
    }
    time = {"start": "2025-06-01T12:00:00Z", "end": "2025-06-01T13:00:00Z"}
    said = terms_text(
        {"owner": "north", "meaning": "keep_out", "area": circle, "altitude": heights, "time": time,
         "contact_at_m": 22224.0, "hold_outside_m": None}
    )  # fmt: skip
    assert height in said.replace("\u202f", " ").replace("\xa0", " ")
    assert "12.0 NM (22.2 km)" in said.replace(",", ".")


def test_numbers_beyond_all_measure_are_refused(tmp_path: Path) -> None:
    for name in ("north", "south"):
        assert run_detente("init", "--dir", tmp_path / name, "--name", name).returncode == 0
    assert "--first" in refused("journal", "show", tmp_path / "north", "--first", "99999999999999999999")
    assert "--port" in refused("dss", "--dir", tmp_path / "dss", "--port", "99999")
    key = "0" * 64
    draft = ("accord", "draft", "--dir", tmp_path / "north", "--peer", "south", "--authority", key)
    assert "--days" in refused(*draft, "--peer-authority", key, "--name", "strait", "--days", "999999999")


def test_a_file_where_a_directory_is_meant_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    assert "a directory that can be written" in refused("dss", "--dir", file)
    assert "a directory that can be written" in refused("token", "--dir", file)


def test_every_command_that_a_refusal_names_is_there() -> None:
    named = {
        tuple(found.split())
        for text in re.findall(r'"([^"\n]*)"', "".join(f.read_text("utf-8") for f in SOURCE.rglob("*.py")))
        for found in re.findall(r"(?:See: |`)detente ([a-z]+(?: [a-z]+)?)[`. ]", text)
    }
    assert len(named) > 10
    for first, *rest in sorted(named):
        assert first in COMMANDS, first
        there = loaded(first)
        for word in rest:
            if isinstance(there, TyperGroup):
                assert word in there.commands, (first, *rest)
                there = there.commands[word]


def test_no_id_is_another_route(tmp_path: Path) -> None:
    assert run_detente("init", "--dir", tmp_path / "north", "--name", "north").returncode == 0
    (tmp_path / "north" / "node.address").write_text('{"url": "http://127.0.0.1:9", "pid": 1}')
    client = NodeClient(tmp_path / "north")
    for part in ("", "a/b"):
        with pytest.raises(Refusal, match="without a slash"):
            client.get("accords", part)
