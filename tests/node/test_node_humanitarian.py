"""A humanitarian flight from a form to the screens of a recipient, and the pair of receipts that comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from parties import TODAY, Party, two_parties

from detente.airspace.refusal import Refusal
from detente.cli.humanitarian import FORM, give
from detente.cli.humanitarian import form as write_form


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("humanitarian")) as pair:
        yield pair


def typed(party: Party, *words: str, language: str = "en", code: int = 0) -> str:
    done = party.cli(*words, language=language)
    assert done.returncode == code, done.stdout + done.stderr
    return str(done.stdout if code == 0 else done.stderr)


@pytest.mark.long
def test_a_form_is_told_to_its_recipient_and_both_receipts_come_back(
    parties: tuple[Party, Party], tmp_path: Path
) -> None:
    north, south = parties
    form = tmp_path / "form.toml"
    write_form(form)
    window = f"{TODAY + timedelta(hours=30):%Y-%m-%dT%H:%MZ}/{TODAY + timedelta(hours=31):%Y-%m-%dT%H:%MZ}"
    text = form.read_text().replace("2030-06-01T14:30Z/2030-06-01T15:00Z", window)
    form.write_text(text)
    typed(north, "humanitarian", "give", str(form))
    south.until(lambda: "relief-7" in typed(south, "humanitarian", "list"), "the notice arrives")
    assert "not shown yet" in typed(south, "humanitarian", "list")
    # 30 hours ahead, 18 short of two days.
    assert "LATE by" in typed(south, "humanitarian", "list")
    south.until(lambda: "keep out" in typed(south, "notice", "list"), "it counts as a notice")
    assert "shown by watch" in typed(south, "humanitarian", "list", "--post", "watch")

    def both() -> bool:
        one = json.loads(typed(north, "humanitarian", "receipts", "relief-7", "--json"))
        (told,) = one["recipients"]
        return bool(told["received"] and told["shown"] and told["shown"]["by"] == "watch")

    north.until(both, "both receipts come back")
    assert "A receipt permits nothing." in typed(north, "humanitarian", "receipts", "relief-7")
    assert "dit à 1, reçu par 1, montré par 1" in typed(north, "humanitarian", "list", language="fr")
    typed(north, "humanitarian", "receipts", "relief-7", "--out", str(tmp_path / "receipts.json"))
    assert json.loads((tmp_path / "receipts.json").read_text())["recipients"][0]["party"] == "south"
    typed(north, "humanitarian", "withdraw", "relief-7")
    south.until(lambda: "taken back" in typed(south, "humanitarian", "list"), "it is taken back")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "flight"', 'kinds = "flight"', "kinds: 'flight'"),
        ('kind = "flight"', "", "kind: None"),
        ('recipients = ["south"]', "recipients = []", "recipients: []"),
        ('recipients = ["south"]', "recipients = [1]", "recipients: [1]"),
        ('radius = "9km"', 'radius = "9"', "volumes[1].radius: '9'"),
        ('radius = "9km"', 'mission = "9km"', "volumes[1].mission"),
        ('heights = "FL100..FL120"', "", "volumes[1].heights"),
        ("[[volumes]]", "[[volumes", "TOML"),
        ("[[volumes]]", "[volumes]", "volumes: "),
    ],
)
def test_a_form_that_is_filled_in_wrong_is_refused_by_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    form = tmp_path / "form.toml"
    assert old in FORM
    form.write_text(FORM.replace(old, new))
    party = Party(tmp_path / "alone", "alone", 1)
    with pytest.raises(Refusal) as caught:
        give(form, party.files.path, None)
    assert said in str(caught.value)
