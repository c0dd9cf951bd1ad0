"""Both sides come to the same accord whatever the mail, and no accord is in force without both authorities."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from detente.accord.accords import Accords
from detente.accord.life_cycle import AccordState, Side, Talks, decide, evolve, said_before
from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordDrafted,
    AccordEnded,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
    Change,
    authorisation_bytes,
    change_bytes,
)
from detente.accord.room import AccordActed, AccordRoom, ActOnAccord
from detente.accord.terms import accord_hash, parse_accord
from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, verify
from detente.room.message import Heard
from length import at_length

SIDES = ("north", "south")
NODE_KEYS = {side: NodeKey.generate() for side in SIDES}
AUTHORITIES = {side: NodeKey.generate() for side in SIDES}
STRANGER = NodeKey.generate()
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
LIVE = (AccordState.IN_FORCE, AccordState.SUSPENDED)


def other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


def text_of(
    version: int = 1, vertical: str = "1000 ft", end: str = "2025-07-01T00:00:00Z", **authority: NodeKey
) -> str:
    keys = {**AUTHORITIES, **authority}
    parties = "".join(
        f'[[parties]]\nname = "{side}"\npublic_key = "{NODE_KEYS[side].public.hex()}"\n'
        f'authority_key = "{keys[side].public.hex()}"\n'
        for side in SIDES
    )
    return (
        f'name = "strait"\nversion = {version}\ndisclosure = "full"\n'
        f"[valid]\nstart = 2025-06-01T00:00:00Z\nend = {end}\n{parties}"
        f'[minima.default]\nhorizontal = "5 NM"\nvertical = "{vertical}"\n'
    )


def hash_of(text: str) -> str:
    return accord_hash(parse_accord(text))


def talks_of(side: str) -> Talks:
    own = Side(side, NODE_KEYS[side].public.hex(), AUTHORITIES[side].public.hex())
    return Talks(own, Side(other(side), NODE_KEYS[other(side)].public.hex()))


class Table:
    """Two parties and the mail between them, which keeps its order."""

    def __init__(self) -> None:
        self.talks = {side: talks_of(side) for side in SIDES}
        self.mail: dict[str, deque[AccordAct]] = {side: deque() for side in SIDES}
        self.said: dict[str, list[AccordAct]] = {side: [] for side in SIDES}
        self.now = NOON

    def say(self, act: AccordAct) -> None:
        talks = self.talks[act.party]
        for kept in decide(talks, act, verify):
            evolve(talks, kept)
            if not isinstance(kept, AccordDrafted):
                self.mail[other(act.party)].append(kept)
                self.said[act.party].append(kept)

    def deliver(self, side: str, count: int = 10**6) -> None:
        while self.mail[side] and count:
            act = self.mail[side].popleft()
            for kept in decide(self.talks[side], act, verify):
                evolve(self.talks[side], kept)
            count -= 1

    def deliver_all(self) -> None:
        for side in SIDES:
            self.deliver(side)

    def propose(self, side: str, text: str, answers: str = "") -> str:
        self.say(AccordProposed(side, self.now, "watch", text, answers))
        return hash_of(text)

    def authorise(self, side: str, accord: str, key: NodeKey | None = None) -> None:
        signature = (key or AUTHORITIES[side]).sign(authorisation_bytes(accord, side, self.now))
        self.say(AccordAuthorised(side, self.now, "commander", accord, signature.hex()))

    def suspend(self, side: str, accord: str) -> None:
        said = self.talks[side].said_by(accord, side)
        self.say(AccordSuspended(side, self.now, "watch", accord, said.serial + 1 if said else 1, "an incident"))

    def resume(self, side: str, accord: str) -> None:
        said = self.talks[side].said_by(accord, side)
        self.say(AccordResumed(side, self.now, "watch", accord, said.serial + 1 if said else 1))

    def set_back(self, side: str) -> Talks:
        """What a side knows that lost everything, was given back what it had said itself, and then hears the other."""
        talks = talks_of(side)
        for act in self.said[side]:
            for _ in range(2):
                for kept in said_before(talks, act):
                    evolve(talks, kept)
        for act in self.said[other(side)]:
            for kept in decide(talks, act, verify):
                evolve(talks, kept)
        assert talks.early == []
        return talks

    def state(self, side: str, accord: str) -> AccordState:
        return self.talks[side].state(accord, self.now)

    def in_force(self) -> str:
        accord = self.propose("north", text_of())
        self.deliver_all()
        for side in SIDES:
            self.authorise(side, accord)
        self.deliver_all()
        return accord


def test_a_text_that_could_not_be_read_again_in_its_one_form_is_refused() -> None:
    """It is kept in that form, which may be longer than the text was; what was kept is read at every start."""
    numbers = ",".join(f'{{post="p{number}",number="{100_000 + number}"}}' for number in range(28_000))
    key = f'authority_key = "{AUTHORITIES["north"].public.hex()}"'
    text = text_of().replace(key, f"{key}\ntelephones=[{numbers}]")
    assert len(text) < 1_000_000
    assert parse_accord(text).party("north") is not None
    for act in (AccordProposed("south", NOON, "watch", text), AccordDrafted("north", NOON, "watch", text)):
        with pytest.raises(Refusal, match="characters"):
            decide(talks_of("north"), act, verify)


def test_an_accord_comes_into_force_with_the_second_signature() -> None:
    table = Table()
    accord = table.propose("north", text_of())
    assert table.state("north", accord) is AccordState.PROPOSED
    table.deliver_all()
    table.authorise("south", accord)
    assert table.state("south", accord) is AccordState.AUTHORISED
    table.deliver_all()
    assert table.state("north", accord) is AccordState.AUTHORISED
    table.authorise("north", accord)
    assert table.state("north", accord) is AccordState.IN_FORCE
    assert table.state("south", accord) is AccordState.AUTHORISED
    table.deliver_all()
    assert table.state("south", accord) is AccordState.IN_FORCE
    assert table.talks["south"].current(table.now) == accord


def test_a_counter_proposal_answers_a_proposal() -> None:
    table = Table()
    first = table.propose("north", text_of())
    table.deliver_all()
    second = table.propose("south", text_of(vertical="2000 ft"), answers=first)
    table.deliver_all()
    for side in SIDES:
        assert table.state(side, first) is AccordState.COUNTERED
        assert table.state(side, second) is AccordState.PROPOSED
    for side in SIDES:
        table.authorise(side, second)
    table.deliver_all()
    assert {table.state(side, second) for side in SIDES} == {AccordState.IN_FORCE}


def test_one_side_suspends_alone_and_resumes_what_it_suspended() -> None:
    table = Table()
    accord = table.in_force()
    table.suspend("south", accord)
    table.suspend("north", accord)
    table.deliver_all()
    assert {table.state(side, accord) for side in SIDES} == {AccordState.SUSPENDED}
    table.resume("north", accord)
    table.deliver_all()
    assert table.talks["north"].records[accord].suspended_by == ("south",)
    with pytest.raises(Refusal):
        table.resume("north", accord)
    table.resume("south", accord)
    table.deliver_all()
    assert {table.state(side, accord) for side in SIDES} == {AccordState.IN_FORCE}


def test_the_texts_that_a_party_proposes_have_so_many_characters_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides refuse alike: what the other side said, and drafts, do not count."""
    table = Table()
    table.propose("south", text_of(9))
    first = table.propose("north", text_of(1))
    most = 2 * len(table.talks["north"].records[first].text) + 10
    monkeypatch.setattr("detente.accord.life_cycle.MOST_CHARACTERS_PROPOSED", most)
    table.say(AccordDrafted("north", NOON, "watch", text_of(3)))
    table.propose("north", text_of(2))
    table.deliver_all()
    with pytest.raises(Refusal, match="that one party proposes"):
        table.propose("north", text_of(4))
    with pytest.raises(Refusal, match="that one party proposes"):
        decide(table.talks["south"], AccordProposed("north", NOON, "watch", text_of(4)), verify)
    with pytest.raises(Refusal, match="that one party proposes"):
        table.say(AccordDrafted("north", NOON, "watch", text_of(5)))
    table.propose("south", text_of(5))


