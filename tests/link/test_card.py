import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_parties import AT, NORTH, SOUTH

from detente.airspace.refusal import Refusal
from detente.link.card import Card, check_address, check_public_key, make_card, read_card, signed_bytes, write_card
from detente.link.trust import TrustStore, read_card_file
from detente.record.keys import NodeKey, verify

PRIME = 2**255 - 19
EDWARDS_D = -121665 * pow(121666, -1, PRIME) % PRIME


def a_card(key=NORTH, name="north", addresses=("https://north.example.org:8440",), at=AT):
    return make_card(key, name, addresses, at)


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,63}", fullmatch=True),
    st.lists(st.sampled_from(["http://127.0.0.1:8440", "https://[::1]/detente", "http://node"]), max_size=3),
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_card_is_read_back_and_is_signed_by_its_own_key(name, addresses, at):
    card = make_card(NORTH, name, tuple(addresses), at)
    assert read_card(write_card(card)) == card
    assert verify(NORTH.public, bytes.fromhex(card.signature), signed_bytes(card))
    assert card.key == NORTH.public


def test_the_signed_bytes_are_the_documented_ones():
    assert signed_bytes(a_card()) == (
        b"detente-card-1\n"
        b'{"addresses":["https://north.example.org:8440"],"encryption_key":"'
        + NORTH.encryption_public.hex().encode()
        + b'","format":"detente-card-1","issued_at":"2025-06-01T12:00:00.000250Z","name":"north","public_key":"'
        + NORTH.public.hex().encode()
        + b'"}'
    )


def test_an_address_for_stop_is_signed_with_the_card_and_in_clear_for_this_machine_alone(tmp_path):
    def with_stop(address):
        return make_card(NORTH, "north", ("https://north.example.org:8440",), AT, (address,))

    card = with_stop("https://north.example.org:10440")
    assert read_card(write_card(card)) == card
    assert b'"stop_addresses":["https://north.example.org:10440"]' in signed_bytes(card)
    store = TrustStore(tmp_path)
    store.trust(card)
    for address, field in (("http://192.0.2.1", "stop_addresses[0]"), ("http://127.0.0.1:10440", "addresses")):
        with pytest.raises(Refusal) as caught:
            store.trust(with_stop(address))
        assert caught.value.field == field


def test_a_card_may_be_printed_otherwise_and_is_the_same_card():
    card = a_card()
    document = json.loads(write_card(card))
    assert read_card(json.dumps(dict(reversed(document.items()))).encode()) == card


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "south"),
        ("addresses", ["http://evil.example.org"]),
        ("addresses", []),
        ("stop_addresses", ["https://evil.example.org"]),
        ("issued_at", "2026-06-01T12:00:00Z"),
        pytest.param("public_key", SOUTH.public.hex(), id="public_key"),
        pytest.param("encryption_key", SOUTH.encryption_public.hex(), id="encryption_key"),
        ("signature", "0" * 128),
    ],
)
def test_a_changed_card_is_refused(field, value):
    document = json.loads(write_card(a_card())) | {field: value}
    with pytest.raises(Refusal) as caught:
        read_card(json.dumps(document).encode())
    assert caught.value.field == "signature"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "../../etc/passwd"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 3}, "name"),
        ({"format": "detente-card-2"}, "format"),
        ({"public_key": "AB" * 32}, "public_key"),
        ({"public_key": "00" * 32}, "public_key"),
        ({"encryption_key": "AB" * 32}, "encryption_key"),
        ({"addresses": ["ftp://x"]}, "addresses[0]"),
        ({"addresses": ["http://x"] * 9}, "addresses"),
        ({"addresses": "http://x"}, "addresses"),
        ({"stop_addresses": ["https://x", "x"]}, "stop_addresses[1]"),
        ({"stop_addresses": ["http://x"] * 9}, "stop_addresses"),
        ({"issued_at": "2025-06-01T12:00:00"}, "issued_at"),
        ({"issued_at": "yesterday"}, "issued_at"),
        ({"signature": "x"}, "signature"),
        ({"rank": "general"}, "rank"),
    ],
)
def test_a_refusal_names_the_field_of_the_card(change, field):
    document = json.loads(write_card(a_card())) | change
    with pytest.raises(Refusal) as caught:
        read_card(json.dumps(document).encode())
    assert caught.value.field == field


@pytest.mark.parametrize("data", [b"", b"null", b"[" * 70_000, b'{"a":' * 9_000, b"\xff", b"{}", b" " * 70_000])
def test_what_is_no_card_is_refused(data):
    with pytest.raises(Refusal):
        read_card(data)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_a_damaged_file_is_refused_or_the_same_card(place, damage):
    data = write_card(a_card())
    place %= len(data)
    try:
        card = read_card(data[:place] + damage + data[place + len(damage) :])
    except Refusal:
        return
    assert card == a_card()


