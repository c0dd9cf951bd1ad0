"""Random requests of several services, interleaved: the same answers as the plain model, and the same again on replay.

The model's tokens and the service's versions are matched by when they were made: a request names a version as "the
one the n-th write made", right, stale or of another entity.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_model import Model

from detente.utm.dss import commands as c
from detente.utm.moments import DAY_US, HOUR_US, MINUTE_US
from detente.utm.refused import Refused
from detente.utm.representation import Decision, Policy, Representation, decide, evolve, recorded_refusal
from detente.utm.rid import records as r
from detente.utm.rid.records import Standard
from detente.utm.service.snapshot import decode_representation, encode_representation
from detente.utm.space import Extents, Volume, union
from length import at_length

START_US = 1_750_000_000_000_000
USSES = ("uss0", "uss1", "uss2")
URL = "https://example.com"
SHAPES = [
    union([Volume(((50.0, 8.0), (50.0, 8.0 + width), (50.0 + width, 8.0 + width)), None, None, None, None, None)], 413)
    for width in (0.001, 0.02, 0.05)
] + [union([Volume(((51.0, 9.0),), 500.0, None, None, None, None)], 413)]


def name_of(kind: str, number: int) -> str:
    return str(UUID(int=(hash_of(kind) << 64) + number, version=4))


def hash_of(kind: str) -> int:
    return sum(ord(letter) for letter in kind)


OPTIONS: dict[str, list[Any]] = {
    "sensible": [True] * 5 + [False],
    "what": ["PutIntent"] * 6
    + ["DeleteIntent"] * 2
    + ["PutConstraint"] * 2
    + ["DeleteConstraint"]
    + ["PutSubscription"] * 3
    + ["DeleteSubscription", "SetAvailability"]
    + ["PutArea", "PutArea", "DeleteArea", "PutRidSubscription", "PutRidSubscription", "DeleteRidSubscription"],
    "by": [*USSES],
    "number": [*range(4)],
    "shape": [*range(len(SHAPES))],
    "heights": [(0.0, 50.0), (50.0, 100.0), (60.0, 120.0), (0.0, 500.0)],
    "start_min": [-20, -4, 0, 0, 6, 10, 40],
    "last_min": [5, 30, 60, 23 * 60, 25 * 60],
    "timeless": [False, True],
    "pause_min": [0] * 12 + [1, 7, 30, 70],
    "version": ["none", "none", "current", "current", "current", "stale"],
    "state": ["Accepted", "Accepted", "Activated", "Nonconforming", "Contingent"],
    "subscription": ["none", "new", "new", "existing", "existing", "old", "both"],
    "constraints": [False, True],
    "intents": [True, True, True, False],
    "key": ["all", "all", "all", "none", "half"],
    "availability": ["Normal", "Normal", "Down", "Unknown"],
    "suffix": ["none", "none", "none", "new", "new", "same", "late"],
    "restart": ["no"] * 30 + ["replay", "snapshot"],
}
"""What a request is drawn from. A sensible one suits what is there, or else nearly all would be refused at the door."""
REQUESTS = st.fixed_dictionaries({what: st.sampled_from(choices) for what, choices in OPTIONS.items()})


class World:
    """The service's core and the model side by side."""

    def __init__(self) -> None:
        self.state, self.model, self.now = Representation(), Model(), START_US
        self.bodies: list[bytes] = []
        self.suffixes: dict[str, str] = {}
        self.indices: dict[str, int] = {}
        self.made = 0

    def entity(self, kind: str, name: str) -> Any:
        dss, rid = self.state.dss, self.state.rid
        tables = {
            "intent": dss.intents,
            "constraint": dss.constraints,
            "subscription": dss.subscriptions,
            "area": rid.areas,
            "rid": rid.subscriptions,
        }
        return tables[kind].get(name)

    def versions(self, kind: str, name: str, how: str) -> tuple[str | None, str | None]:
        """The version to name, to the service and to the model."""
        if how == "none":
            return None, None
        thing, modelled = self.entity(kind, name), self.model.things.get((kind, name))
        if how == "stale" or thing is None or modelled is None:
            return "never a version", "never a token"
        return getattr(thing, "ovn", None) or thing.version, modelled.token

    def restart(self, how: str) -> None:
        """Go on with what the journal, or a snapshot, makes of it."""
        if how == "snapshot":
            self.state = decode_representation(encode_representation(self.state))
        elif how == "replay":
            self.state = Representation()
            for body in self.bodies:
                evolve(self.state, msgspec.json.decode(body, type=Decision))

    def step(self, q: dict[str, Any]) -> None:
        self.restart(q["restart"])
        self.now += q["pause_min"] * MINUTE_US + 1
        ours, theirs = self.commands(q)
        expected = self.model.carry_out(theirs)
        got = self.ask(ours)
        assert got == expected, (q, got, expected)
        for kind in ("intent", "constraint", "subscription", "area", "rid"):
            for thing in self.model.of(kind):
                assert self.entity(kind, thing.id) is not None

    def ask(self, command: Any) -> tuple[int, object]:
        request_id = f"request {self.made}" if self.made % 3 == 0 else ""
        self.made += 1
        subject = getattr(command, "id", getattr(command, "uss", ""))
        # A decision must see what has ended as ended.
        evolve(self.state, Decision(command.at_us, command.by, subject))
        try:
            events = decide(self.state, command, Policy())
        except Refused as refused:
            refusal = recorded_refusal(refused, command)
            self.bodies.append(msgspec.json.encode(Decision(command.at_us, command.by, subject, refusal=refusal)))
            missing = sorted([*refused.missing_intents, *refused.missing_constraints])
            if refused.status != 409:
                return refused.status, None
            return 409, missing or self.why(refused.message)
        decision = Decision(command.at_us, command.by, subject, request_id, "", tuple(events))
        answer = evolve(self.state, decision, answering=True)
        assert answer is not None
        self.bodies.append(msgspec.json.encode(decision))
        document = json.loads(answer.body())
        told = {
            s["subscription_id"]: s["notification_index"]
            for subscriber in document.get("subscribers", [])
            for s in subscriber["subscriptions"]
        }
        if isinstance(command, c.PutSubscription | r.PutRidSubscription) and command.version is None:
            self.indices.pop(command.id, None)
        for name, index in told.items():
            # Whatever happened in between, nobody is told the same index twice, and none is left out.
            assert index == self.indices.get(name, 0) + 1
            self.indices[name] = index
        return answer.status, self.seen(type(command).__name__, document, told)

    @staticmethod
    def why(message: str) -> object:
        return (
            "exists"
            if "exists already" in message
            else "version"
            if "current" in message and "old_" not in message
            else None
        )

    @staticmethod
    def seen(what: str, document: dict[str, Any], told: dict[str, int]) -> object:
        if what.endswith("Intent"):
            return document["operational_intent_reference"]["version"], told
        if what.endswith("Constraint"):
            return document["constraint_reference"]["version"], told
        if what.endswith("RidSubscription"):
            shown = sorted(area["id"] for area in document.get("service_areas", []))
            return document["subscription"]["notification_index"], shown
        if what.endswith("Subscription"):
            references = document.get("operational_intent_references", []) + document.get("constraint_references", [])
            subscription = document["subscription"]
            dependents = sorted(subscription["dependent_operational_intents"])
            return subscription["notification_index"], dependents, sorted(one["id"] for one in references)
        if what == "SetAvailability":
            return document["status"]["availability"]
        return told

    def extents(self, q: dict[str, Any]) -> Extents:
        shape = SHAPES[q["shape"]]
        start = self.now + q["start_min"] * MINUTE_US
        return Extents(shape.cells, *q["heights"], start, start + q["last_min"] * MINUTE_US, ())

    def key(self, how: str) -> tuple[frozenset[str], frozenset[str]]:
        ours, theirs = set(), set()
        for kind in ("intent", "constraint"):
            for number in range(6):
                one, thing = (
                    self.entity(kind, name_of(kind, number)),
                    self.model.things.get((kind, name_of(kind, number))),
                )
                if one is not None and thing is not None and (how == "all" or (how == "half" and number % 2)):
                    ours.add(one.ovn)
                    theirs.add(thing.token)
        return frozenset(ours), frozenset(theirs)

    def commands(self, q: dict[str, Any]) -> tuple[Any, Any]:
        what, by, now, extents = q["what"], q["by"], self.now, self.extents(q)
        kind = {
            "PutIntent": "intent",
            "DeleteIntent": "intent",
            "PutConstraint": "constraint",
            "DeleteConstraint": "constraint",
            "PutSubscription": "subscription",
            "DeleteSubscription": "subscription",
            "PutArea": "area",
            "DeleteArea": "area",
            "PutRidSubscription": "rid",
            "DeleteRidSubscription": "rid",
            "SetAvailability": "",
        }[what]
        number = q["number"]
        if kind == "rid":
            # Enough of one owner that it comes to have too many in a cell.
            number, by = 4 * number + q["shape"], USSES[0] if q["timeless"] else by
        name = name_of(kind, number)
        if q["sensible"] and kind:
            q, by = self.suited(q, kind, name, by)
        how = "current" if what.startswith("Delete") and q["version"] == "none" else q["version"]
        if what == "SetAvailability":
            held = self.state.dss.availability.get(by)
            version = "never" if how == "stale" else held.version if held else ""
            modelled = "never" if how == "stale" else self.model.availability.get(by, "")
            make = lambda v: c.SetAvailability(now, "arbiter", by, q["availability"], v)  # noqa: E731
            return make(version), make(modelled)
        ours, theirs = self.versions(kind, name, how)
        if what == "PutIntent":
            return self.intent_commands(q | {"by": by}, name, extents, ours, theirs)
        timeless = msgspec.structs.replace(extents, start_us=None, end_us=None) if q["timeless"] else extents
        standard = Standard.F3411_22A if q["constraints"] else Standard.F3411_19

        def make_one(version: str | None) -> Any:
            match what:
                case "DeleteIntent":
                    return c.DeleteIntent(now, by, name, version or "")
                case "PutConstraint":
                    return c.PutConstraint(now, by, name, version, URL, extents)
                case "DeleteConstraint":
                    return c.DeleteConstraint(now, by, name, version or "")
                case "PutSubscription":
                    return c.PutSubscription(now, by, name, version, URL, timeless, q["intents"], q["constraints"])
                case "DeleteSubscription":
                    return c.DeleteSubscription(now, by, name, version or "")
                case "PutArea":
                    return r.PutArea(now, by, standard, name, version, URL, extents)
                case "DeleteArea":
                    return r.DeleteArea(now, by, standard, name, version or "")
                case "PutRidSubscription":
                    return r.PutRidSubscription(now, by, standard, name, version, URL, timeless)
                case _:
                    return r.DeleteRidSubscription(now, by, standard, name, version or "")

        return make_one(ours), make_one(theirs)

    def suited(self, q: dict[str, Any], kind: str, name: str, by: str) -> tuple[dict[str, Any], str]:
        """The request as a client would make it that knows what there is, and who would."""
        thing, q = self.entity(kind, name), dict(q)
        q["version"] = "none" if thing is None else "current"
        if thing is not None:
            by = getattr(thing, "manager", "") or thing.owner
        if q["what"] == "PutIntent":
            if thing is None:
                q["state"] = "Accepted"
            if q["subscription"] == "both" or (q["subscription"] == "none" and q["state"] != "Accepted"):
                q["subscription"] = "new"
        return q, by

    def subscription_of(self, by: str, number: int) -> str | None:
        """One of the subscriptions that a USS has; None when it has none."""
        own = sorted(one.id for one in self.state.dss.subscriptions.values() if one.manager == by)
        return own[number % len(own)] if own else None

    def suffix(self, how: str, name: str) -> str | None:
        """A version 7 UUID of now, of long ago, or the one that the intent's current OVN has."""
        if how == "none" or (how == "same" and name not in self.suffixes):
            return None
        stamp_ms = (self.now - (6 * MINUTE_US if how == "late" else 0)) // 1000
        if how != "same":
            number = hash_of(name) + self.made
            made = str(UUID(int=stamp_ms << 80 | 7 << 76 | 2 << 62 | number))
            if how == "late":
                return made
            self.suffixes[name] = made
        return self.suffixes[name]

    def intent_commands(
        self, q: dict[str, Any], name: str, extents: Extents, ours: str | None, theirs: str | None
    ) -> tuple[Any, Any]:
        extents = msgspec.structs.replace(extents, end_us=max(extents.end_us or 0, self.now))
        own_key, model_key = self.key(q["key"])
        old = self.state.dss.intents.get(name)
        own = self.subscription_of(q["by"], q["shape"]) if q["sensible"] else None
        existing = {
            "existing": own or name_of("subscription", q["number"]),
            "both": name_of("subscription", q["number"]),
            "old": old.subscription_id if old else None,
        }.get(q["subscription"])
        fresh = name_of("implicit", self.made)
        suffix = self.suffix(q["suffix"], name)
        new = c.NewSubscription(fresh, URL, q["constraints"]) if q["subscription"] in ("new", "both") else None

        def make(version: str | None, key: frozenset[str]) -> c.PutIntent:
            return c.PutIntent(
                self.now,
                q["by"],
                name,
                version,
                q["state"],
                URL,
                extents,
                key,
                existing or None,
                new,
                suffix,
                may_coordinate=True,
                may_monitor=True,
            )

        return make(ours, own_key), make(theirs, model_key)


