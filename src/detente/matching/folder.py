"""A run as files in a folder: what we send under `out`, what we got under `in`, on a stick or by any other way (R31).

A run can be taken up again after a crash at any point, and goes on with kept work; see `driver`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.matching import masking
from detente.matching.driver import LEDGER_FILE, Driver, Secret, kept_secret, plans_fingerprint
from detente.matching.keeper import SECRET_FILE, FolderKeeper
from detente.matching.ledger import LedgerRow
from detente.matching.run import Run
from detente.matching.schedule import check_begin
from detente.matching.side import MatchSide
from detente.record.keys import NodeKey

__all__ = ["FolderProgress", "advance_run", "load_secret", "plans_fingerprint", "read_ledger"]


@dataclass(frozen=True)
class FolderProgress:
    """Where a run stands: files to hand over, the file that is waited for (None when nothing is), and the side.

    `new` are those of the files to hand over that this call made.
    """

    sent: list[Path]
    awaited: Path | None
    side: MatchSide
    new: list[Path]


def advance_run(
    folder: Path, run: Run, key: NodeKey, plans: Sequence[Plan] | None = None, *, moment: datetime | None = None,
    late: Sequence[Plan] | None = None, progress: masking.ProgressCall = masking.silent,
) -> FolderProgress:  # fmt: skip
    """Go on as far as the files allow; with `late`, begin a late run with these plans.

    Raises Refusal for plans other than those the run began with, a file that cannot be read, and with a `moment` for a
    run out of its time or a second one of its epoch in the folder beside; and BreachError when the peer broke the
    protocol, with the fault written to the ledger.
    """
    keeper = FolderKeeper(folder)
    if moment is not None and kept_secret(keeper) is None:
        check_begin(run, moment, begun_beside(folder, key.first))
    driver = Driver(run, key, keeper, plans, progress=progress)
    for name in ("out", "in"):
        (folder / name).mkdir(exist_ok=True)
    before = set(driver.sent)
    _go_on(driver, keeper, moment)
    if late is not None:
        driver.begin_late(late, moment)
        _go_on(driver, keeper, moment)
    awaited = None if driver.awaited is None else folder / "in" / f"{driver.awaited}.match"
    sent = [folder / "out" / f"{name}.match" for name in driver.sent]
    new = [folder / "out" / f"{name}.match" for name in driver.sent if name not in before]
    return FolderProgress(sent, awaited, driver.side, new)


def begun_beside(folder: Path, party: bytes) -> list[str]:
    """The identities of the runs that a party began in other folders beside this one."""
    beside = [file.parent for file in folder.parent.glob(f"*/{SECRET_FILE}") if file.parent.name != folder.name]
    secrets = [load_secret(other) for other in beside]
    return [secret.run for secret in secrets if secret.party == party.hex()]


def read_ledger(runs: Path) -> list[LedgerRow]:
    """The rows of all runs under a folder of run folders, by epoch; raises Refusal for one that cannot be read."""
    rows = []
    for file in sorted(runs.glob(f"*/{LEDGER_FILE}")):
        try:
            rows.append(msgspec.json.decode(file.read_bytes(), type=LedgerRow))
        except (OSError, msgspec.DecodeError) as error:
            raise Refusal("matching.ledger_run_wrote", str(file), str(error)[:120]) from None
    return sorted(rows, key=lambda row: row.epoch)


def load_secret(folder: Path) -> Secret:
    """The secret of a run; raises Refusal when there is none."""
    secret = kept_secret(FolderKeeper(folder))
    if secret is None:
        raise Refusal("matching.secret_run_began", str(folder / SECRET_FILE), "no such file")
    return secret


def _go_on(driver: Driver, keeper: FolderKeeper, moment: datetime | None) -> None:
    while True:
        if driver.next_message() is not None:
            continue
        waiting = ((name, keeper.read(f"in/{name}.match")) for name in driver.expected)
        raw = next((raw for _, raw in waiting if raw is not None), None)
        if raw is None:
            return
        driver.receive(raw, moment)