def test_a_peer_that_suspends_and_resumes_for_ever_takes_no_more_memory() -> None:
    table = Table()
    accord = table.in_force()
    own, peer = table.talks["north"].own, table.talks["north"].peer
    room = AccordRoom(Accords(own, [peer], None), verify)
    for side in SIDES:
        for act in table.said[side]:
            room.evolve(AccordActed("south", act))
    before = len(room.state.acts)
    for _ in range(50):
        table.suspend("south", accord)
        table.resume("south", accord)
        for act in table.said["south"][-2:]:
            for event in room.decide(Heard(NOON, "south", act)):
                room.evolve(event)
    assert len(room.state.acts) == before + 1
    again = AccordRoom(Accords(own, [peer], None), verify)
    again.restore(room.keep())()
    assert again.state.talks["south"].records == room.state.talks["south"].records


def test_whoever_lost_all_knows_again_what_it_authorised_and_suspended() -> None:
    table = Table()
    accord = table.in_force()
    for side in SIDES:
        table.suspend(side, accord)
    table.deliver_all()
    table.resume("south", accord)
    for side in SIDES:
        talks = table.set_back(side)
        assert talks.state(accord, NOON) is AccordState.SUSPENDED
        assert talks.records[accord].suspended_by == ("north",)


def signed(act: Change, key: NodeKey) -> Change:
    return msgspec.structs.replace(act, signature=key.sign(change_bytes(act)).hex())


