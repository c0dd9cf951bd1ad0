"""A paired peer that signs nonsense: it is received and receipted, kept on record, and changes nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parties import Party, accord_of, area_plan, two_parties
from test_hostile_line import refused_of

from detente.accord.terms import accord_hash
from detente.airspace.plan import Plan, Polygon, Volume4D
from detente.airspace.position import Position
from detente.airspace.resolution import LevelChange
from detente.link.answer import read_answer
from detente.link.links import Links
from detente.link.receipt import read_receipt
from detente.picture.measures import Measure
from detente.picture.messages import (
    MeasureAcceptedMessage,
    MeasureProposedMessage,
    NoticeGivenMessage,
    PlanAmendedMessage,
    PlanDeclaredMessage,
    PlanWithdrawnMessage,
)
from detente.picture.notices import Meaning, Notice
from detente.room.tagged import write_tagged


@pytest.fixture
def north(tmp_path: Path) -> Iterator[Party]:
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        north.south = south  # type: ignore[attr-defined]
        yield north


class Impostor:
    """South's key in other hands: signs whatever it is told to."""

    def __init__(self, north: Party) -> None:
        south: Party = north.south  # type: ignore[attr-defined]
        self._north = north
        self._key = south.key
        accord = accord_hash(accord_of(north, south))
        self._session = Links(south.key.public).open(north.key.public, accord)

    def send(self, *messages: tuple[str, bytes]) -> None:
        envelopes = self._session.seal(self._key, messages, datetime.now(UTC))
        body = b"".join(envelope.raw for envelope in envelopes)
        answer = self._north.ask("POST", "/link/v1/envelopes", body, token=None)
        assert answer.status == 200, answer.body
        receipts = [read_receipt(receipt.encode())[0] for receipt in read_answer(answer.body).receipts]
        assert receipts[-1].last == envelopes[-1].number
        assert all(later.first == one.last + 1 for one, later in itertools.pairwise(receipts)), "none is left out"


def bow_tie(plan_id: str) -> Plan:
    volume = area_plan(plan_id).intent[0]
    ring = Polygon((Position(0, 0), Position(1, 1), Position(1, 0), Position(0, 1)))
    return Plan(plan_id, (Volume4D(ring, volume.altitude, volume.time),))


def nonsense() -> list[tuple[str, bytes]]:
    changed = area_plan("a", level_m=3600.0)
    notice = Notice("n", "north", Meaning.KEEP_OUT, changed.intent[0], datetime.now(UTC))
    kind, body = write_tagged(PlanDeclaredMessage(area_plan("x"), 1))
    return [
        ("unheard-of", b"{}"),
        (kind, b""),
        (kind, b"\xff\xfe"),
        (kind, b"[" * 200_000),
        (kind, body.replace(b'"plan_id":"x"', b'"plan_id":"../x"')),
        (kind, body.replace(b'"revision":1', b'"revision":1e400')),
        ("plan_withdrawn", body),
        write_tagged(PlanDeclaredMessage(bow_tie("tie"), 1)),
        write_tagged(PlanDeclaredMessage(area_plan("x"), 0)),
        write_tagged(PlanDeclaredMessage(area_plan("x"), 2**62)),
        write_tagged(PlanAmendedMessage(area_plan("never-declared"), 2)),
        write_tagged(PlanWithdrawnMessage("a")),
        write_tagged(NoticeGivenMessage(notice)),
        write_tagged(MeasureAcceptedMessage("never-proposed")),
        write_tagged(MeasureProposedMessage(Measure("m", "0" * 16, "north", "north", 1, LevelChange(600.0), changed))),
        write_tagged(
            MeasureProposedMessage(Measure("m", "0" * 16, "south", "north", 1, LevelChange(600.0), bow_tie("a")))
        ),
    ]


def test_nonsense_is_on_record_and_changes_nothing(north: Party) -> None:
    north.imports(area_plan("a"))
    before = north.get("/picture")
    impostor = Impostor(north)
    messages = nonsense()
    impostor.send(*messages[:5])
    for message in messages[5:]:
        impostor.send(message)
    assert refused_of(north) == {"south": len(messages)}
    assert north.get("/picture") == before
    impostor.send(write_tagged(PlanDeclaredMessage(area_plan("honest"), 1)))
    assert len(north.get("/conflicts")["open"]) == 1
    digest = north.get("/status?digest=true")["picture_sha256"]
    north.kill()
    north.start()
    assert north.get("/status?digest=true")["picture_sha256"] == digest
    assert refused_of(north) == {"south": len(messages)}


def test_a_false_measure_is_refused_with_the_reason(north: Party) -> None:
    """It says a level change of 600 m and moves the plan by 6,000 m."""
    north.imports(area_plan("a"))
    impostor = Impostor(north)
    impostor.send(write_tagged(PlanDeclaredMessage(area_plan("b"), 1)))
    (conflict,) = north.get("/conflicts")["open"]
    conflict_id = conflict["conflict"]["conflict_id"]
    lie = Measure("lie", conflict_id, "south", "south", 1, LevelChange(600.0), area_plan("b", level_m=9000.0))
    stale = Measure("stale", conflict_id, "south", "south", 7, LevelChange(600.0), area_plan("b", level_m=3600.0))
    impostor.send(write_tagged(MeasureProposedMessage(lie)), write_tagged(MeasureProposedMessage(stale)))
    reasons = {m["measure"]["measure_id"]: (m["state"], m["reason"]) for m in north.get("/measures")}
    assert reasons["lie"] == ("refused", "the resulting plan is not the plan with that change")
    assert reasons["stale"] == ("refused", "the plan has another revision now")
    assert len(north.get("/conflicts")["open"]) == 1


def test_an_acceptance_of_its_own_proposal_changes_nothing(north: Party) -> None:
    north.imports(area_plan("a"))
    impostor = Impostor(north)
    impostor.send(write_tagged(PlanDeclaredMessage(area_plan("b"), 1)))
    (conflict,) = north.get("/conflicts")["open"]
    ask = Measure(
        "ask", conflict["conflict"]["conflict_id"], "south", "north", 1, LevelChange(600.0),
        area_plan("a", level_m=3600.0),
    )  # fmt: skip
    impostor.send(write_tagged(MeasureProposedMessage(ask)), write_tagged(MeasureAcceptedMessage("ask")))
    assert north.get("/plans/north/a")["revision"] == 1
    assert [m["state"] for m in north.get("/measures")] == ["proposed"]
