"""The code broken on purpose, one promise at a time: the simulator must find each of these.

Each is a change of one place in a copy of the source. When the place is written otherwise, write the fault anew.
"""

from __future__ import annotations

from typing import NamedTuple

from run import EVERY_CUT, EVERY_PUT_BACK, EVERY_ROTATED, EVERY_TWO_WORLDS


class Mutation(NamedTuple):
    """A fault: what it breaks, in which file of `src/detente`, what stands there and what stands there instead.

    `every`: only every so many seeds have what can find it, from `first` on.
    """

    breaks: str
    file: str
    before: str
    after: str
    every: int = 1
    first: int = 0


MUTATIONS = (
    Mutation(
        "an acknowledged command is on the disk: nothing waits for it",
        "record/storage.py",
        '"synchronous = FULL"',
        '"synchronous = OFF"',
    ),
    Mutation(
        "what a crash tore is cut: it is taken for damage, and the node never starts again",
        "record/write_ahead.py",
        "is_damaged = any(slots[place].is_commit for place in present if place < last)",
        "is_damaged = bool(present)",
    ),
    Mutation(
        "a batch that comes twice is taken once: its copy is taken as new",
        "link/session.py",
        "return EnvelopeStanding.DUPLICATE if envelope.hash",
        "return EnvelopeStanding.IN_ORDER if envelope.hash",
    ),
    Mutation(
        "delivery goes on until it is receipted: after a failure it is given up",
        "link/transport.py",
        "await self._pause(self._delay_s)",
        "await self._pause(1e6)",
    ),
    Mutation(
        "a peer that is away stops nothing: the outbox ends at the first failure",
        "link/transport.py",
        "        except CarriageError as error:\n            self._refused",
        "        except ZeroDivisionError as error:\n            self._refused",
    ),
    Mutation(
        "silence frees nothing: notices expire when their window begins",
        "picture/decide_notices.py",
        "record.notice.volume.time.end < command.at",
        "record.notice.volume.time.start < command.at",
    ),
    Mutation(
        "no conflict is missed: the last that is close to a new plan is passed over",
        "picture/decide_conflicts.py",
        "for other, encounter in picture.encounters(party, plan, accord, comes_first):",
        "for other, encounter in picture.encounters(party, plan, accord, comes_first)[:-1]:",
    ),
    Mutation(
        "no conflict is missed: an amended plan stays in the index as it was",
        "picture/evolve.py",
        "    index.remove(index_key(*key))\n    index.insert(index_key(*key), event.plan)\n",
        "",
    ),
    Mutation(
        "a STOP calls every post at once: it waits for the ladder like any message",
        "line/ladder.py",
        "    if record.message.is_stop:\n",
        "    if record.message.is_stop and elapsed_s > 3600.0:\n",
    ),
    Mutation(
        "a STOP that is not delivered alarms its sender: it does after an hour",
        "line/ladder.py",
        "elapsed_s = (at - record.since).total_seconds()\n    deadline_s",
        "elapsed_s = (at - record.since).total_seconds() - 3600.0\n    deadline_s",
    ),
    Mutation(
        "nothing grows without bound: a peer's batch keeps its place in the queue for ever",
        "node/admission.py",
        "self._waiting[who] -= admitted",
        "self._waiting[who] -= 0",
    ),
    Mutation(
        "replay equals the state: a decision changes the picture by itself",
        "picture/decide_plans.py",
        "    return [] if held.state is PlanState.ACTIVE",
        "    picture.cleared.clear()\n    return [] if held.state is PlanState.ACTIVE",
    ),
    Mutation(
        "nothing leaves that disclosure forbids: plans are told as they are whatever their level",
        "disclosure/release.py",
        "return found is not None and not is_open(found[0], self._policy)",
        "return False",
        every=EVERY_TWO_WORLDS,
    ),
    Mutation(
        "what a peer holds of ours holds here again after a backup: a newer revision of a plan that is held does not",
        "picture/decide_plans.py",
        "    return _amended(picture, at, picture.party, plan, revision)",
        "    return []",
        every=EVERY_PUT_BACK,
        first=EVERY_PUT_BACK - 1,
    ),
    Mutation(
        "what is over is forgotten, and nothing else: a plan that is yet to be flown is forgotten",
        "picture/past.py",
        "(not record.live or record.plan.time.end < before)",
        "True",
        every=EVERY_CUT,
    ),
    Mutation(
        "what is over is forgotten, and nothing else: a message that no person has taken is forgotten",
        "line/state.py",
        "if record.since >= before or key in open_keys",
        "if record.since >= before or key in self.undelivered",
        every=EVERY_CUT,
    ),
    Mutation(
        "a receipt is given again under the key that signs now: it is as it was",
        "link/receipt.py",
        "if receipt.is_signed_by((key.public,)):",
        "if receipt.signed:",
        every=EVERY_ROTATED,
        first=32 * EVERY_ROTATED,
    ),
)