def test_only_the_posts_that_the_terms_name_suspend_and_the_authority_always_may() -> None:
    def accord_with(posts: str) -> tuple[Table, str]:
        table = Table()
        accord = table.propose("north", text_of() + f"[suspension]\nposts = {posts}\n")
        table.deliver_all()
        for side in SIDES:
            table.authorise(side, accord)
        table.deliver_all()
        return table, accord

    for posts, allowed in (('["command"]', {"command"}), ("[]", set())):
        table, accord = accord_with(posts)
        for by in ("watch", "command"):
            act = AccordSuspended("south", NOON, by, accord, 1, "an incident")
            if by in allowed:
                table.say(act)
            else:
                with pytest.raises(Refusal, match="by"):
                    table.say(act)
                with pytest.raises(Refusal, match="by"):
                    decide(table.talks["north"], act, verify)
        with pytest.raises(Refusal, match="by"):
            table.say(AccordEnded("north", NOON, "watch", accord, "over"))

    table, accord = accord_with("[]")
    suspended = AccordSuspended("south", NOON, "authority", accord, 1, "an incident")
    for forged in (NODE_KEYS["south"], AUTHORITIES["north"], STRANGER):
        with pytest.raises(Refusal, match="signature"):
            table.say(signed(suspended, forged))
    table.say(signed(suspended, AUTHORITIES["south"]))
    table.deliver_all()
    assert {table.state(side, accord) for side in SIDES} == {AccordState.SUSPENDED}
    other_word = msgspec.structs.replace(AccordResumed("south", NOON, "authority", accord, 2), signature="")
    with pytest.raises(Refusal, match="by"):
        table.say(other_word)
    table.say(signed(other_word, AUTHORITIES["south"]))
    table.say(signed(AccordEnded("north", NOON, "authority", accord, "over"), AUTHORITIES["north"]))
    table.deliver_all()
    assert {table.state(side, accord) for side in SIDES} == {AccordState.ENDED}


