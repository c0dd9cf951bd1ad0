"""Bodies in pieces, other protocols and requests sent ahead, at each listener of a real node; people are answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parties import Party
from test_hostile_strangers import bearer, officer, stop_arrives
from test_stop_listener import with_stop_port

from detente.link.answer import ENVELOPES_PATH
from detente.room.channel import CHANNEL_HASH, Channel
from hostile_framing import (
    Target,
    check_chunks,
    check_half_closed,
    check_lengths,
    check_sent_ahead,
    check_too_large_a_body,
    check_upgrades,
    check_word_before_a_body,
)
from hostile_requests import UNREADABLE
from wire import Wire

JSON = "Content-Type: application/json"
STOP = b"x\naccord " + CHANNEL_HASH[Channel.STOP].encode()


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    """Whose link is in clear, so that a stranger's requests are read at all."""
    with with_stop_port(tmp_path_factory.mktemp("framing"), tls=False) as pair:
        yield pair


@pytest.fixture(params=["people", "peers", "STOP"])
def target(parties: tuple[Party, Party], request: pytest.FixtureRequest) -> Target:
    _, south = parties
    return {
        "people": Target(south.port, "POST", "/plans", (bearer(south), JSON), b'{"plans": []}', 200),
        "peers": Target(south.link_port, "POST", ENVELOPES_PATH, (), b"detente-envelope-1\n", 404),
        "STOP": Target(south.stop_port, "POST", ENVELOPES_PATH, (), STOP, 404),
    }[request.param]


def test_chunks_that_are_none_hide_nothing(parties: tuple[Party, Party], target: Target) -> None:
    check_chunks(target, officer(parties[1]))


def test_bodies_of_other_lengths_than_were_said(parties: tuple[Party, Party], target: Target) -> None:
    check_lengths(target, officer(parties[1]))


def test_clients_that_end_their_side_anywhere(parties: tuple[Party, Party], target: Target) -> None:
    check_half_closed(target, officer(parties[1]))


def test_thousands_of_requests_sent_ahead(parties: tuple[Party, Party], target: Target) -> None:
    north, south = parties
    check_sent_ahead(target, officer(south))
    stop_arrives(north, south)


def test_another_protocol_is_not_spoken(target: Target) -> None:
    check_upgrades(target)


def test_a_word_before_a_body(target: Target) -> None:
    check_word_before_a_body(target)


def test_a_body_that_is_too_large_has_no_word(parties: tuple[Party, Party]) -> None:
    check_too_large_a_body(Target(parties[1].port, "POST", "/plans", (bearer(parties[1]), JSON), b"", 200))


def test_peers_listeners_read_heads_as_peoples_do(parties: tuple[Party, Party]) -> None:
    _, south = parties
    for name, (sent, expected) in UNREADABLE.items():
        for port in (south.link_port, south.stop_port):
            with Wire(port) as wire:
                wire.push(sent)
                assert wire.answer()[0] == expected, name
                assert wire.is_closed(), name
