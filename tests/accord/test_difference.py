"""What differs between two accords is found term by term, and nothing else is."""

from __future__ import annotations

from accord_samples import FULL, SHORT
from hypothesis import given
from hypothesis import strategies as st

from detente.accord.difference import Alteration, TermDifference, differences
from detente.accord.terms import accord_hash, format_accord, parse_accord

EDITS = [
    ('every = "8 h"', 'every = "4 h"'),
    ('within = "20 s"', 'within = "30 s"'),
    ('frequency = "121.5 MHz"', 'frequency = "130 MHz"'),
    ('keeps = ["stop", "line_checks", "incidents"]', 'keeps = ["stop"]'),
    ('horizontal = "5 NM"', 'horizontal = "6 NM"'),
    ("latitude_deg = 35.25", "latitude_deg = 35.5"),
    ("free_text = true", "free_text = false"),
    ('disclosure = "cell"', 'disclosure = "volume"'),
    ('level = "volume"', 'level = "nothing"'),
    ('time = "10 s"', 'time = "11 s"'),
    ("version = 2", "version = 3"),
]


def test_one_changed_term_is_one_difference() -> None:
    before, after = parse_accord(FULL), parse_accord(FULL.replace('every = "8 h"', 'every = "4 h"'))
    assert differences(before, after) == [
        TermDifference(Alteration.CHANGED, "line_checks.every", "28800 s", "14400 s"),
    ]


def test_what_a_default_says_is_compared_as_said() -> None:
    explicit = parse_accord(SHORT + '[line_checks]\nevery = "8 h"\n')
    assert differences(parse_accord(SHORT), explicit) == []
    changed = differences(parse_accord(SHORT), parse_accord(SHORT + '[line_checks]\nevery = "1 h"\n'))
    assert [(row.term, row.before, row.after) for row in changed] == [("line_checks.every", "28800 s", "3600 s")]


def test_a_row_that_is_added_is_named() -> None:
    more = FULL + '\n[[minima.by_class]]\nclasses = ["balloon", "crewed"]\nhorizontal = "2 NM"\nvertical = "1 km"\n'
    found = differences(parse_accord(FULL), parse_accord(more))
    assert {row.alteration for row in found} == {Alteration.ADDED}
    assert "minima.by_class.balloon+crewed.horizontal" in {row.term for row in found}


@given(st.sets(st.sampled_from(EDITS)), st.sets(st.sampled_from(EDITS)))
def test_no_difference_exactly_when_the_hashes_are_equal(first: set, second: set) -> None:
    def edited(edits):
        text = FULL
        for old, new in sorted(edits):
            assert old in text
            text = text.replace(old, new)
        return parse_accord(text)

    before, after = edited(first), edited(second)
    found = differences(before, after)
    assert (accord_hash(before) == accord_hash(after)) == (not found)
    assert differences(parse_accord(format_accord(before)), after) == found
    assert len(differences(after, before)) == len(found)