def test_a_post_never_takes_back_what_its_authority_suspended() -> None:
    table = Table()
    accord = table.in_force()
    table.say(signed(AccordSuspended("south", NOON, "authority", accord, 1, "an order"), AUTHORITIES["south"]))
    table.deliver_all()
    with pytest.raises(Refusal, match="signature"):
        table.resume("south", accord)
    with pytest.raises(Refusal, match="signature"):
        decide(table.talks["north"], AccordResumed("south", NOON, "watch", accord, 2), verify)
    table.say(signed(AccordResumed("south", NOON, "authority", accord, 2), AUTHORITIES["south"]))
    table.deliver_all()
    assert {table.state(side, accord) for side in SIDES} == {AccordState.IN_FORCE}


def test_an_amendment_takes_the_place_of_the_version_before() -> None:
    table = Table()
    before = table.in_force()
    with pytest.raises(Refusal, match="version"):
        table.propose("south", text_of(vertical="2000 ft"))
    after = table.propose("south", text_of(2, "2000 ft"))
    table.deliver_all()
    assert table.state("north", before) is AccordState.IN_FORCE
    for side in SIDES:
        table.authorise(side, after)
    table.deliver_all()
    assert {table.state(side, before) for side in SIDES} == {AccordState.AMENDED}
    assert {table.talks[side].current(table.now) for side in SIDES} == {after}


def test_time_ends_an_accord_and_so_does_either_side() -> None:
    table = Table()
    accord = table.in_force()
    table.now = datetime(2025, 7, 2, tzinfo=UTC)
    assert table.state("north", accord) is AccordState.EXPIRED
    assert table.talks["north"].current(table.now) is None
    table.now = NOON
    table.say(AccordEnded("south", NOON, "watch", accord, "it is over"))
    table.deliver_all()
    assert {table.state(side, accord) for side in SIDES} == {AccordState.ENDED}


def shared(talks: Talks) -> list[object]:
    """What both parties know: equal on both sides once all mail is delivered."""
    return [
        msgspec.structs.replace(record, drafted=False, text="")
        for _, record in sorted(talks.records.items())
        if record.proposals or record.ends
    ]


def test_a_draft_is_told_to_nobody() -> None:
    table = Table()
    table.say(AccordDrafted("north", NOON, "watch", text_of()))
    assert table.state("north", hash_of(text_of())) is AccordState.DRAFTED
    assert not table.mail["south"]
    assert shared(table.talks["north"]) == shared(table.talks["south"]) == []


@pytest.mark.parametrize("key", [NODE_KEYS["south"], AUTHORITIES["north"], STRANGER])
def test_no_other_key_authorises(key: NodeKey) -> None:
    table = Table()
    accord = table.propose("north", text_of())
    table.deliver_all()
    with pytest.raises(Refusal, match="signature"):
        table.authorise("south", accord, key)


def test_a_signature_counts_for_one_accord_one_party_and_one_time() -> None:
    table = Table()
    accord, another = table.propose("north", text_of()), table.propose("north", text_of(vertical="900 ft"))
    signature = AUTHORITIES["north"].sign(authorisation_bytes(accord, "north", NOON)).hex()
    for act in (
        AccordAuthorised("north", NOON, "commander", another, signature),
        AccordAuthorised("north", NOON + timedelta(seconds=1), "commander", accord, signature),
    ):
        with pytest.raises(Refusal, match="signature"):
            table.say(act)


def test_a_peer_cannot_name_our_authority() -> None:
    table = Table()
    text = text_of(south=STRANGER)
    accord = table.propose("north", text)
    table.deliver_all()
    with pytest.raises(Refusal, match="authority_key"):
        table.authorise("south", accord, STRANGER)
    with pytest.raises(Refusal, match="authority_key"):
        table.propose("south", text_of(2, south=STRANGER))


