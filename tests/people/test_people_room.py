"""Who may sign in and who is signed in: links are used once, sessions end, and replay gives the same people."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.people.commands import (
    AddPasskey,
    AddPerson,
    ChangePerson,
    CreateMetricsToken,
    EndAllSessions,
    EndSession,
    IssueLink,
    KeepAct,
    LookAtSessions,
    OpenSession,
    OpenSessionByPasskey,
    PeopleCommand,
    RemovePasskey,
    RemovePerson,
    RevokeMetricsToken,
)
from detente.people.events import (
    AllSessionsEnded,
    EndReason,
    LinkVoided,
    PeopleEvent,
    PersonActed,
    SessionEnded,
    SessionUsed,
)
from detente.people.records import ActingPerson, ActingWay, CredentialKind, People, PersonRole
from detente.people.room import MOST_LINKS, MOST_METRICS_TOKENS, MOST_PASSKEYS, MOST_SESSIONS, PeopleRoom
from detente.room.link_faults import LinkFault, LinkFaultKind

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LINK, IDLE, LIFE = 10 * MINUTE, 60 * MINUTE, 720 * MINUTE


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Node:
    """The room and what it decided, at a time that the test sets."""

    def __init__(self, *names: str) -> None:
        self.room = PeopleRoom(People())
        self.now = NOON
        self.events: list[PeopleEvent] = []
        for name in names:
            self.do(AddPerson(self.now, name, PersonRole.DUTY_OFFICER, ("watch",)))

    @property
    def people(self) -> People:
        return self.room.state

    def do(self, command: PeopleCommand) -> list[PeopleEvent]:
        events = self.room.decide(command)
        for event in events:
            self.room.evolve(event)
        self.events += events
        return events

    def link(self, person: str, secret: str = "link") -> None:
        self.do(IssueLink(self.now, person, sha256(secret), self.now + LINK))

    def open(self, secret: str = "link", session: str = "s1") -> list[PeopleEvent]:
        return self.do(
            OpenSession(self.now, sha256(secret), session, sha256(session), self.now + LIFE, IDLE.total_seconds())
        )

    def sign_in(self, person: str, session: str) -> None:
        self.link(person, f"link of {session}")
        self.open(f"link of {session}", session)

    def holds(self, session: str, used_at: datetime = NOON - LIFE) -> bool:
        found = self.people.with_token(sha256(session))
        return found is not None and found.holds(self.now, used_at)


def test_a_link_signs_its_person_in_once() -> None:
    node = Node("anna")
    node.link("anna")
    node.open()
    assert node.people.sessions["s1"].person == "anna"
    assert node.holds("s1")
    with pytest.raises(Refusal, match="nobody has used"):
        node.open(session="s2")
    with pytest.raises(Refusal, match="nobody has used"):
        node.open("guessed", "s2")
    assert list(node.people.sessions) == ["s1"]


@pytest.mark.parametrize(
    ("later", "opens"), [(LINK - timedelta(seconds=1), True), (LINK, False), (-2 * MINUTE, False), (10 * LIFE, False)]
)
def test_a_link_holds_for_minutes_whatever_becomes_of_the_clock(later: timedelta, opens: bool) -> None:
    node = Node("anna")
    node.link("anna")
    node.now += later
    if opens:
        node.open()
    else:
        with pytest.raises(Refusal, match="not expired"):
            node.open()
    assert bool(node.people.sessions) == opens


def test_a_session_ends_when_it_is_idle_and_at_the_latest_when_its_life_is_over() -> None:
    node = Node("anna")
    node.sign_in("anna", "s1")
    node.now += IDLE - timedelta(seconds=1)
    assert node.holds("s1")
    used_at = node.now
    node.now += timedelta(seconds=1)
    assert not node.holds("s1")
    assert node.holds("s1", used_at)
    assert node.do(LookAtSessions(node.now, {"s1": used_at})) == [SessionUsed(node.now, "s1", used_at)]
    node.now = NOON + LIFE - timedelta(seconds=1)
    assert node.holds("s1", node.now)
    node.now = NOON + LIFE
    assert not node.holds("s1", node.now)
    assert node.do(LookAtSessions(node.now, {"s1": node.now})) == [
        SessionEnded(node.now, "s1", "anna", EndReason.EXPIRED)
    ]
    assert not node.people.sessions
    assert not node.people.session_of_token


def test_a_clock_that_was_set_back_makes_no_session_last_longer() -> None:
    node = Node("anna")
    node.sign_in("anna", "s1")
    node.now = NOON - timedelta(hours=5)
    assert not node.holds("s1", NOON)


def test_what_has_expired_is_kept_as_ended_and_looked_at_once() -> None:
    node = Node("anna", "bert")
    node.sign_in("anna", "s1")
    node.link("bert", "unused")
    assert node.do(LookAtSessions(node.now, {})) == []
    node.now += IDLE
    assert node.do(LookAtSessions(node.now, {})) == [
        LinkVoided(node.now, sha256("unused"), "bert", EndReason.EXPIRED),
        SessionEnded(node.now, "s1", "anna", EndReason.EXPIRED),
    ]
    assert node.do(LookAtSessions(node.now, {})) == []


def test_a_person_who_is_removed_is_out_at_once() -> None:
    node = Node("anna", "bert")
    for person, session in (("anna", "a1"), ("anna", "a2"), ("bert", "b1")):
        node.sign_in(person, session)
    node.link("anna", "unused")
    node.do(RemovePerson(node.now, "anna"))
    assert list(node.people.sessions) == ["b1"]
    assert not node.people.links
    with pytest.raises(Refusal, match="nobody has used"):
        node.open("unused", "a3")
    with pytest.raises(Refusal, match="a person of this node: bert"):
        node.link("anna")


def add_passkey(node: Node, person: str, number: int = 1, signatures: int = 0) -> None:
    node.do(AddPasskey(node.now, person, f"k{number}", "laptop", "localhost", f"c{number}", b"key", signatures))


def open_by_passkey(node: Node, signatures: int, session: str, number: int = 1) -> None:
    life = node.now + LIFE
    node.do(OpenSessionByPasskey(node.now, f"c{number}", signatures, session, sha256(session), life, 60.0))


def test_a_passkey_signs_in_until_it_is_removed_and_its_count_only_grows() -> None:
    node = Node("anna")
    add_passkey(node, "anna", signatures=3)
    with pytest.raises(Refusal, match="more often than 3"):
        open_by_passkey(node, 3, "s1")
    open_by_passkey(node, 4, "s1")
    assert node.people.sessions["s1"].credential is CredentialKind.PASSKEY
    assert (node.people.passkeys["c1"].signatures, node.people.passkeys["c1"].used_at) == (4, NOON)
    with pytest.raises(Refusal, match="more often than 4"):
        open_by_passkey(node, 0, "s2")
    node.do(RemovePasskey(node.now, "k1"))
    assert node.do(RemovePasskey(node.now, "k1")) == []
    with pytest.raises(Refusal, match="a passkey of a person"):
        open_by_passkey(node, 5, "s2")


def test_passkeys_of_a_person_are_few_and_go_with_him() -> None:
    node = Node("anna", "bert")
    for number in range(MOST_PASSKEYS):
        add_passkey(node, "anna", number)
    with pytest.raises(Refusal, match="at most 8 passkeys"):
        add_passkey(node, "anna", 99)
    with pytest.raises(Refusal, match="nobody has added"):
        add_passkey(node, "bert", 1)
    add_passkey(node, "bert", 100)
    node.do(RemovePerson(node.now, "anna"))
    assert list(node.people.passkeys) == ["c100"]


def test_an_earlier_journal_makes_passkeys_void() -> None:
    node = Node("anna")
    add_passkey(node, "anna")
    node.do(EndAllSessions(node.now, EndReason.SET_BACK))
    assert not node.people.passkeys
    assert "anna" in node.people.persons


def test_another_role_counts_for_what_is_open() -> None:
    node = Node("anna")
    node.sign_in("anna", "s1")
    node.do(ChangePerson(node.now, "anna", role=PersonRole.OBSERVER))
    node.do(ChangePerson(node.now, "anna", posts=()))
    anna = node.people.persons[node.people.sessions["s1"].person]
    assert (anna.role, anna.posts) == (PersonRole.OBSERVER, ())
    assert node.do(ChangePerson(node.now, "anna", role=PersonRole.OBSERVER)) == []
    with pytest.raises(Refusal, match="post"):
        node.do(ChangePerson(node.now, "anna", role=PersonRole.DUTY_OFFICER))


@pytest.mark.parametrize(
    ("name", "role", "posts", "field"),
    [
        ("anna", PersonRole.OBSERVER, (), "name"),
        ("ANNA", PersonRole.OBSERVER, (), "name"),
        ("an na", PersonRole.OBSERVER, (), "name"),
        ("", PersonRole.OBSERVER, (), "name"),
        ("bert", PersonRole.DUTY_OFFICER, (), "posts"),
        ("bert", PersonRole.ADMINISTRATOR, (), "posts"),
        ("bert", PersonRole.OBSERVER, ("watch", "watch"), "posts[1]"),
        ("bert", PersonRole.OBSERVER, ("on watch",), "posts[0]"),
        ("bert", PersonRole.OBSERVER, tuple(f"p{n}" for n in range(17)), "posts"),
    ],
)
def test_a_person_who_cannot_be_is_refused_by_field(
    name: str, role: PersonRole, posts: tuple[str, ...], field: str
) -> None:
    node = Node("anna")
    with pytest.raises(Refusal) as refused:
        node.do(AddPerson(node.now, name, role, posts))
    assert refused.value.field == field


def test_sessions_and_links_of_one_person_are_bounded_and_the_oldest_goes() -> None:
    node = Node("anna", "bert")
    node.sign_in("bert", "bert's")
    for number in range(MOST_SESSIONS):
        node.now += timedelta(seconds=1)
        node.sign_in("anna", f"s{number}")
    node.do(LookAtSessions(node.now, {"s0": node.now}))
    node.sign_in("anna", "last")
    assert "s1" not in node.people.sessions
    assert {"s0", "last", "bert's"} <= set(node.people.sessions)
    assert len(node.people.sessions) == MOST_SESSIONS + 1
    for number in range(MOST_LINKS + 1):
        node.now += timedelta(seconds=1)
        node.link("anna", f"l{number}")
    assert set(node.people.links) == {sha256(f"l{number}") for number in range(1, MOST_LINKS + 1)}


def test_an_ended_session_ends_once() -> None:
    node = Node("anna")
    node.sign_in("anna", "s1")
    assert node.do(EndSession(node.now, "s1", EndReason.SIGNED_OUT)) == [
        SessionEnded(node.now, "s1", "anna", EndReason.SIGNED_OUT)
    ]
    assert node.do(EndSession(node.now, "s1", EndReason.REVOKED)) == []
    assert not node.holds("s1")


def test_a_journal_that_was_set_back_lets_nobody_in() -> None:
    node = Node("anna", "bert")
    node.sign_in("anna", "s1")
    node.link("bert")
    node.do(CreateMetricsToken(node.now, "prometheus", sha256("m")))
    fault = LinkFault(node.now, "south", LinkFaultKind.OWN_SET_BACK, "")
    assert not list(node.room.reactions(LinkFault(node.now, "south", LinkFaultKind.SET_BACK, "")))
    (command,) = node.room.reactions(fault)
    assert node.do(command) == [AllSessionsEnded(node.now, EndReason.SET_BACK)]
    assert not node.people.lets_somebody_in
    assert set(node.people.persons) == {"anna", "bert"}
    assert node.do(EndAllSessions(node.now, EndReason.SET_BACK)) == []


def test_tokens_for_metrics_have_names_and_are_few() -> None:
    node = Node()
    for number in range(MOST_METRICS_TOKENS):
        node.do(CreateMetricsToken(node.now, f"m{number}", sha256(str(number))))
    with pytest.raises(Refusal, match="at most 16"):
        node.do(CreateMetricsToken(node.now, "more", sha256("more")))
    with pytest.raises(Refusal, match="no token"):
        node.do(CreateMetricsToken(node.now, "m0", sha256("again")))
    node.do(RevokeMetricsToken(node.now, "m0"))
    with pytest.raises(Refusal, match="m1"):
        node.do(RevokeMetricsToken(node.now, "m0"))


def test_an_act_is_kept_whatever_else_is_known() -> None:
    node = Node()
    by = ActingPerson("anna", "watch", PersonRole.DUTY_OFFICER, ActingWay.SESSION, "s1")
    assert node.do(KeepAct(node.now, by, "give_notice", 3)) == [PersonActed(node.now, by, "give_notice", 3)]


def test_roles_are_a_ladder() -> None:
    roles = list(PersonRole)
    for first, one in enumerate(roles):
        for second, other in enumerate(roles):
            assert one.includes(other) == (first >= second)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 4)), max_size=40))
def test_no_secret_is_in_the_journal_and_replay_gives_the_same_people(steps: list[tuple[int, int, int]]) -> None:
    node = Node("p0", "p1")
    for number, (kind, who, which) in enumerate(steps):
        node.now += timedelta(minutes=7 * which)
        person, session = f"p{who}", f"s{which}"
        commands: list[PeopleCommand] = [
            AddPerson(node.now, person, PersonRole.OBSERVER, ()),
            RemovePerson(node.now, person),
            ChangePerson(node.now, person, posts=("watch", "command")),
            IssueLink(node.now, person, sha256(f"secret-{number}"), node.now + LINK),
            OpenSession(node.now, next(iter(node.people.links), ""), session, sha256(session), node.now + LIFE, 900.0),
            EndSession(node.now, session, EndReason.REVOKED),
            LookAtSessions(node.now, dict.fromkeys(list(node.people.sessions)[:1], node.now)),
            CreateMetricsToken(node.now, person, sha256(f"secret-{number}")),
            RevokeMetricsToken(node.now, person),
            EndAllSessions(node.now, EndReason.SET_BACK),
        ]
        try:
            node.do(commands[kind])
        except Refusal:
            continue
    again = PeopleRoom(People())
    for event in node.events:
        body = node.room.encode(event)
        assert b"secret-" not in body
        again.evolve(again.decode(body))
    assert vars(again.state) == vars(node.people)
    assert set(node.people.session_of_token.values()) == set(node.people.sessions)
    assert {one.person for one in node.people.sessions.values()} <= set(node.people.persons)
