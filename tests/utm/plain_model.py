"""F3548-21 and F3411 told as plainly as can be: lists that are looked through, one request after another.

It shares nothing with the service but the words of commands and the cells of a shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from detente.utm.dss import commands as c
from detente.utm.rid import records as r
from detente.utm.space import Extents

ROUND = 5 * 10**6
HOUR, DAY, FIVE_MINUTES = 3600 * 10**6, 86400 * 10**6, 300 * 10**6


@dataclass
class Thing:
    kind: str
    id: str
    owner: str
    extents: Extents
    version: int = 1
    token: str = ""
    state: str = ""
    subscription: str = ""
    implicit: bool = False
    kinds: frozenset[str] = frozenset()
    notified: int = 0
    suffix: str = ""


def stamp_of(suffix: str) -> int:
    """Microseconds since 1970, out of a version 7 UUID."""
    return int(suffix.replace("-", "")[:12], 16) * 1000


@dataclass
class Model:
    """Answers are (status, what the client can see of it)."""

    things: dict[tuple[str, str], Thing] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    availability: dict[str, str] = field(default_factory=dict)
    stamp: int = 0

    def expire(self, now: int) -> None:
        for key, one in list(self.things.items()):
            if self.gone(one, now):
                del self.things[key]
        for key, one in list(self.things.items()):
            if one.implicit and not self.dependents(one.id):
                del self.things[key]

    @staticmethod
    def gone(one: Thing, now: int) -> bool:
        assert one.extents.end_us is not None
        # Entities go in rounds of five seconds.
        return ((one.extents.end_us + HOUR) // ROUND + 1) * ROUND <= now

    def of(self, kind: str) -> list[Thing]:
        return [one for one in self.things.values() if one.kind == kind]

    def dependents(self, subscription: str) -> list[str]:
        return [one.id for one in self.of("intent") if one.subscription == subscription]

    def near(self, kind: str, extents: Extents, now: int, *, heights: bool) -> list[Thing]:
        found = []
        for one in self.of(kind):
            e = one.extents
            if not {*e.cells} & {*extents.cells} or e.end_us < now:
                continue
            if (extents.end_us is not None and e.start_us > extents.end_us) or e.end_us < (extents.start_us or 0):
                continue
            if heights:
                if None not in (e.upper_m, extents.lower_m) and e.upper_m < extents.lower_m:
                    continue
                if None not in (e.lower_m, extents.upper_m) and e.lower_m > extents.upper_m:
                    continue
            found.append(one)
        return found

    def tell(self, kind: str, word: str, new: Extents, old: Extents | None, now: int) -> dict[str, int]:
        starts, ends, cells = [new.start_us], [new.end_us], {*new.cells}
        if old is not None:
            starts, ends, cells = [*starts, old.start_us], [*ends, old.end_us], cells | {*old.cells}
        told = {}
        for one in self.of(kind):
            e = one.extents
            late_enough = e.end_us >= max(min(starts), now) if kind == "subscription" else e.end_us >= now
            soon_enough = e.start_us <= max(ends) if kind == "subscription" else True
            if word in one.kinds and {*e.cells} & cells and late_enough and soon_enough:
                one.notified += 1
                told[one.id] = one.notified
        return told

    def fresh(self) -> str:
        self.stamp += 1
        return f"token {self.stamp}"

    def carry_out(self, x: object) -> tuple[int, object]:
        self.expire(x.at_us)  # type: ignore[attr-defined]
        name = type(x).__name__
        return getattr(self, name)(x)  # type: ignore[no-any-return]

    def PutIntent(self, x: c.PutIntent) -> tuple[int, object]:  # noqa: C901, N802
        old = self.things.get(("intent", x.id))
        if x.ovn is None and x.state != "Accepted":
            return 400, None
        if x.subscription_id and x.new_subscription:
            return 400, None
        if x.state != "Accepted" and not x.subscription_id and not x.new_subscription:
            return 400, None
        if x.requested_suffix and abs(stamp_of(x.requested_suffix) - x.at_us) > FIVE_MINUTES:
            return 400, None
        if x.ovn is None and old:
            return 409, "exists"
        if x.ovn is not None:
            if not old:
                return 400, None
            if old.owner != x.by:
                return 403, None
            if old.token != x.ovn:
                return 409, "version"
            if x.requested_suffix and x.requested_suffix == old.suffix:
                return 400, None
        deconflicted = x.state in ("Accepted", "Activated")
        if deconflicted and x.by in self.down:
            return 412, None
        attached, extended, constraints = "", None, False
        if x.new_subscription:
            attached, constraints = x.new_subscription.id, x.new_subscription.for_constraints
        elif x.subscription_id:
            sub = self.things.get(("subscription", x.subscription_id))
            if not sub:
                return 400, None
            if sub.owner != x.by:
                return 403, None
            if "intents" not in sub.kinds:
                return 400, None
            attached, constraints = sub.id, "constraints" in sub.kinds
            if not self.covers(sub.extents, x.extents):
                if not sub.implicit:
                    return 400, None
                extended = self.joined(sub.extents, x.extents)
        if deconflicted:
            missing = [
                one.id
                for one in self.near("intent", x.extents, x.at_us, heights=True)
                if one.id != x.id
                and not (one.state == "Accepted" and one.owner in self.down)
                and one.token not in x.key
            ]
            if constraints:
                missing += [
                    one.id
                    for one in self.near("constraint", x.extents, x.at_us, heights=True)
                    if one.token not in x.key
                ]
            if missing:
                return 409, sorted(missing)
        if x.new_subscription:
            kinds = frozenset({"intents", "constraints"} if constraints else {"intents"})
            self.things["subscription", attached] = Thing(
                "subscription", attached, x.by, x.extents, token=self.fresh(), implicit=True, kinds=kinds
            )
        if extended is not None:
            self.things["subscription", attached].extents = extended
        new = Thing("intent", x.id, x.by, x.extents, old.version + 1 if old else 1, self.fresh(), x.state, attached)
        new.suffix = x.requested_suffix or ""
        self.things["intent", x.id] = new
        if old and old.subscription != attached:
            self.release(old.subscription)
        told = self.tell("subscription", "intents", x.extents, old.extents if old else None, x.at_us)
        return (200 if old else 201), (new.version, told)

    def release(self, subscription: str) -> None:
        sub = self.things.get(("subscription", subscription))
        if sub and sub.implicit and not self.dependents(subscription):
            del self.things["subscription", subscription]

    @staticmethod
    def covers(e: Extents, x: Extents) -> bool:
        return (
            e.start_us <= x.start_us + FIVE_MINUTES
            and e.end_us >= x.end_us
            and (e.lower_m is None or e.lower_m <= x.lower_m)
            and (e.upper_m is None or e.upper_m >= x.upper_m)
            and {*x.cells} <= {*e.cells}
        )

    @staticmethod
    def joined(e: Extents, x: Extents) -> Extents:
        return Extents(
            tuple({*e.cells, *x.cells}),
            None if e.lower_m is None else min(e.lower_m, x.lower_m),
            None if e.upper_m is None else max(e.upper_m, x.upper_m),
            min(e.start_us, x.start_us),
            max(e.end_us, x.end_us),
            (),
        )

    def DeleteIntent(self, x: c.DeleteIntent) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("intent", x.id))
        if not old:
            return 404, None
        if old.owner != x.by:
            return 403, None
        if old.token != x.ovn:
            return 409, "version"
        if x.by in self.down:
            return 412, None
        told = self.tell("subscription", "intents", old.extents, None, x.at_us)
        del self.things["intent", x.id]
        self.release(old.subscription)
        return 200, (old.version, told)

    def PutConstraint(self, x: c.PutConstraint) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("constraint", x.id))
        if x.ovn is None and old:
            return 409, "exists"
        if x.ovn is not None:
            if not old:
                return 409, None
            if old.owner != x.by:
                return 403, None
            if old.token != x.ovn:
                return 409, "version"
        self.things["constraint", x.id] = Thing(
            "constraint", x.id, x.by, x.extents, old.version + 1 if old else 1, self.fresh()
        )
        told = self.tell("subscription", "constraints", x.extents, old.extents if old else None, x.at_us)
        return (200 if old else 201), (old.version + 1 if old else 1, told)

    def DeleteConstraint(self, x: c.DeleteConstraint) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("constraint", x.id))
        if not old:
            return 404, None
        if old.owner != x.by:
            return 403, None
        if old.token != x.ovn:
            return 409, "version"
        told = self.tell("subscription", "constraints", old.extents, None, x.at_us)
        del self.things["constraint", x.id]
        return 200, (old.version, told)

    def window(self, extents: Extents, now: int, old: Thing | None) -> tuple[int, int] | None:
        start, end = extents.start_us, extents.end_us
        if start is None:
            start = old.extents.start_us if old else now
        elif start < now - FIVE_MINUTES and not (old and start == old.extents.start_us):
            return None
        if end is None:
            end = old.extents.end_us if old and old.extents.end_us >= now else start + DAY
        return None if end < start or end < now or end - start > DAY else (start, end)

    def PutSubscription(self, x: c.PutSubscription) -> tuple[int, object]:  # noqa: N802
        kinds = frozenset(w for w, on in (("intents", x.for_intents), ("constraints", x.for_constraints)) if on)
        if not kinds:
            return 400, None
        old = self.things.get(("subscription", x.id))
        if x.version is None and old:
            return 409, "exists"
        if x.version is not None:
            if not old:
                return 400, None
            if old.token != x.version:
                return 409, "version"
            if old.owner != x.by:
                return 403, None
        window = self.window(x.extents, x.at_us, old)
        if window is None:
            return 400, None
        e = x.extents
        extents = Extents(e.cells, e.lower_m, e.upper_m, *window, ())
        for name in self.dependents(x.id):
            if "intents" not in kinds or not self.covers(extents, self.things["intent", name].extents):
                return 400, None
        new = Thing("subscription", x.id, x.by, extents, token=self.fresh(), kinds=kinds)
        new.notified = old.notified if old else 0
        self.things["subscription", x.id] = new
        shown = []
        if x.for_intents:
            shown += [one.id for one in self.near("intent", extents, x.at_us, heights=True)]
        if x.for_constraints:
            shown += [one.id for one in self.near("constraint", extents, x.at_us, heights=True)]
        return 200, (new.notified, sorted(self.dependents(x.id)), sorted(shown))

    def DeleteSubscription(self, x: c.DeleteSubscription) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("subscription", x.id))
        if not old:
            return 404, None
        if old.owner != x.by:
            return 403, None
        if old.token != x.version:
            return 409, "version"
        if self.dependents(x.id):
            return 400, None
        del self.things["subscription", x.id]
        return 200, (old.notified, [], [])

    def SetAvailability(self, x: c.SetAvailability) -> tuple[int, object]:  # noqa: N802
        if x.old_version != self.availability.get(x.uss, ""):
            return 409, None
        self.availability[x.uss] = self.fresh()
        (self.down.add if x.availability == "Down" else self.down.discard)(x.uss)
        return 200, x.availability

    def PutArea(self, x: r.PutArea) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("area", x.id))
        if x.version is None and old:
            return 409, "exists"
        if x.version is not None:
            if not old:
                return 400, None
            if old.owner != x.by:
                return 403, None
            if old.token != x.version:
                return 409, "version"
        start, end = x.extents.start_us, x.extents.end_us
        if start is None:
            start = old.extents.start_us if old else x.at_us
        elif start < x.at_us - FIVE_MINUTES and not (old and start == old.extents.start_us):
            return 400, None
        if end is None or end < x.at_us or end < start:
            return 400, None
        extents = Extents(x.extents.cells, None, None, start, end, ())
        self.things["area", x.id] = Thing("area", x.id, x.by, extents, token=self.fresh())
        return 200, self.tell("rid", "areas", extents, old.extents if old else None, x.at_us)

    def DeleteArea(self, x: r.DeleteArea) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("area", x.id))
        if not old:
            return 404, None
        if old.token != x.version:
            return 409, "version"
        if old.owner != x.by:
            return 403, None
        del self.things["area", x.id]
        return 200, self.tell("rid", "areas", old.extents, None, x.at_us)

    def PutRidSubscription(self, x: r.PutRidSubscription) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("rid", x.id))
        if x.version is not None:
            if not old:
                return 400, None
            if old.token != x.version:
                return 409, "version"
            if old.owner != x.by:
                return 403, None
        window = self.window(x.extents, x.at_us, old)
        if window is None:
            return 400, None
        if x.version is None and old:
            return 409, "exists"
        for cell in x.extents.cells:
            own = [
                one
                for one in self.of("rid")
                if one.owner == x.by and one.id != x.id and cell in one.extents.cells and one.extents.end_us >= x.at_us
            ]
            if len(own) >= 10:
                return 429, None
        extents = Extents(x.extents.cells, None, None, *window, ())
        new = Thing("rid", x.id, x.by, extents, token=self.fresh(), kinds=frozenset({"areas"}))
        new.notified = old.notified if old else 0
        self.things["rid", x.id] = new
        shown = sorted(one.id for one in self.near("area", extents, x.at_us, heights=False))
        return 200, (new.notified, shown)

    def DeleteRidSubscription(self, x: r.DeleteRidSubscription) -> tuple[int, object]:  # noqa: N802
        old = self.things.get(("rid", x.id))
        if not old:
            return 404, None
        if old.token != x.version:
            return 409, "version"
        if old.owner != x.by:
            return 403, None
        del self.things["rid", x.id]
        return 200, (old.notified, [])
