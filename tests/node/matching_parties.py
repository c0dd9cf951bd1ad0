"""Two real nodes under an accord that lets them match privately."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from parties import TODAY, Party, accord_of

from detente.accord.matching_terms import FineGrid, MatchingTerms, RunsOfNodes, ToldOfMatched
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, Disclosure
from detente.link.copies import proven_entries
from detente.record.keys import NodeKey
from ports import free_port

TERMS = MatchingTerms(
    runs=RunsOfNodes.ASKED, told=ToldOfMatched.PLAN, first_log2=12, second_log2=12, parts_log2=6, canaries=16,
    late_log2=10, late_runs=0, spot_one_in=128, spot_points=4, answers_least=64,
    fine=(FineGrid(cell_dm=50_000, bin_seconds=60, first_log2=11, second_log2=11),),
)  # fmt: skip
MOMENT = TODAY + timedelta(hours=2)


def matching_accord(
    *parties: Party, terms: MatchingTerms = TERMS, disclosure: Disclosure = Disclosure.NOTHING
) -> Accord:
    return msgspec.structs.replace(
        accord_of(*parties), disclosure=disclosure, provisions=Provisions(matching=terms)
    )  # fmt: skip


@contextmanager
def matching_parties(
    path: Path, *, terms: MatchingTerms = TERMS, disclosure: Disclosure = Disclosure.NOTHING, automatic: bool = False,
    patience_s: float = 600.0, addresses: bool = True, start: bool = True, tls: bool = False,
    lower: str = "",
) -> Iterator[tuple[Party, Party]]:  # fmt: skip
    """North and south, paired; whatever still runs at the end is killed.

    They wait for each other longer than a test does, however busy the machine is, unless the test is about silence.

    The party of the lower public key has the first role in even epochs: `lower` says which that is, else chance does.
    """
    keys = [NodeKey.generate(), NodeKey.generate()]
    if lower:
        keys.sort(key=lambda key: key.public, reverse=lower == "south")
    north, south = (
        Party(path / name, name, free_port(), reachable=addresses, tls=tls, key=key)
        for name, key in zip(("north", "south"), keys, strict=True)
    )
    north.files.trust.trust(south.card)
    south.files.trust.trust(north.card)
    accord = matching_accord(north, south, terms=terms, disclosure=disclosure)
    extra = f"[matching]\npatience_s = {patience_s}\npace_s = 0.01\n"
    try:
        for party in (north, south):
            party.configure(accord, automatic=automatic, extra=extra)
            if start:
                party.begin()
        if start:
            north.wait()
            south.wait()
        yield north, south
    finally:
        for party in (north, south):
            if party.process is not None:
                party.kill()


def propose(party: Party, peer: Party, moment: datetime = MOMENT) -> str:
    return str(party.post("/matching/runs", {"peer": peer.name, "epoch": moment})["run"]["run"])


def run_of(party: Party, run: str) -> Any:
    answer = party.ask("GET", f"/matching/runs/{run}")
    return answer.json["run"] if answer.status == 200 else {"state": "none"}


def until_over(party: Party, run: str) -> Any:
    party.until(lambda: run_of(party, run)["state"] in ("done", "aborted"), "the run is over")
    return run_of(party, run)


def matching_events(party: Party) -> list[Any]:
    entries = proven_entries(party.files.journal_path)
    return [msgspec.json.decode(entry.body) for entry in entries if entry.kind == "matching"]