@pytest.mark.parametrize(
    "address",
    [
        "", "north.example.org", "//north", "http://", "http:///x", "http://user@host", "http://user:pass@host",
        "http://host?x=1", "http://host#x", "http://host:99999", "http://host:0", "http://host:x", "http://[::1",
        "javascript:alert(1)", "http://ho st", "http://host\n", "http://h\u00f6st", "http://host\\@evil",
        "http://" + "a" * 600,
    ],
)  # fmt: skip
def test_an_address_that_is_no_plain_url_is_refused(address):
    with pytest.raises(Refusal) as caught:
        check_address("addresses[0]", address)
    assert caught.value.field == "addresses[0]"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8440", "https://node.example.org", "http://[2001:db8::1]:80/detente/", "HTTP://NODE"]
)
def test_a_plain_url_is_an_address(address):
    check_address("addresses[0]", address)


def small_order_keys():
    """Encodings of every point of order 1, 2, 4 or 8, found with the curve's own addition law."""

    def add(p, q):
        cross = EDWARDS_D * p[0] * q[0] * p[1] * q[1]
        x = (p[0] * q[1] + q[0] * p[1]) * pow(1 + cross, -1, PRIME)
        y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - cross, -1, PRIME)
        return x % PRIME, y % PRIME

    def square_root(a):
        root = pow(a, (PRIME + 3) // 8, PRIME)
        if root * root % PRIME != a % PRIME:
            root = root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
        return root if root * root % PRIME == a % PRIME else None

    def times(count, p):
        total = (0, 1)
        while count:
            if count & 1:
                total = add(total, p)
            p = add(p, p)
            count >>= 1
        return total

    order = 2**252 + 27742317777372353535851937790883648493
    for y in itertools.count(2):
        x = square_root((y * y - 1) * pow(EDWARDS_D * y * y + 1, -1, PRIME) % PRIME)
        if x is None:
            continue
        torsion = times(order, (x, y))
        points = [times(count, torsion) for count in range(8)]
        if len(set(points)) == 8:
            return points
    raise AssertionError


def test_no_key_of_small_order_is_on_a_card():
    points = small_order_keys()
    assert len(points) == 8
    for (x, y), non_canonical in itertools.product(points, (False, True)):
        encoded_y = y + PRIME if non_canonical else y
        if encoded_y >= 2**255:
            continue
        for sign in (x & 1, 1 - (x & 1)):
            key = (encoded_y | sign << 255).to_bytes(32, "little")
            with pytest.raises(Refusal, match="large order"):
                check_public_key("public_key", key.hex())


def test_a_known_name_never_gets_another_key(tmp_path):
    store = TrustStore(tmp_path / "trusted")
    known = a_card()
    store.trust(known)
    for name in ("north", "North"):
        with pytest.raises(Refusal, match="THE KEY OF A KNOWN PARTY HAS CHANGED"):
            store.trust(a_card(NodeKey.generate(), name))
    assert store.cards() == [known]


def test_a_known_key_never_gets_another_name(tmp_path):
    store = TrustStore(tmp_path / "trusted")
    store.trust(a_card())
    with pytest.raises(Refusal, match="name"):
        store.trust(a_card(name="south"))


def test_a_newer_card_of_the_same_party_holds_and_an_older_does_not(tmp_path):
    store = TrustStore(tmp_path / "trusted")
    store.trust(a_card())
    newer = a_card(addresses=("https://new.example.org",), at=AT + timedelta(days=1))
    store.trust(newer)
    store.trust(newer)
    with pytest.raises(Refusal, match="issued_at"):
        store.trust(a_card())
    assert store.find("north") == newer
    assert store.find("south") is None


def test_a_trusted_file_that_was_changed_is_refused_by_name(tmp_path):
    store = TrustStore(tmp_path)
    file = store.trust(a_card())
    file.write_bytes(file.read_bytes().replace(b"north.example", b"notrh.example"))
    with pytest.raises(Refusal) as caught:
        store.cards()
    assert str(file) in caught.value.field


def test_a_card_file_that_is_not_there_is_a_refusal(tmp_path):
    with pytest.raises(Refusal, match=r"missing\.json"):
        read_card_file(tmp_path / "missing.json")
    with pytest.raises(Refusal):
        read_card_file(tmp_path)


def test_a_naive_time_is_refused():
    with pytest.raises(Refusal, match="issued_at"):
        Card("detente-card-1", "north", NORTH.public.hex(), SOUTH.public.hex(), (), datetime(2025, 6, 1), "0" * 128)  # noqa: DTZ001