def normal(state: Representation) -> dict[str, Any]:
    """Everything in a representation, without regard to the order in which it came to be held."""
    content = msgspec.msgpack.decode(encode_representation(state))
    subscriptions = sorted(zip(content[4], content[5], strict=True), key=repr)
    rid_subscriptions = sorted(zip(content[8], content[9], strict=True), key=repr)
    return {
        "now": content[0],
        "intents": sorted(content[2], key=repr),
        "constraints": sorted(content[3], key=repr),
        "subscriptions": subscriptions,
        "availability": content[6],
        "areas": sorted(content[7], key=repr),
        "rid": rid_subscriptions,
        "outcomes": [
            (by, request_id, {**outcome, **{part: unordered(outcome[part]) for part in ("document", "told")}})
            for by, request_id, outcome in content[11]
        ],
    }


def unordered(text: bytes | None) -> str:
    """JSON without regard to the order of its lists, which is that in which an index holds what it finds."""

    def sorted_lists(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: sorted_lists(held) for key, held in value.items()}
        return sorted(map(sorted_lists, value), key=repr) if isinstance(value, list) else value

    return repr(sorted_lists(json.loads(text))) if text else repr(text)


def run(steps: list[dict[str, Any]]) -> None:
    world = World()
    for q in steps:
        world.step(q)
    replayed, restored = Representation(), Representation()
    middle = len(world.bodies) // 2
    for number, body in enumerate(world.bodies):
        decision = msgspec.json.decode(body, type=Decision)
        evolve(replayed, decision)
        evolve(restored, decision)
        if number == middle:
            restored = decode_representation(encode_representation(restored))
    assert normal(replayed) == normal(world.state) == normal(restored)


def of_chance(seed: int, count: int) -> list[dict[str, Any]]:
    chance = Random(seed)
    return [{what: chance.choice(choices) for what, choices in OPTIONS.items()} for _ in range(count)]


@pytest.mark.parametrize("seed", range(40))
def test_answers_are_those_of_the_plain_model_and_replay_gives_the_same(seed: int) -> None:
    run(of_chance(seed, 300))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_answers_are_those_of_the_plain_model_over_many_runs() -> None:
    for seed in range(1000, 1000 + at_length(400)):
        run(of_chance(seed, 250))


@pytest.mark.long
@given(st.lists(REQUESTS, max_size=60))
@settings(max_examples=1000)
@pytest.mark.timeout(1800)
def test_answers_are_those_of_the_plain_model_over_runs_that_shrink(steps: list[dict[str, Any]]) -> None:
    run(steps)


def test_the_times_of_the_model_are_those_of_the_service() -> None:
    assert (HOUR_US, DAY_US) == (3600 * 10**6, 86400 * 10**6)
