import contextlib
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.accord.matching_terms import FineGrid, MatchingDomain, MatchingTerms
from detente.accord.provisions import Provisions
from detente.accord.terms import (
    Accord,
    AccordParty,
    Disclosure,
    accord_hash,
    canonical_bytes,
    format_accord,
    parse_accord,
)
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.separation import ClassMinima, Minima, MinimaTable

NORTH, SOUTH = "ab" * 32, "cd" * 32
TEXT = f"""
name = "strait-2025"
version = 1
disclosure = "full"

[valid]
start = 2025-06-01T00:00:00Z
end = 2025-06-02T00:00:00Z

[[parties]]
name = "north"
public_key = "{NORTH}"

[[parties]]
name = "south"
public_key = "{SOUTH}"

[minima.default]
horizontal = "5 NM"
vertical = "1000 ft"

[[minima.by_class]]
classes = ["crewed", "uncrewed"]
horizontal = "1.5 km"
vertical = "150 m"
time = "2 min"
"""

SOUTH_KEY = f'public_key = "{SOUTH}"\n'

identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,20}", fullmatch=True)
keys = st.binary(min_size=32, max_size=32).map(bytes.hex)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
minima = st.builds(
    lambda h, v, t: Minima(h / 1000, v / 1000, t / 1000),
    st.integers(0, 200_000_000),
    st.integers(0, 20_000_000),
    st.integers(0, 86_400_000),
)
accords = st.builds(
    lambda name, version, parties, start, span, default, rows: Accord(
        name,
        version,
        tuple(AccordParty(party, key) for party, key in parties),
        TimeWindow(start, start + span),
        MinimaTable(default, tuple(ClassMinima(a, b, m) for (a, b), m in rows)),
    ),
    identifiers,
    st.integers(1, 1_000_000),
    st.lists(
        st.tuples(identifiers, keys), min_size=2, max_size=5, unique_by=(lambda p: p[0].casefold(), lambda p: p[1])
    ),
    instants,
    st.timedeltas(timedelta(0), timedelta(days=400)),
    minima,
    st.lists(
        st.tuples(st.tuples(identifiers, identifiers), minima), max_size=4, unique_by=lambda row: frozenset(row[0])
    ),
)


def test_terms_are_read_in_one_frame_of_units():
    accord = parse_accord(TEXT)
    assert accord.minima.default == Minima(9260.0, 304.8, 0.0)
    assert accord.minima.between("uncrewed", "crewed") == Minima(1500.0, 150.0, 120.0)
    assert accord.valid == TimeWindow(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 2, tzinfo=UTC))
    assert accord.disclosure is Disclosure.FULL
    assert accord.party("south") == AccordParty("south", SOUTH)
    assert accord.party("nobody") is None


def test_the_hash_is_of_documented_bytes():
    accord = parse_accord(TEXT)
    expected = (
        '{"disclosure":"full","format":"detente-accord-1","minima":{"by_class":[{"classes":["crewed","uncrewed"],'
        '"horizontal_mm":1500000,"time_ms":120000,"vertical_mm":150000}],"default":{"horizontal_mm":9260000,'
        '"time_ms":0,"vertical_mm":304800}},"name":"strait-2025","parties":[{"name":"north","public_key":"'
        + NORTH
        + '"},{"name":"south","public_key":"'
        + SOUTH
        + '"}],"valid":{"end":"2025-06-02T00:00:00Z","start":"2025-06-01T00:00:00Z"},"version":1}'
    ).encode()
    assert canonical_bytes(accord) == expected
    assert accord_hash(accord) == hashlib.sha256(expected).hexdigest()


def test_the_same_terms_written_otherwise_have_the_same_hash():
    other = f"""
    version = 1   # a comment
    name = "strait-2025"
    disclosure = "full"
    minima.default = {{ horizontal = "9.26 km", vertical = "304.8 m", time = "0 min" }}
    parties = [{{ name = "south", public_key = "{SOUTH.upper()}" }}, {{ name = "north", public_key = "{NORTH}" }}]
    valid = {{ end = 2025-06-02T02:00:00+02:00, start = 2025-05-31T21:00:00-03:00 }}
    [[minima.by_class]]
    classes = ["uncrewed", "crewed"]
    horizontal = "1500 m"
    vertical = "0.150 km"
    time = "120 s"
    """
    assert accord_hash(parse_accord(other)) == accord_hash(parse_accord(TEXT))


