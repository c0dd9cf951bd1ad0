"""A party that only exercises says so in its name, and neither it nor a live party reaches the other (R50)."""

from datetime import UTC, datetime

import pytest

from detente.airspace.refusal import Refusal
from detente.cli.node import node
from detente.cli.pair import pair
from detente.link.directory import NodeDirectory
from detente.node.beginning import empty_state
from detente.room.exercise import exercise_name, is_exercise
from detente.settings.configuration import read_configuration

NOW = datetime(2025, 6, 1, tzinfo=UTC)


def made(path, name):
    directory = NodeDirectory(path / name)
    directory.make(name, (), NOW)
    return directory


def test_the_name_says_it_whatever_its_case():
    assert exercise_name("north") == exercise_name(exercise_name("north")) == "EXERCISE-north"
    assert is_exercise("exercise-north")
    assert not is_exercise("north")


def test_no_party_pairs_with_one_of_the_other_kind(tmp_path):
    live, exercise = made(tmp_path, "north"), made(tmp_path, "EXERCISE-south")
    for own, other in ((live, exercise), (exercise, live)):
        with pytest.raises(Refusal) as refused:
            pair(other.card_path, own.path, other.card().fingerprint)
        assert refused.value.code == "link.exercises_apart"
        assert own.trust.cards() == []


def test_no_node_starts_with_a_card_of_the_other_kind_that_was_put_there(tmp_path):
    exercise, other, live = (made(tmp_path, name) for name in ("EXERCISE-north", "EXERCISE-south", "west"))
    configuration = read_configuration(exercise.config_path)
    exercise.trust.trust(other.card())
    empty_state(exercise, configuration, None)
    exercise.trust.trust(live.card())
    with pytest.raises(Refusal) as refused:
        empty_state(exercise, configuration, None)
    assert refused.value.value == "west"


def test_a_live_node_is_not_started_for_an_exercise_by_mistake(tmp_path):
    with pytest.raises(Refusal) as refused:
        node(made(tmp_path, "north").path, exercise=True)
    assert refused.value.code == "cli.party_that_exercises"
