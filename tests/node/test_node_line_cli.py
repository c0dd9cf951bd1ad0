"""`detente line`: what two duty officers type, in English and French."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from parties import Party, two_parties

from detente.airspace.altitude import AltitudeUnit, Qfe
from detente.airspace.refusal import Refusal
from detente.cli.line_values import value, values
from detente.line.parameters import Block, Height, Place
from detente.line.phrases import phrase_table


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("line-cli")) as pair:
        yield pair


def typed(party: Party, *words: str, language: str = "en", code: int = 0) -> str:
    done = party.cli("line", *words, language=language)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.mark.long
def test_a_conversation_on_two_terminals(parties: tuple[Party, Party], tmp_path: Path) -> None:
    north, south = parties
    typed(south, "watch", "take", "watch", "--shift", "day", "--speaks", "fr", "--speaks", "en")
    typed(north, "watch", "take", "watch", "--shift", "day", "--speaks", "en")
    said = typed(
        north, "send", "aircraft_near_you", "where=35.33,40.14", "height=10000ft MSL", "when=2025-06-01T12:00Z",
        "--peer", "south",
    )  # fmt: skip
    assert "north:1" in said
    typed(north, "stop")
    south.until(lambda: "north:2" in typed(south, "inbox"), "both arrive")
    french = typed(south, "inbox", "--waiting", "--post", "watch", language="fr")
    assert french.index("STOP. Des aéronefs sont en danger") < french.index("Un aéronef est près du vôtre")
    assert "aucun n'est une autorisation" in french
    typed(south, "acknowledge", "north:2", "--peer", "north", "--post", "watch")
    typed(south, "acknowledge", "north:1", "--peer", "north", "--post", "watch")
    wrong = ("where=35.41,40.14", "height=10000ft MSL", "when=2025-06-01T12:00Z")
    typed(south, "read-back", "north:1", *wrong, "--peer", "north", "--post", "watch")
    north.until(lambda: "NOT UNDERSTOOD, where" in typed(north, "inbox"), "9 km off is shown")
    typed(south, "read-back", "north:1", "--peer", "north", "--post", "watch", "--metres")
    north.until(lambda: "NOT UNDERSTOOD" not in typed(north, "inbox"), "the right figures follow")
    typed(south, "pass-on", "north:1", "--peer", "north", "--post", "watch", "--person", "sector east")
    north.until(lambda: "passed on" in typed(north, "inbox"), "passed on")
    typed(north, "check", "--peer", "south")
    typed(south, "check", "--peer", "north")
    north.until(lambda: "LIVE" in typed(north, "show"), "the line is live")
    south.until(lambda: "ACTIVE" in typed(south, "show", language="fr"), "on both sides")
    assert '"stops": 1' in typed(south, "watch", "show", "watch")
    typed(south, "watch", "leave", "watch")
    assert "personne" in typed(south, "show", language="fr")
    assert "СТОП" in typed(north, "codes", "--language", "ru")


def test_by_voice_and_by_file(parties: tuple[Party, Party], tmp_path: Path) -> None:
    north, south = parties
    sent = typed(north, "send", "radio_check", "--peer", "south").split()[2]
    south.until(lambda: sent in typed(south, "inbox"), "it arrives")
    code = re.search(r"to read aloud: (\S+)", typed(north, "inbox"))
    assert code is not None
    assert typed(south, "voice", code[1].lower(), "--peer", "north").strip().endswith("-"), "it came already"
    mistyped = code[1][:-1] + ("2" if code[1][-1] != "2" else "3")
    assert "Ask for group" in typed(south, "voice", mistyped, "--peer", "north", code=2)
    typed(north, "carry-out", "--peer", "south", "--out", str(tmp_path / "stick"), "--mail")
    assert "0 new envelopes" in typed(south, "carry-in", str(tmp_path / "stick"))
    assert "a parcel" in typed(south, "carry-in", __file__, code=2)


def test_what_is_typed_wrong_is_refused_with_an_example(parties: tuple[Party, Party]) -> None:
    north, _ = parties
    for word in ("where=35 20,40 08", "height=10000", "when=2025-06-01T12:00", "colour=red"):
        assert "expected" in typed(north, "send", "aircraft_near_you", word, "--peer", "south", code=2)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("place", "35.33"), ("place", "35.33N 40.14E"), ("place", "95.0,40.0"), ("place", "N4WR-TFCR-8"),
        ("height", "10000"), ("height", "10000ft"), ("height", "10000 MSL"), ("height", "900m QFE941"),
        ("height", "10000ft QNH"), ("height", "3000..4000ft MSL"), ("block", "3000ft MSL"),
        ("block", "4000..3000ft MSL"),
        ("moment", "12:00"), ("moment", "2025-06-01T12:00"), ("window", "2025-06-01T12:00Z"), ("length", "5"),
        ("length", "5nm"), ("bearing", "90"), ("bearing", "400"), ("frequency", "121.5"), ("duration", "90"),
        ("language", "de"), ("reference", "two words"),
    ],
)  # fmt: skip
def test_a_value_that_can_be_read_in_two_ways_is_refused(kind: str, text: str) -> None:
    with pytest.raises(Refusal):
        value("x", kind, text)


def test_values_are_what_was_typed() -> None:
    found = values("aircraft_near_you", ["where=N4WR-TFCR-7", "height=900m QFE941/616", "when=2025-06-01T14:30+02:00"])
    assert isinstance(found["where"], Place)
    assert isinstance(found["height"], Height)
    assert found["height"].altitude.reference == Qfe(941.0, 616.0)
    block = value("x", "block", "FL100..FL120")
    assert isinstance(block, Block)
    assert block.band.upper.unit is AltitudeUnit.FLIGHT_LEVEL
    kinds = {kind for code in phrase_table().codes.values() for kind in code.parameters.values()}
    examples = {
        "place": "1.5,2.5", "height": "FL100", "block": "300..400m AGL250", "length": "5NM", "bearing": "090",
        "moment": "2025-06-01T14:30Z", "window": "2025-06-01T14:30Z/2025-06-01T15:00Z", "frequency": "121.5MHz",
        "language": "ru", "reference": "zone-1", "duration": "90s",
    }  # fmt: skip
    assert set(examples) == kinds
    for kind, text in examples.items():
        value("x", kind, text)