@pytest.mark.parametrize("change", [("north", "east"), (NODE_KEYS["south"].public.hex(), STRANGER.public.hex())])
def test_an_accord_with_somebody_else_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(Refusal, match="parties"):
        Table().say(
            AccordProposed("south" if change[0] == "north" else "north", NOON, "watch", text_of().replace(*change))
        )


TEXTS = [
    text_of(),
    text_of(1, "900 ft"),
    text_of(2, "800 ft"),
    text_of(3, "700 ft"),
    text_of(2, "600 ft", "2025-06-01T12:00:30Z"),
]
sides = st.sampled_from(SIDES)
texts = st.sampled_from(TEXTS)


class TwoParties(RuleBasedStateMachine):
    """Each side says what it likes, forged too; letters arrive in order, at any time later."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.signed: set[tuple[str, str]] = set()

    def attempt(self, act) -> bool:
        try:
            act()
        except Refusal:
            return False
        return True

    @rule(seconds=st.sampled_from([0, 1, 20]))
    def time_passes(self, seconds: int) -> None:
        self.table.now += timedelta(seconds=seconds)

    @rule(side=sides, text=texts, answers=st.none() | texts)
    def propose(self, side: str, text: str, answers: str | None) -> None:
        self.attempt(lambda: self.table.propose(side, text, hash_of(answers) if answers else ""))

    @rule(side=sides, text=texts)
    def draft(self, side: str, text: str) -> None:
        self.attempt(lambda: self.table.say(AccordDrafted(side, self.table.now, "watch", text)))

    @rule(side=sides, text=texts)
    def authorise(self, side: str, text: str) -> None:
        if self.attempt(lambda: self.table.authorise(side, hash_of(text))):
            self.signed.add((side, hash_of(text)))

    @rule(side=sides, text=texts, late=st.booleans())
    def agree(self, side: str, text: str, late: bool) -> None:
        """What chance alone seldom finds: both authorities sign the same text."""
        self.propose(side, text, None)
        self.table.deliver(other(side))
        self.authorise(side, text)
        self.authorise(other(side), text)
        if not late:
            self.table.deliver_all()

    @rule(side=sides, text=texts, key=st.sampled_from([*NODE_KEYS.values(), *AUTHORITIES.values(), STRANGER]))
    def forge(self, side: str, text: str, key: NodeKey) -> None:
        if key is not AUTHORITIES[side]:
            assert not self.attempt(lambda: self.table.authorise(side, hash_of(text), key))

    @rule(side=sides, text=texts)
    def suspend(self, side: str, text: str) -> None:
        self.attempt(lambda: self.table.suspend(side, hash_of(text)))

    @rule(side=sides, text=texts)
    def resume(self, side: str, text: str) -> None:
        self.attempt(lambda: self.table.resume(side, hash_of(text)))

    @rule(side=sides, text=texts)
    def end(self, side: str, text: str) -> None:
        self.attempt(lambda: self.table.say(AccordEnded(side, self.table.now, "watch", hash_of(text), "over")))

    @rule(side=sides, count=st.integers(1, 3))
    def deliver(self, side: str, count: int) -> None:
        self.table.deliver(side, count)

    @invariant()
    def nothing_is_in_force_without_both_signatures(self) -> None:
        for side, talks in self.table.talks.items():
            live = [name for name in talks.records if talks.state(name, self.table.now) in LIVE]
            assert len(live) <= 1
            for name in live:
                assert {(party, name) for party in SIDES} <= self.signed
                for said in talks.records[name].authorisations:
                    message = authorisation_bytes(name, said.party, said.at)
                    public = Ed25519PublicKey.from_public_bytes(AUTHORITIES[said.party].public)
                    public.verify(bytes.fromhex(said.signature), message)
            assert side in SIDES

    def teardown(self) -> None:
        self.table.deliver_all()
        north, south = self.table.talks["north"], self.table.talks["south"]
        assert shared(north) == shared(south)
        for side, talks in self.table.talks.items():
            assert shared(self.table.set_back(side)) == shared(talks)
        for moment in (self.table.now, NOON, NOON + timedelta(days=60)):
            assert north.current(moment) == south.current(moment)
            for name in north.records.keys() & south.records.keys():
                if north.records[name].proposals:
                    assert north.state(name, moment) is south.state(name, moment)


def test_both_sides_come_to_the_same() -> None:
    steps = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    run_state_machine_as_test(TwoParties, settings=steps)


@pytest.mark.long
def test_both_sides_come_to_the_same_at_length() -> None:
    examples = at_length(400)
    steps = settings(
        max_examples=examples, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(TwoParties, settings=steps)


def room_of(table: Table, side: str) -> AccordRoom:
    """A room that holds what one side of a table knows."""
    talks = table.talks[side]
    room = AccordRoom(Accords(talks.own, [talks.peer], None), verify)
    for act in (*table.said[side], *table.said[other(side)]):
        room.evolve(AccordActed(other(side), act))
    return room


def test_an_accord_that_is_over_for_good_leaves_and_nothing_brings_it_back() -> None:
    table = Table()
    ended = table.in_force()
    table.now += timedelta(days=1)
    signature = AUTHORITIES["south"].sign(change_bytes(AccordEnded("south", table.now, "c", ended, "over")))
    table.say(AccordEnded("south", table.now, "c", ended, signature.hex()))
    expired = table.propose("south", text_of(2, end="2025-06-03T00:00:00Z"))
    waiting = table.propose("south", text_of(3), answers=expired)
    current = table.propose("north", text_of(4))
    table.deliver_all()
    for side in SIDES:
        table.authorise(side, current)
    table.deliver_all()
    room, long_after = room_of(table, "north"), NOON + timedelta(days=10)
    room.forget(NOON)
    assert set(room.state.talks["south"].records) == {ended, expired, waiting, current}
    before = {at: room.state.latest("south", at) for at in (long_after, NOON + timedelta(days=90))}
    room.forget(long_after)
    again = AccordRoom(Accords(table.talks["north"].own, [table.talks["north"].peer], None), verify)
    again.restore(room.keep())()
    for held in (room, again):
        talks = held.state.talks["south"]
        assert set(talks.records) == set(talks.accords) == {waiting, current}
        assert held.state.left == {("south", ended), ("south", expired)}
        assert {at: held.state.latest("south", at) for at in before} == before
        assert held.keep() == room.keep()
        assert talks.countered == again.state.talks["south"].countered
        for act in table.said["south"]:
            assert held.decide(Heard(long_after, "south", act)) == [], "what the peer says again of it has no effect"
        for act in table.said["north"]:
            assert held.said_before(long_after, "south", act) == []
        held.evolve(AccordActed("south", AccordProposed("south", NOON, "watch", text_of())))
        assert ended not in talks.records
        for own in (
            AccordProposed("north", NOON, "watch", text_of()),
            AccordEnded("north", NOON, "c", ended, "over"),
        ):
            with pytest.raises(Refusal, match="not over long ago"):
                held.decide(ActOnAccord(long_after, "south", own))
    room.forget(NOON + timedelta(days=900))
    assert set(room.state.talks["south"].records) == {current}, "by the last that was in force the line goes on"


def test_an_accord_of_which_something_was_said_lately_stays() -> None:
    table = Table()
    expired = table.propose("south", text_of(2, end="2025-06-03T00:00:00Z"))
    table.now += timedelta(days=9)
    signature = AUTHORITIES["south"].sign(change_bytes(AccordEnded("south", table.now, "c", expired, "over")))
    table.say(AccordEnded("south", table.now, "c", expired, signature.hex()))
    table.deliver_all()
    room = room_of(table, "north")
    room.forget(table.now)
    assert set(room.state.talks["south"].records) == {expired}
    room.forget(table.now + timedelta(seconds=1))
    assert room.state.talks["south"].records == {}
    assert room.state.acts == []