@given(accords)
def test_text_round_trip_keeps_accord_and_hash(accord):
    again = parse_accord(format_accord(accord))
    assert again == accord
    assert canonical_bytes(again) == canonical_bytes(accord)
    numbers = []
    json.loads(canonical_bytes(accord), parse_float=numbers.append)
    assert numbers == []


@given(accords, accords)
def test_different_terms_have_different_hashes(first, second):
    def meaning(accord):
        rows = {
            frozenset((row.first_class, row.second_class)): msgspec_values(row.minima) for row in accord.minima.by_class
        }
        parties = frozenset((party.name, party.public_key) for party in accord.parties)
        return (accord.name, accord.version, parties, accord.valid, msgspec_values(accord.minima.default), rows)

    def msgspec_values(row):
        return (row.horizontal_m, row.vertical_m, row.time_s)

    assert (accord_hash(first) == accord_hash(second)) == (meaning(first) == meaning(second))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (
            SOUTH_KEY,
            SOUTH_KEY + 'telephones = [{ post = "watch", number = "ring them" }]\n',
            "parties[1].telephones[0].number",
        ),
        (
            SOUTH_KEY,
            SOUTH_KEY + 'telephones = [{ post = "no post", number = "+33 1 40" }]\n',
            "parties[1].telephones[0].post",
        ),
        (
            SOUTH_KEY,
            SOUTH_KEY + 'posts = ["watch", "senior", "command"]\ntelephones = [{ post = "desk", number = "112" }]\n',
            "parties[1].posts",
        ),
        ('"5 NM"', "5", "minima.default.horizontal"),
        ('"5 NM"', '"5"', "minima.default.horizontal"),
        ('"5 NM"', '"5 nm"', "minima.default.horizontal"),
        ('"5 NM"', '"5 s"', "minima.default.horizontal"),
        ('"5 NM"', '"-5 NM"', "minima.default.horizontal"),
        ('"5 NM"', '"500000 NM"', "minima.default.horizontal_m"),
        ('"5 NM"', '"0.0001 m"', "minima.default.horizontal"),
        ('time = "2 min"', 'time = "2 ft"', "minima.by_class[0].time"),
        ('"uncrewed"', '"un crewed"', "minima.by_class[0].classes"),
        ('vertical = "1000 ft"\n', "", "minima.default.vertical"),
        ("start = 2025-06-01T00:00:00Z", "start = 2025-06-01T00:00:00", "valid.start"),
        ("start = 2025-06-01T00:00:00Z", "start = 2025-06-01", "valid.start"),
        ("end = 2025-06-02T00:00:00Z", "end = 2025-05-02T00:00:00Z", "valid.end"),
        ('"full"', '"everything"', "disclosure"),
        ('disclosure = "full"', "", "disclosure"),
        ("version = 1", "version = 0", "version"),
        ("version = 1", 'version = "1"', "version"),
        ('name = "north"', 'name = "../north"', "parties[0].name"),
        ('name = "south"', 'name = "NORTH"', "parties[1].name"),
        (NORTH, "zz" * 32, "parties[0].public_key"),
        (NORTH, SOUTH, "parties[1].public_key"),
        ("version = 1", "version = 1\ntargets = []", "targets"),
        ("[valid]", "[valid]\nweapons = 1", "valid.weapons"),
        (
            'classes = ["crewed", "uncrewed"]',
            'classes = ["crewed", "uncrewed"]\nrank = 1',
            "minima.by_class[0].rank",
        ),
        ('name = "strait-2025"', "name = ", "accord"),
        ('name = "strait-2025"', "name = " + "[" * 20_000, "accord"),
        ('name = "strait-2025"', "name = " + "9" * 9_000, "accord"),
    ],
)
def test_a_refusal_names_the_field(old, new, field):
    assert old in TEXT
    with pytest.raises(Refusal) as caught:
        parse_accord(TEXT.replace(old, new))
    assert caught.value.field == field
    assert len(str(caught.value)) < 500


