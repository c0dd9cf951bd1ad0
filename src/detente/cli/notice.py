"""detente notice: give, amend, cancel and list notices, each with its meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli import claims_values as values
from detente.cli.airspace_files import MOST_NOTICES, plans_of_volumes
from detente.cli.claims_output import side_by_side, where_and_when, word
from detente.cli.names import found
from detente.cli.options import (
    Directory,
    GroundElevationOption,
    InsistedFormat,
    OutputOption,
    WindowOption,
    lowered,
)
from detente.cli.output import answered, done
from detente.cli.wording import echo, language, say, words
from detente.language import counted

if TYPE_CHECKING:
    from detente.airspace.plan import Plan
    from detente.api.client import NodeClient


def meant(meaning: str | None) -> str:
    """Return the meaning as it is written; raises Refusal when a notice has none, or one that is none."""
    from detente.picture.notices import Meaning

    written = lowered(meaning)
    if written not in set(Meaning):
        raise Refusal("cli.one_meaning", "--meaning", written, meaning=", ".join(Meaning))
    return Meaning(written)


NoticeId = Annotated[str, typer.Argument(help="The notice's name.")]
MEANINGS = "our_aircraft_here, keep_out, call_before_entering, closed_to_all or nothing_of_ours_here."
Means = Annotated[str | None, typer.Option("--meaning", callback=meant, help=MEANINGS)]
OTHERS = "With nothing_of_ours_here: not_under_our_control or unknown, of aircraft that are not ours."
OthersOption = Annotated[str | None, typer.Option(callback=lowered, help=OTHERS)]
Commitment = Annotated[str | None, typer.Option(help="To details that are given later: `detente details commit`.")]


@values.with_volume
def give(
    notice_id: NoticeId,
    directory: Directory,
    meaning: Means = None,
    volume: values.TypedVolume = None,
    plan: Annotated[str | None, typer.Option(help="The plan of ours that it is about.")] = None,
    others: OthersOption = None,
    commitment: Commitment = None,
    output: OutputOption = None,
) -> None:
    """Tell every party something about an area and a time. There is no notice without a meaning."""
    place = values.needed(volume)
    client = values.node(directory)
    body = _body(client, notice_id, meaning, place, plan, others, commitment)
    done(client.post("notices", body=body), output, notice_id)


@values.with_volume
def amend(
    notice_id: NoticeId,
    directory: Directory,
    meaning: Means = None,
    volume: values.TypedVolume = None,
    plan: Annotated[str | None, typer.Option(help="The plan of ours that it is about.")] = None,
    others: OthersOption = None,
    commitment: Commitment = None,
    output: OutputOption = None,
) -> None:
    """Replace our notice of this name."""
    place = values.needed(volume)
    client = values.node(directory)
    notice = found(client, "notice", notice_id)
    body = _body(client, notice, meaning, place, plan, others, commitment)
    done(client.post("notices", "amend", body=body), output, notice)


def import_file(
    file: Annotated[Path, typer.Argument(help="AIXM, ED-269, ED-318, OpenAir, NOTAMs, a control order, GeoJSON.")],
    directory: Directory,
    meaning: Means = None,
    insisted: InsistedFormat = None,
    ground_elevation: GroundElevationOption = None,
    window: WindowOption = None,
    output: OutputOption = None,
) -> None:
    """Give a notice of one meaning for every volume of a file; those of its names that are there are amended."""
    plans, dropped = plans_of_volumes(file, window, ground_elevation, insisted)
    notices = dict(_notices(plans))
    if len(notices) > MOST_NOTICES:
        raise Refusal("cli.at_most_notices", "FILE", len(notices), most=MOST_NOTICES)
    _check_all(plans)
    client = values.node(directory)
    ours = client.get("status")["party"]
    held = {
        record["notice"]["notice_id"]
        for record in client.get("notices")
        if record["notice"]["party"] == ours and record["state"] == "in_force"
    }
    for notice_id, volume in notices.items():
        body = json.dumps({"notice_id": notice_id, "meaning": meaning, "volume": volume}).encode()
        client.post("notices", *(["amend"] if notice_id in held else []), body=body)
    amended = len(held & notices.keys())
    document = {"given": len(notices) - amended, "amended": amended, "left_out": {d.reason: d.count for d in dropped}}
    if answered(output, document, notices):
        return
    say("claims.notices_imported", given=document["given"], amended=amended)
    for entry in dropped:
        echo(counted(language(), f"left_out.{entry.reason}", entry.count), err=True)


def _check_all(plans: tuple[Plan, ...]) -> None:
    """Raise Refusal before any notice is given for what the node would refuse of some of them."""
    from datetime import UTC, datetime

    from detente.airspace.compiled import Vocabulary, compile_plans

    compile_plans(plans, Vocabulary())
    now = datetime.now(UTC)
    for plan in plans:
        over = next((volume.time.end for volume in plan.intent if volume.time.end < now), None)  # type: ignore[union-attr]
        if over is not None:
            raise Refusal("cli.volume_not_over", plan.plan_id, over.isoformat())


def _notices(plans: tuple[Plan, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each volume under the name of its airspace, with a number where there are several."""
    import msgspec

    for plan in plans:
        volumes = [msgspec.to_builtins(volume) for volume in plan.intent]  # type: ignore[union-attr] # they are volumes
        for number, volume in enumerate(volumes, start=1):
            yield plan.plan_id if len(volumes) == 1 else f"{plan.plan_id}.{number}", volume


def cancel(notice_id: NoticeId, directory: Directory, output: OutputOption = None) -> None:
    """Take our notice back."""
    client = values.node(directory)
    done(client.post("notices", found(client, "notice", notice_id), "cancel"), output)


def list_notices(directory: Directory, output: OutputOption = None) -> None:
    """List the notices of every party."""
    notices = values.node(directory).get("notices")
    if answered(output, notices, (record["notice"]["notice_id"] for record in notices)):
        return
    headings = [words(f"claims.heading.{name}") for name in ("notice", "meaning", "place", "state")]
    side_by_side(headings, [_row(record) for record in notices])


def _body(
    client: NodeClient, notice_id: str, meaning: str | None, volume: dict[str, Any], plan: str | None,
    others: str | None, commitment: str | None,
) -> bytes:  # fmt: skip
    """Return a notice as the HTTP API takes it."""
    body = {
        "notice_id": notice_id, "meaning": meaning, "volume": volume,
        "plan_id": plan and found(client, "plan", plan, owner=None), "others": others, "commitment": commitment,
    }  # fmt: skip
    return json.dumps(body).encode()


def _row(record: dict[str, Any]) -> list[str]:
    notice = record["notice"]
    means = word("meaning", notice["meaning"])
    if notice.get("others"):
        means += f"; {word('others', notice['others'])}"
    state = word("state", record["state"])
    if record["late_by_s"] > 0:
        state += f", {words('claims.late_by', seconds=format(record['late_by_s'], '.0f'))}"
    return [f"{notice['party']} {notice['notice_id']}", means, where_and_when(notice["volume"]), state]


COMMANDS = {"notice": {"give": give, "import": import_file, "amend": amend, "cancel": cancel, "list": list_notices}}
