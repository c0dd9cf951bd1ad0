"""Passkeys before a real node, by a device in software: what signs a person in, and everything that must not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from parties import Answer, Party, two_parties
from software_authenticator import PRESENT, Authenticator, cose_key, text
from test_node_http import is_problem

from detente.record.display import stored_entries


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    with two_parties(tmp_path_factory.mktemp("passkeys"), start=False) as (north, _):
        north.start()
        yield north


def at_name(party: Party, path: str, body: object, token: str | None = None, **headers: str) -> Answer:
    sent = {"Host": f"localhost:{party.port}", **headers}
    return party.ask("POST", path, body, token=token, headers=sent)


def origin(party: Party) -> str:
    return f"http://localhost:{party.port}"


def challenge(party: Party) -> dict[str, Any]:
    answer = at_name(party, "/sign-in/challenge", b"")
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return answer.json


def sign_in(party: Party, shown: dict[str, Any]) -> Answer:
    return at_name(party, "/sign-in/passkey", shown)


class Person:
    """Somebody with a session by a link, and a passkey that was added in it."""

    def __init__(self, party: Party, name: str, device: Authenticator | None = None) -> None:
        self.party, self.name = party, name
        self.session = party.session(name, "observer")
        self.device = device or Authenticator(origin(party))
        answer = self.add(self.device.new(self.asked()))
        assert answer.status == 200, answer.body

    def asked(self) -> dict[str, Any]:
        answer = at_name(self.party, "/passkeys/challenge", b"", self.session)
        assert answer.status == 200, answer.body
        return answer.json

    def add(self, new: dict[str, Any]) -> Answer:
        return at_name(self.party, "/passkeys", new, self.session)

    def passkeys(self) -> list[dict[str, Any]]:
        return self.party.ask("GET", "/passkeys", token=self.session).json


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "RS256"])
def test_a_passkey_signs_its_person_in_as_a_link_does(north: Party, algorithm: str) -> None:
    person = Person(north, f"anna.{algorithm}", Authenticator(origin(north), algorithm=algorithm))
    answer = sign_in(north, person.device.shown(challenge(north)))
    assert answer.status == 200, answer.body
    assert (answer.json["person"], answer.json["role"]) == (person.name, "observer")
    me = north.ask("GET", "/me", token=answer.json["token"]).json
    assert (me["person"], me["way"]) == (person.name, "session")
    by_link, by_passkey = sorted(
        (one for one in north.get("/sessions") if one["person"] == person.name), key=lambda one: one["credential"]
    )
    assert (by_link["credential"], by_passkey["credential"]) == ("link", "passkey")
    (passkey,) = person.passkeys()
    assert (passkey["name"], passkey["rp_id"]) == ("key", "localhost")
    assert passkey["used_at"]


def test_a_browser_is_given_a_cookie_and_no_token(north: Party) -> None:
    person = Person(north, "browser")
    shown = person.device.shown(challenge(north)) | {"bearer": False}
    ours = {"Origin": origin(north), "Sec-Fetch-Site": "same-origin"}
    elsewhere = {"Origin": "http://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert at_name(north, "/sign-in/passkey", shown, **elsewhere).status == 401
    answer = at_name(north, "/sign-in/passkey", shown, **ours)
    assert answer.status == 200, answer.body
    assert "token" not in answer.json
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}


def test_what_was_done_is_in_the_journal_and_no_private_half(north: Party) -> None:
    person = Person(north, "kept")
    assert sign_in(north, person.device.shown(challenge(north))).status == 200
    bodies = [entry.body.decode() for entry in stored_entries(north.files.journal_path) if entry.kind == "people"]
    credential = text(person.device.credential_id)
    events = [json.loads(body)["event"] for body in bodies if credential in body]
    assert events == ["passkey_added", "passkey_used"]
    (act,) = [json.loads(body) for body in bodies if '"add_passkey"' in body and '"kept"' in body]
    assert act["by"]["way"] == "session"


def test_extensions_that_a_device_adds_are_passed_over(north: Party) -> None:
    device = Authenticator(origin(north), extensions=b"\xa1\x6bcredProtect\x02")
    person = Person(north, "extended", device)
    assert sign_in(north, person.device.shown(challenge(north))).status == 200


def test_a_challenge_signs_in_once(north: Party) -> None:
    device = Person(north, "replayer").device
    asked = challenge(north)
    shown = device.shown(asked)
    assert sign_in(north, shown).status == 200
    assert is_problem(sign_in(north, shown), 401)["code"] == "people.challenge_of_passkey"
    again = device.shown(asked)
    assert is_problem(sign_in(north, again), 401)["code"] == "people.challenge_of_passkey", "signed anew, still used"


def test_a_challenge_is_of_this_node_and_for_what_it_was_made(north: Party) -> None:
    person = Person(north, "asked.otherwise")
    for made in (person.asked()["challenge"], text(bytes(56)), "", "AAAA"):
        shown = person.device.shown({"challenge": made})
        assert is_problem(sign_in(north, shown), 401)["code"] == "people.challenge_of_passkey"
    device = Authenticator(origin(north))
    asked = {**person.asked(), "challenge": challenge(north)["challenge"]}
    assert is_problem(person.add(device.new(asked)), 400)["code"] == "people.challenge_of_passkey"
    other = Person(north, "asked.elsewhere")
    assert is_problem(person.add(device.new(other.asked())), 400)["code"] == "people.challenge_of_passkey"


Change = Callable[[Authenticator], None]
NOT_FROM_HERE: list[tuple[str, Change]] = [
    ("people.passkey_asked_here", lambda device: setattr(device, "origin", "http://localhost:1")),
    ("people.passkey_asked_here", lambda device: setattr(device, "origin", "https://localhost.evil.example")),
    ("people.passkey_of_this_name", lambda device: setattr(device, "rp_id", "evil.example")),
    ("people.passkey_verifies_person", lambda device: setattr(device, "flags", PRESENT)),
    ("people.form_of_passkey", lambda device: setattr(device, "flags", 0)),
]


@pytest.mark.parametrize(("code", "change"), NOT_FROM_HERE)
def test_what_was_signed_elsewhere_or_for_nobody_in_particular_is_refused(
    north: Party, code: str, change: Change, request: pytest.FixtureRequest
) -> None:
    person = Person(north, f"p.{request.node.callspec.indices['code']}")
    change(person.device)
    status = 400 if code == "people.form_of_passkey" else 401
    assert is_problem(sign_in(north, person.device.shown(challenge(north))), status)["code"] == code
    device = Authenticator(origin(north))
    change(device)
    assert is_problem(person.add(device.new(person.asked())), 400)["code"] == code


def test_a_framed_page_and_another_ceremony_are_refused(north: Party) -> None:
    device = Person(north, "framed").device
    framed = sign_in(north, device.shown(challenge(north), crossOrigin=True))
    assert is_problem(framed, 401)["code"] == "people.passkey_asked_here"
    other = sign_in(north, device.shown(challenge(north), "webauthn.create"))
    assert is_problem(other, 400)["code"] == "people.form_of_passkey"


def test_a_count_that_goes_back_or_stands_still_is_of_a_copy(north: Party) -> None:
    device = Person(north, "counted").device
    for before, status in ((5, 200), (5, 401), (2, 401), (6, 200)):
        device.signatures = before
        answer = sign_in(north, device.shown(challenge(north)))
        assert answer.status == status
        if status == 401:
            assert is_problem(answer, 401)["code"] == "people.passkey_counts_on"
    device.signatures = -1
    assert sign_in(north, device.shown(challenge(north))).status == 401, "a device that counted does not stop counting"


def test_a_device_that_does_not_count_signs_in_again_and_again(north: Party) -> None:
    device = Person(north, "uncounted").device
    for _ in range(2):
        device.signatures = -1
        assert sign_in(north, device.shown(challenge(north))).status == 200


def test_a_key_signs_nobody_else_in(north: Party) -> None:
    anna, bert = Person(north, "anna.own"), Person(north, "bert.own")
    shown = anna.device.shown(challenge(north))
    for changed in (
        {"user_id": bert.device.user_id},
        {"credential_id": text(bert.device.credential_id), "user_id": bert.device.user_id},
        {"user_id": ""},
        {"signature": text(bytes(64))},
        {"credential_id": text(b"unknown")},
    ):
        assert is_problem(sign_in(north, shown | changed), 401)["code"] == "people.passkey_known", changed
    assert sign_in(north, shown).json["person"] == "anna.own", "what failed has not used the challenge up"


def test_a_passkey_is_added_once_and_to_one_person(north: Party) -> None:
    anna, bert = Person(north, "anna.first"), Person(north, "bert.second")
    assert anna.asked()["excluded"] == [text(anna.device.credential_id)]
    assert is_problem(bert.add(anna.device.new(bert.asked())), 400)["code"] == "people.passkey_not_known"


def test_a_passkey_that_is_removed_opens_nothing_and_everybody_removes_his_own(north: Party) -> None:
    anna, bert = Person(north, "anna.gone"), Person(north, "bert.stays")
    assert {one["person"] for one in anna.passkeys()} == {"anna.gone"}
    assert {"anna.gone", "bert.stays"} <= {one["person"] for one in north.get("/passkeys")}
    (foreign,), (own,) = bert.passkeys(), anna.passkeys()
    refused = north.ask("POST", f"/passkeys/{foreign['passkey']}/remove", b"", token=anna.session)
    assert is_problem(refused, 404)["code"] == "api.passkey_listed"
    assert north.ask("POST", f"/passkeys/{own['passkey']}/remove", b"", token=anna.session).status == 200
    assert is_problem(sign_in(north, anna.device.shown(challenge(north))), 401)["code"] == "people.passkey_known"
    north.post(f"/passkeys/{foreign['passkey']}/remove")
    assert sign_in(north, bert.device.shown(challenge(north))).status == 401, "an administrator removes anybody's"


def test_a_person_who_is_removed_has_no_passkey_any_more(north: Party) -> None:
    device = Person(north, "shorn").device
    north.post("/people/shorn/remove")
    north.post("/people", {"name": "shorn", "role": "observer"})
    assert sign_in(north, device.shown(challenge(north))).status == 401


def test_an_address_is_no_name_for_a_passkey_and_the_refusal_says_where_to_open_it(north: Party) -> None:
    token = north.session("by.address", "observer")
    for path, asked in (("/sign-in/challenge", None), ("/passkeys/challenge", token)):
        problem = is_problem(north.ask("POST", path, b"", token=asked), 400)
        assert problem["code"] == "people.name_for_passkeys"
        assert f"{origin(north)}/console/" in problem["mend"]
    other = north.ask("POST", "/sign-in/challenge", b"", token=None, headers={"Host": "evil.example"})
    assert other.status == 421


def test_the_owner_of_the_directory_has_no_name_to_add_a_passkey_to(north: Party) -> None:
    assert is_problem(at_name(north, "/passkeys/challenge", b"", ""), 400)["code"] == "api.person_for_passkey"


def test_a_key_that_is_not_in_its_one_form_is_refused(north: Party) -> None:
    person, device = Person(north, "malformed"), Authenticator(origin(north))
    good = cose_key(device.key)
    bad = {
        "nothing": b"",
        "half": good[:40],
        "more behind it": good + b"\x00",
        "another order": b"\xa5\x03\x26\x01\x02" + good[5:],
        "a length that is not the shortest": good.replace(b"\x58\x20", b"\x59\x00\x20", 1),
        "a map without end": b"\xbf" + good[1:] + b"\xff",
        "a label twice": b"\xa6\x01\x02" + good[1:],
        "another curve": good.replace(b"\x20\x01\x21", b"\x20\x02\x21", 1),
        "a point beside the curve": good[:-1] + bytes([good[-1] ^ 1]),
        "nested a thousand deep": b"\x81" * 1000,
        "an even RSA modulus": b"\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00" + bytes(256) + b"\x21\x43\x01\x00\x01",
    }
    for what, key in bad.items():
        problem = is_problem(person.add(device.new(person.asked(), changed=key)), 400)
        assert (problem["code"], problem["field"]) == ("people.form_of_passkey", "authenticator_data"), what
    device.credential_id = b""
    assert is_problem(person.add(device.new(person.asked())), 400)["code"] == "people.form_of_passkey"
    device.credential_id = bytes(1024)
    assert is_problem(person.add(device.new(person.asked())), 400)["code"] == "people.form_of_passkey"
    assert len(person.passkeys()) == 1


HOSTILE = ["", "A", "=", "AA==", "AB", "+/+/", "é", "\x00", "A" * 3000, text(b"{}"), text(b"[" * 1500), text(b"\xff")]


@pytest.mark.parametrize("field", ["credential_id", "client_data", "authenticator_data", "signature"])
def test_every_part_that_is_malformed_is_a_clear_refusal(north: Party, field: str) -> None:
    person = Person(north, f"hostile.{field}")
    shown = person.device.shown(challenge(north))
    for value in HOSTILE:
        answer = sign_in(north, shown | {field: value})
        assert answer.status in (400, 401, 429), value
        is_problem(answer, answer.status)
    for value in (7, None, [], {}):
        is_problem(sign_in(north, shown | {field: value}), 400)
    if field in ("client_data", "authenticator_data"):
        new = Authenticator(origin(north)).new(person.asked())
        for value in HOSTILE:
            is_problem(person.add(new | {field: value}), 400)
    assert sign_in(north, shown).status == 200, "whoever shows what is valid is let in at once"


def test_the_name_of_a_passkey_is_one_line(north: Party) -> None:
    person = Person(north, "namer")
    for name in ("", " ", "a\nb", "x" * 65, "\u202e"):
        problem = is_problem(person.add(Authenticator(origin(north)).new(person.asked(), name)), 400)
        assert problem["field"] == "name", name


def test_failures_are_counted_and_slowed(north: Party) -> None:
    def counted() -> float:
        lines = north.ask("GET", "/metrics").body.decode().splitlines()
        (found,) = [one for one in lines if one.startswith('detente_refused_credentials_total{shown="passkey"}')]
        return float(found.split()[1])

    device, before = Person(north, "guessed").device, counted()
    shown = device.shown(challenge(north)) | {"signature": text(bytes(70))}
    assert {sign_in(north, shown).status for _ in range(3)} <= {401, 429}
    assert counted() == before + 3
    assert device.user_id not in north.log()
