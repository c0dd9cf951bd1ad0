"""Names as people type them: in any case, and ids cut short; what is meant is looked up among what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detente.airspace.refusal import Refusal

if TYPE_CHECKING:
    from detente.api.client import NodeClient

LONGEST_LIST = 6
"""So many candidates are named where an id is not clear."""


def peer_named(directory: Path, typed: str) -> str:
    """Return the name of the paired party that is meant; what is typed itself where there is none."""
    from detente.link.directory import NodeDirectory

    return meant("--peer", typed, (card.name for card in NodeDirectory(directory).trust.cards()), cut=False)


def any_party(directory: Path, typed: str | None) -> str | None:
    """Return the party that is meant, our own or a paired one; None when none was typed."""
    from detente.link.directory import NodeDirectory

    return typed and meant("--owner", typed, NodeDirectory(directory).names().values(), cut=False)


def found(client: NodeClient, kind: str, typed: str, **about: str | None) -> str:
    """Return the id of the `kind` of thing that is meant, among those that the node lists.

    `about` narrows the list: `peer` to those with a party, `owner` to those of one. What the node does not list is
    returned as it was typed, so that the node says what it thinks of it. Raises Refusal where several could be meant.
    """
    if kind == "plan" and _is_plan(client, typed, about["owner"]):
        return typed
    return meant(kind, typed, _LISTS[kind](client, about))


def meant(field: str, typed: str, known: Iterable[str], *, cut: bool = True) -> str:
    """Return which of the known names is meant: the very same, the same in another case or, `cut`, how it begins."""
    names = sorted(set(known))
    if typed in names or not typed:
        return typed
    folded = typed.casefold()
    same = [name for name in names if name.casefold() == folded]
    begun = same or [name for name in names if cut and name.casefold().startswith(folded)]
    if len(begun) > 1:
        more = ", ..." if len(begun) > LONGEST_LIST else ""
        raise Refusal("cli.one_that_begins_so", field, typed, begun=", ".join(begun[:LONGEST_LIST]), more=more)
    return begun[0] if begun else typed


def _is_plan(client: NodeClient, typed: str, owner: str | None) -> bool:
    """Whether this is the whole id of a plan: of very many, not all are listed to find that out."""
    try:
        client.get("plans", owner or client.get("status")["party"], typed)
    except Refusal:
        return False
    return True


def _plans(client: NodeClient, about: dict[str, str | None]) -> list[str]:
    owner = about["owner"] or client.get("status")["party"]
    return [plan["plan_id"] for plan in client.get("plans", party=owner)]


def _conflicts(client: NodeClient, _: dict[str, str | None]) -> list[str]:
    records = client.get("conflicts", cleared="true")
    return [record["conflict"]["conflict_id"] for record in (*records["open"], *records["cleared"])]


def _messages(client: NodeClient, about: dict[str, str | None]) -> list[str]:
    return [message["message_id"] for message in client.get("line", "messages", peer=about["peer"])]


def _zones(client: NodeClient, about: dict[str, str | None]) -> list[str]:
    return [view["zone_id"] for view in client.get("zones", peer=about["peer"])]


def _claims(route: str, what: str, name: str) -> Callable[[NodeClient, dict[str, str | None]], list[str]]:
    """Return what lists the names of one kind of claim, those of `owner` where it is said."""

    def names(client: NodeClient, about: dict[str, str | None]) -> list[str]:
        views: list[dict[str, Any]] = [view[what] for view in client.get("claims", route)]
        return [view[name] for view in views if about.get("owner") in (None, view["party"])]

    return names


def _occurrences(client: NodeClient, _: dict[str, str | None]) -> list[str]:
    return [view["occurrence_id"] for view in client.get("claims", "statements")]


def _notices(client: NodeClient, about: dict[str, str | None]) -> list[str]:
    notices: list[dict[str, Any]] = [record["notice"] for record in client.get("notices")]
    owner = about.get("owner") or client.get("status")["party"]
    return [notice["notice_id"] for notice in notices if notice["party"] == owner]


def _posts(client: NodeClient, _: dict[str, str | None]) -> list[str]:
    line = client.get("line")
    return [rung["post"] for terms in line["terms"].values() for rung in terms["ladder"]]


_LISTS: dict[str, Callable[[NodeClient, dict[str, str | None]], list[str]]] = {
    "plan": _plans,
    "conflict": _conflicts,
    "measure": lambda client, _: [record["measure"]["measure_id"] for record in client.get("measures")],
    "message": _messages,
    "zone": _zones,
    "accord": lambda client, _: [view["accord_hash"] for view in client.get("accords")],
    "notice": _notices,
    "incident": _claims("incidents", "incident", "incident_id"),
    "observation": _claims("observations", "observation", "observation_id"),
    "request": _claims("requests", "request", "request_id"),
    "deviation": _claims("deviations", "deviation", "deviation_id"),
    "occurrence": _occurrences,
    "run": lambda client, _: [view["run"]["run"] for view in client.get("matching", "runs")],
    "matter": lambda client, _: [matter["name"] for matter in client.get("members")["matters"]],
    "member": lambda client, _: list(client.get("members")["members"]),
    "person": lambda client, _: [one["name"] for one in client.get("people")],
    "session": lambda client, _: [one["session"] for one in client.get("sessions")],
    "commitment": lambda client, _: [one["commitment"] for one in client.get("details")],
    "post": _posts,
}