def test_one_party_is_no_accord():
    text = TEXT.replace(f'[[parties]]\nname = "south"\npublic_key = "{SOUTH}"\n', "")
    with pytest.raises(Refusal, match="parties: 1"):
        parse_accord(text)


def test_a_pair_of_classes_is_listed_once():
    row = '[[minima.by_class]]\nclasses = ["uncrewed", "crewed"]\nhorizontal = "1 m"\nvertical = "1 m"\n'
    with pytest.raises(Refusal, match=r"minima\.by_class\[1\]\.classes"):
        parse_accord(TEXT + row)


def test_minima_finer_than_a_millimetre_are_refused_however_the_accord_is_made():
    accord = parse_accord(TEXT)
    with pytest.raises(Refusal, match=r"minima\.default\.horizontal_m"):
        Accord(accord.name, 1, accord.parties, accord.valid, MinimaTable(Minima(0.00049, 1.0)))


@given(st.text(max_size=200))
def test_any_text_is_an_accord_or_a_refusal(text):
    with pytest.raises(Refusal):
        parse_accord(text)


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_a_damaged_text_is_an_accord_or_a_refusal(place, character):
    with contextlib.suppress(Refusal):
        parse_accord(TEXT[:place] + character + TEXT[place + 1 :])


def test_the_reference_shows_an_accord_and_its_bytes():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "accord.md").read_text()
    toml, canonical = (page.split(f"```{kind}\n")[1].split("```")[0] for kind in ("toml", "json"))
    assert canonical_bytes(parse_accord(toml)) == canonical.strip().encode()


def test_an_accord_on_matching_keeps_the_hash_that_it_had_before_there_were_more_terms():
    """Computed by the release before spot checks; what is new counts only where it is used."""
    start = datetime(2025, 1, 1, tzinfo=UTC)

    def hash_of(**terms):
        return accord_hash(
            Accord(
                "strait", 1, (AccordParty("north", "01" * 32), AccordParty("south", "02" * 32)),
                TimeWindow(start, start + timedelta(days=9)), MinimaTable(Minima(9260.0, 304.8, 0.0)),
                provisions=Provisions(matching=MatchingTerms(cell_dm=50_000, late_runs=3, **terms)),
            )
        )  # fmt: skip

    assert hash_of() == "e82f3cebc21ac8c06fd0b89be4e2b8d9abea26796a0b7f8854b572866a5fc801"
    grid = FineGrid(cell_dm=20_000, bin_seconds=60, first_log2=9, second_log2=9)
    domain = MatchingDomain(south_millidegrees=0, west_millidegrees=0, north_millidegrees=9, east_millidegrees=9)
    changes = (
        {"fine": ()},
        {"fine": (grid,)},
        {"domain": domain},
        {"spot_points": 16},
        {"told_bits": 9},
        {"unflown_plans": 9},
    )
    assert len({hash_of(), *(hash_of(**change) for change in changes)}) == 1 + len(changes)


@pytest.mark.parametrize("fine", [None, (), (FineGrid(cell_dm=20_000, bin_seconds=60, first_log2=9, second_log2=9),)])
def test_the_grids_of_fine_rounds_are_kept_in_text(fine):
    start = datetime(2025, 1, 1, tzinfo=UTC)
    accord = Accord(
        "strait", 1, (AccordParty("north", "01" * 32), AccordParty("south", "02" * 32)),
        TimeWindow(start, start + timedelta(days=9)), MinimaTable(Minima(9260.0, 304.8, 0.0)),
        provisions=Provisions(matching=MatchingTerms(cell_dm=50_000, fine=fine)),
    )  # fmt: skip
    assert parse_accord(format_accord(accord)) == accord
