"""detente notice: give, amend, cancel and list notices, each with its meaning."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import as_json, side_by_side, where_and_when, word
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import words

NoticeId = Annotated[str, typer.Argument(help="The notice's name.")]
MEANINGS = "our_aircraft_here, keep_out, call_before_entering, closed_to_all or nothing_of_ours_here."
Means = Annotated[str | None, typer.Option("--meaning", help=MEANINGS)]
OTHERS = "With nothing_of_ours_here: not_under_our_control or unknown, of aircraft that are not ours."
Others = Annotated[str | None, typer.Option(help=OTHERS)]
Commitment = Annotated[str | None, typer.Option(help="To details that are given later: `detente details commit`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Notices: give, amend, cancel, list.", no_args_is_help=True)
    for name, function in (("give", give), ("amend", amend), ("cancel", cancel), ("list", list_notices)):
        group.command(name)(function)
    app.add_typer(group, name="notice")


def give(
    notice_id: NoticeId,
    directory: Directory,
    meaning: Means = None,
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
    plan: Annotated[str | None, typer.Option(help="The plan of ours that it is about.")] = None,
    others: Others = None,
    commitment: Commitment = None,
) -> None:
    """Tell every party something about an area and a time. There is no notice without a meaning."""
    volume = values.volume(centre, radius, block, window)
    _tell(directory, ("notices",), notice_id, meaning, volume, plan, others, commitment)


def amend(
    notice_id: NoticeId,
    directory: Directory,
    meaning: Means = None,
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
    plan: Annotated[str | None, typer.Option(help="The plan of ours that it is about.")] = None,
    others: Others = None,
    commitment: Commitment = None,
) -> None:
    """Replace our notice of this name."""
    volume = values.volume(centre, radius, block, window)
    _tell(directory, ("notices", "amend"), notice_id, meaning, volume, plan, others, commitment)


def cancel(notice_id: NoticeId, directory: Directory) -> None:
    """Take our notice back."""
    from detente.api.client import NodeClient

    done(NodeClient(directory).post("notices", notice_id, "cancel"))


def list_notices(directory: Directory, output: OutputOption = Output.TABLE) -> None:
    """List the notices of every party."""
    from detente.api.client import NodeClient

    found = NodeClient(directory).get("notices")
    if output is Output.JSON:
        as_json(found)
        return
    headings = [words(f"claims.heading.{name}") for name in ("notice", "meaning", "place", "state")]
    side_by_side(headings, [_row(record) for record in found])


def _tell(
    directory: Any,  # noqa: ANN401 - a path, as typer gives it
    route: tuple[str, ...],
    notice_id: str,
    meaning: str | None,
    volume: dict[str, Any] | None,
    plan: str | None,
    others: str | None,
    commitment: str | None,
) -> None:
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient
    from detente.picture.notices import Meaning

    if meaning not in set(Meaning):
        raise Refusal(
            "--meaning", meaning, f"one of {', '.join(Meaning)}",
            "A bare coordinate was read as a place to protect by one side and otherwise by the other.",
        )  # fmt: skip
    body = {
        "notice_id": notice_id,
        "meaning": meaning,
        "volume": values.needed(volume),
        "plan_id": plan,
        "others": others,
        "commitment": commitment,
    }
    done(NodeClient(directory).post(*route, body=json.dumps(body).encode()))


def _row(record: dict[str, Any]) -> list[str]:
    notice = record["notice"]
    means = word("meaning", notice["meaning"])
    if notice.get("others"):
        means += f"; {word('others', notice['others'])}"
    state = word("state", record["state"])
    if record["late_by_s"] > 0:
        state += f", {words('claims.late_by', seconds=format(record['late_by_s'], '.0f'))}"
    return [f"{notice['party']} {notice['notice_id']}", means, where_and_when(notice["volume"]), state]
