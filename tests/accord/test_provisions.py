"""The optional tables of an accord: read with their units, hashed without floats, published as a schema."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from pathlib import Path

import pytest
from accord_samples import FULL, NORTH_AUTHORITY, SHORT
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from detente.accord.provisions import (
    STANDARD_PROVISIONS,
    DisclosureBudget,
    Horizon,
    Horizons,
    Level,
    NoticeKind,
    PlanKind,
    SafetyFunction,
)
from detente.accord.schema import accord_schema, schema_text
from detente.accord.terms import accord_hash, canonical_bytes, format_accord, parse_accord
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima
from detente.picture.notices import Meaning

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "accord.schema.json"
VALIDATOR = Draft202012Validator(accord_schema())


def valid(text: str) -> bool:
    def as_json(value):
        return value.isoformat() if isinstance(value, datetime) else value

    return VALIDATOR.is_valid(json.loads(json.dumps(tomllib.loads(text), default=as_json)))


def test_every_table_is_read_in_base_units() -> None:
    provisions = parse_accord(FULL).provisions
    assert provisions.lead_times.of(NoticeKind.OUR_AIRCRAFT_HERE) == 172_800.0
    assert provisions.lead_times.of(NoticeKind.KEEP_OUT) == 86_400.0
    assert provisions.lead_times.of(NoticeKind.CLOSED_TO_ALL) == 432_000.0
    assert provisions.lead_times.of(NoticeKind.CALL_BEFORE_ENTERING) == 3_600.0
    assert [channel.frequency_khz for channel in provisions.radio.channels] == [121_500.0, 4_125.0]
    assert [(step.post, step.within_s) for step in provisions.escalation] == [("watch", 20.0), ("command", 90.0)]
    assert provisions.disclosure_grid.block_m == 609.6
    assert provisions.disclosure_budget == DisclosureBudget(
        exact_answers=40, epoch_s=86_400.0, exact_answers_per_plan_hour=2, age_s=300.0, batch_s=0.0, lead_s=5_400.0,
        grain=Level.CELL,
    )  # fmt: skip
    assert provisions.suspension.keeps == (SafetyFunction.STOP, SafetyFunction.LINE_CHECKS, SafetyFunction.INCIDENTS)
    assert provisions.reporting.request_answer_s == 43_200.0
    assert provisions.free_text
    assert provisions.area is not None
    assert len(provisions.area.polygon.vertices) == 3


def test_each_horizon_has_its_minima() -> None:
    accord = parse_accord(FULL)
    assert accord.minima_at(Horizon.STRATEGIC) == accord.minima
    assert accord.minima_at(Horizon.PRE_TACTICAL) == accord.minima
    tactical = accord.minima_at(Horizon.TACTICAL)
    assert tactical.default == Minima(5556.0, 213.36, 0.0)
    assert tactical.between("uncrewed", "crewed") == Minima(926.0, 137.16, 10.0)


@pytest.mark.parametrize(
    ("lead_s", "horizon"),
    [(1e6, Horizon.STRATEGIC), (1200.1, Horizon.STRATEGIC), (1200.0, Horizon.PRE_TACTICAL),
     (120.5, Horizon.PRE_TACTICAL), (120.0, Horizon.TACTICAL), (-5.0, Horizon.TACTICAL)],
)  # fmt: skip
def test_horizons_meet_where_the_accord_says(lead_s: float, horizon: Horizon) -> None:
    assert Horizons().of(lead_s) is horizon


def test_text_round_trip_keeps_every_table() -> None:
    accord = parse_accord(FULL)
    again = parse_accord(format_accord(accord))
    assert again == accord
    assert accord_hash(again) == accord_hash(accord)
    floats: list[str] = []
    json.loads(canonical_bytes(accord), parse_float=floats.append)
    assert floats == []


def test_defaults_written_out_are_the_same_accord() -> None:
    written = SHORT + '[line_checks]\nevery = "480 min"\nclock_alarm = "5 s"\n[lead_times]\ndefault = "immediate"\n'
    assert canonical_bytes(parse_accord(written)) == canonical_bytes(parse_accord(SHORT))
    assert b"provisions" not in canonical_bytes(parse_accord(SHORT))
    assert parse_accord(SHORT).provisions == STANDARD_PROVISIONS


def test_the_order_of_rules_is_no_term() -> None:
    rules = FULL.split("[[disclosure_rules]]")
    swapped = (
        rules[0] + "[[disclosure_rules]]" + rules[2].split("[disclosure_grid]")[0] + "[[disclosure_rules]]" + rules[1]
    )
    swapped += "[disclosure_grid]" + rules[2].split("[disclosure_grid]")[1]
    assert accord_hash(parse_accord(swapped)) == accord_hash(parse_accord(FULL))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('within = "20 s"', "within = 20", "escalation[0].within"),
        ('within = "20 s"', "within_s = 20.0", "escalation[0].within_s"),
        ('within = "20 s"', 'within = "20 m"', "escalation[0].within"),
        ('grain = "cell"', 'grain = "volume"', "disclosure_budget.grain"),
        ('lead = "90 min"', 'lead = "30 s"', "disclosure_budget.lead"),
        ("exact_answers = 40", "exact_answers = -1", "disclosure_budget.exact_answers"),
        ('frequency = "121.5 MHz"', "frequency = 121.5", "radio.channels[0].frequency"),
        ('our_aircraft_here = "routine"', 'our_aircraft_here = "soon"', "lead_times.our_aircraft_here"),
        ('our_aircraft_here = "routine"', 'elsewhere = "routine"', "lead_times.elsewhere"),
        ('keeps = ["stop"', 'keeps = ["planning"', "suspension.keeps[0]"),
        ('level = "volume"', 'level = "everything"', "disclosure_rules[1].level"),
        ('to = "south"', 'to = "east"', "disclosure_rules[1].to"),
        ('party = "north"', 'party = "east"', "radio.call_signs[0].party"),
        ('post = "command"', 'post = "minister"', "parties[0].posts"),
        (f'authority_key = "{NORTH_AUTHORITY}"\n', "", "parties[0].authority_key"),
        (NORTH_AUTHORITY, "ab" * 32, "parties[0].authority_key"),
        (NORTH_AUTHORITY, "34" * 32, "parties[1].authority_key"),
        ('FL", reference = { kind = "standard" } }\nupper', 'FL" }\nupper', "area.altitude.lower.reference"),
        ('call_sign = "North aircraft"', 'call_sign = "Strike aircraft"', "radio.call_signs[0].call_sign"),
        ('name = "strait-2025"', 'name = "intelligence-2025"', "name"),
        ('tactical = "3 min"', 'tactical = "30 min"', "horizons.tactical"),
        ("free_text = true", 'free_text = "yes"', "free_text"),
        ("free_text = true", "free_text = true\ntargets = []", "targets"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field(old: str, new: str, field: str) -> None:
    assert old in FULL
    with pytest.raises(Refusal) as caught:
        parse_accord(FULL.replace(old, new))
    assert caught.value.field == field


def test_the_published_schema_is_the_one_of_the_types() -> None:
    assert PUBLISHED.read_text() == schema_text()
    Draft202012Validator.check_schema(accord_schema())


def test_the_schema_says_what_the_parser_says() -> None:
    assert valid(FULL)
    assert valid(SHORT)
    assert not valid(FULL.replace('within = "20 s"', "within = 20"))
    assert not valid(FULL.replace("[reporting]", "[reporting]\nsomething_else = 1"))
    assert not valid(SHORT.replace("version = 1", ""))


@given(st.text(max_size=200), st.integers(0, len(FULL)))
def test_no_text_breaks_the_parser(noise: str, place: int) -> None:
    for text in (noise, FULL[:place] + noise + FULL[place:]):
        try:
            accord = parse_accord(text)
        except Refusal as refusal:
            assert len(str(refusal)) < 1000  # noqa: PT017 - either way is right
        else:
            assert parse_accord(format_accord(accord)) == accord


def test_kinds_of_notices_are_their_meanings() -> None:
    assert [kind.value for kind in NoticeKind] == [meaning.value for meaning in Meaning]


def test_levels_are_in_the_order_of_what_they_tell() -> None:
    assert [level.openness for level in Level] == list(range(6))
    assert set(PlanKind) == {"area", "route"}
