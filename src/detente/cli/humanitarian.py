"""detente humanitarian: flights and airdrops told to chosen recipients, and who received and showed each."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli import claims_values as values
from detente.cli.claims_output import side_by_side, where_and_when
from detente.cli.names import found, meant, peer_named
from detente.cli.options import Directory, NewFile, OutputOption, Screen
from detente.cli.output import answered, done
from detente.cli.wording import read_input, say, words, write_output

FORM = """# A humanitarian notice. Fill it in and give it: detente humanitarian give FILE
name = "relief-7"
kind = "flight"             # flight or airdrop
urgency = "routine"         # routine is due 48 h ahead, emergency 24 h, unless the accord says otherwise
call_sign = "RELIEF7"       # what the crew answers to; may be left out
post = "watch"              # whom to call about it: a role, never a person; may be left out
recipients = ["south"]      # each party by its name; no recipient learns of another

[[volumes]]                 # one for each leg or drop zone, each with its own window
centre = "35.33,40.14"      # or: vertices = "34,20 34,21 35,20"
radius = "9km"
heights = "FL100..FL120"
window = "2030-06-01T14:30Z/2030-06-01T15:00Z"
"""
FIELDS = {"name", "kind", "urgency", "call_sign", "post", "recipients", "volumes"}
VOLUME_FIELDS = {"centre", "radius", "vertices", "heights", "window"}

HumanitarianName = Annotated[str, typer.Argument(help="The notice's name.")]


def form(out: NewFile = None) -> None:
    """Write an empty form, with what each line means."""
    write_output([FORM.encode()], out)


def give(
    file: Annotated[Path, typer.Argument(help="The form, filled in: `detente humanitarian form`.")],
    directory: Directory,
    output: OutputOption = None,
) -> None:
    """Tell a notice to its recipients, each by itself; a changed form replaces what they were told."""
    body = _body(file, directory)
    done(values.node(directory).post("humanitarian", body=json.dumps(body).encode()), output, body["notice_id"])


def withdraw(notice_id: HumanitarianName, directory: Directory, output: OutputOption = None) -> None:
    """Take a notice back, from all that were told."""
    client = values.node(directory)
    done(client.post("humanitarian", _ours(client, notice_id)["notice"]["notice_id"], "withdraw"), output)


def list_humanitarian(directory: Directory, screen: Screen = None, output: OutputOption = None) -> None:
    """List humanitarian notices; with --post, those who told them learn that its screen shows them."""
    client = values.node(directory)
    if screen is not None:
        client.post("humanitarian", "shown", body=json.dumps({"by": found(client, "post", screen)}).encode())
    held = client.get("humanitarian")
    everything = [*held["ours"], *held["theirs"]]
    if answered(output, held, (one["notice"]["notice_id"] for one in everything)):
        return
    headings = [words(f"humanitarian.heading.{name}") for name in ("notice", "kind", "place", "state")]
    side_by_side(headings, [_row(one) for one in everything])


def receipts(
    notice_id: HumanitarianName, directory: Directory, out: NewFile = None, output: OutputOption = None
) -> None:
    """Show who received our notice and when, and on which post's screen it was shown. Neither permits anything."""
    one = _ours(values.node(directory), notice_id)
    if out is not None:
        write_output([json.dumps(one, indent=2).encode() + b"\n"], out)
        return
    if answered(output, one, (told["party"] for told in one["recipients"])):
        return
    for told in one["recipients"]:
        received, shown = told["received"], told["shown"]
        say(
            "humanitarian.receipts", party=told["party"], told=told["told_at"],
            received="-" if received is None else received["at"],
            shown="-" if shown is None else f"{shown['at']} ({shown['by']})",
        )  # fmt: skip


def _body(file: Path, directory: Path) -> dict[str, Any]:
    """Return a filled form as the HTTP API takes it; raises Refusal naming the line of the form that is wrong."""
    try:
        filled = tomllib.loads(read_input(file).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("cli.filled_form", str(file), str(error)) from None
    unknown = next((name for name in filled if name not in FIELDS), None)
    if unknown is not None:
        raise Refusal("cli.line_of_form", unknown, filled[unknown], known=", ".join(sorted(FIELDS)))
    for name, kind in (("name", str), ("kind", str), ("recipients", list), ("volumes", list)):
        if not isinstance(filled.get(name), kind) or not filled[name]:
            raise Refusal("cli.line_filled_in", name, filled.get(name))
    if not all(isinstance(one, str) for one in filled["recipients"]):
        raise Refusal("cli.line_filled_in", "recipients", filled["recipients"])
    body = {
        "notice_id": filled["name"], "kind": filled["kind"].lower(),
        "recipients": [peer_named(directory, one) for one in filled["recipients"]],
        "volumes": [_volume(one, number) for number, one in enumerate(filled["volumes"], start=1)],
    }  # fmt: skip
    return {**body, **{name: filled[name] for name in ("urgency", "call_sign", "post") if name in filled}}


def _volume(written: object, number: int) -> dict[str, Any]:
    place = f"volumes[{number}]"
    if not isinstance(written, dict) or not all(isinstance(one, str) for one in written.values()):
        raise Refusal("cli.line_filled_in", place, written)
    unknown = next((name for name in written if name not in VOLUME_FIELDS), None)
    if unknown is not None:
        raise Refusal(
            "cli.line_of_form", f"{place}.{unknown}", written[unknown], known=", ".join(sorted(VOLUME_FIELDS))
        )
    try:
        return values.needed(
            values.volume(*(written.get(n) for n in ("centre", "radius", "vertices", "heights", "window")))
        )
    except Refusal as refusal:
        raise refusal.at(f"{place}.{refusal.field.removeprefix('--')}") from None


def _ours(client: Any, notice_id: str) -> dict[str, Any]:  # noqa: ANN401 - the client of the node
    ours = {one["notice"]["notice_id"]: one for one in client.get("humanitarian")["ours"]}
    name = meant("NOTICE_ID", notice_id, ours)
    if name not in ours:
        raise Refusal("cli.humanitarian_of_ours", "NOTICE_ID", notice_id)
    return dict(ours[name])


def _row(one: dict[str, Any]) -> list[str]:
    notice = one["notice"]
    if one["taken_back_at"] is not None:
        state = words("humanitarian.taken_back")
    elif "recipients" in one:
        told = one["recipients"]
        state = words(
            "humanitarian.told", recipients=len(told), received=sum(each["received"] is not None for each in told),
            shown=sum(each["shown"] is not None for each in told),
        )  # fmt: skip
    else:
        state = words("humanitarian.shown" if one["shown_at"] else "humanitarian.not_shown", by=one["shown_by"])
    late = max([one.get("late_by_s", 0.0), *(each["late_by_s"] for each in one.get("recipients", ()))])
    if late > 0:
        state += f", {words('claims.late_by', seconds=format(late, '.0f'))}"
    places = "\n".join(where_and_when(volume) for volume in notice["volumes"])
    kind = words(f"humanitarian.kind.{notice['kind']}")
    return [f"{notice['party']} {notice['notice_id']}", kind, places, state]


COMMANDS = {
    "humanitarian": {
        "form": form, "give": give, "withdraw": withdraw, "list": list_humanitarian, "receipts": receipts,
    }
}  # fmt: skip
