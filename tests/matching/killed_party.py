"""Two parties over files, each step in a process of its own; those of the first end by SIGKILL wherever they write.

python killed_party.py FOLDER: goes through a run and one late run of each party, and prints, as one line of JSON, every
content that any file under `out` ever had, by party and name, how many lives were ended, and the conflicts.
"""

import dataclasses
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import msgspec
from match_parties import KEYS, RUN, TERMS, circle

from detente.matching import folder as folders
from detente.matching.driver import late_plans_file
from detente.matching.folder import advance_run
from detente.matching.steps import steps_of

SMALL = dataclasses.replace(
    RUN,
    terms=msgspec.structs.replace(
        TERMS, first_log2=9, second_log2=9, late_log2=7, fine=(), spot_one_in=128, spot_points=2, answers_least=8
    ),
)
HERE = (36.5, -121.5)
PLANS = ([circle("a", *HERE, radius_m=100.0)], [circle("b", 36.9, -121.5, radius_m=100.0)])
LATE = ([circle("late-a", 36.9, -121.5, radius_m=100.0)], [circle("late-b", *HERE, radius_m=100.0)])
HALF, AFTER = "half", "after"


class DyingKeeper(folders.FolderKeeper):
    """Kills its own process at the first thing it writes: when half of it is on the disk, or right after it."""

    when = ""

    def write(self, name, data):
        if self.when == HALF:
            part = self.folder / (name + ".part")
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(name, data)
        if self.when == AFTER:
            os.kill(os.getpid(), signal.SIGKILL)


def live(number, here, when, late):
    """One call of a party in a process of its own: how it ended."""
    child = os.fork()
    if child == 0:
        try:
            DyingKeeper.when = when
            folders.FolderKeeper = DyingKeeper
            given = PLANS[number] if not (here / "secret.json").exists() else None
            standing = advance_run(here, SMALL, KEYS[number], given, late=LATE[number] if late else None)
            seen = standing.side.revealed
            (here / "found.json").write_text(json.dumps([e.first_plan_id for e in seen.encounters] if seen else None))
            os._exit(0)
        except Exception:  # noqa: BLE001 whatever it is, the parent says so
            sys.excepthook(*sys.exc_info())
            os._exit(9)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main(root):
    here = [root / name for name in ("first", "second")]
    shown = [{}, {}]
    ended = 0
    # The whole run, then a late run that the first party begins, then one that it joins.
    for late_of in (None, 0, 1):
        begun = False
        for _ in range(len(steps_of(0, SMALL.grids)) + 2):
            for number in (0, 1):
                late = late_of == number and not begun
                begun = begun or late
                for when in (HALF, AFTER, AFTER) * 60 if number == 0 else ("",):
                    code = live(number, here[number], when, late)
                    ended += code == -signal.SIGKILL
                    if code not in (0, -signal.SIGKILL):
                        raise SystemExit(f"a life ended with {code}")
                    # Plans that were kept before the end are those that go on; they are given once more only if not.
                    late = late and not (here[number] / late_plans_file(late_of + 1)).exists()
                    for file in (here[number] / "out").glob("*.match"):
                        digest = hashlib.sha256(file.read_bytes()).hexdigest()
                        shown[number].setdefault(file.name, [])
                        if digest not in shown[number][file.name]:
                            shown[number][file.name].append(digest)
                    if code == 0:
                        break
                (here[1 - number] / "in").mkdir(parents=True, exist_ok=True)
                for file in (here[number] / "out").glob("*.match"):
                    (here[1 - number] / "in" / file.name).write_bytes(file.read_bytes())
    found = [json.loads((one / "found.json").read_text()) for one in here]
    print(json.dumps({"shown": shown, "ended": ended, "found": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
