"""detente line: messages, STOP, receipts, watches and checks, through the running node; files and voice codes too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli import line_radio, line_stop, line_watch
from detente.cli.accord_warnings import warn_of_accords
from detente.cli.claims_values import node
from detente.cli.grammar import CommandGroup
from detente.cli.line_delivery import delivery_text
from detente.cli.line_frame import alarm_lines
from detente.cli.line_watch import tongue_of
from detente.cli.names import found, peer_named
from detente.cli.options import Directory, OutputOption, Person, Post, Screen, Tongue, ToPeer, lowered
from detente.cli.output import answered, done
from detente.cli.wording import echo, language, say, words, write_output

if TYPE_CHECKING:
    from detente.api.client import NodeClient

MessageId = Annotated[str, typer.Argument(help="The message's id, or how it begins: `detente line inbox`.")]
Values = Annotated[list[str] | None, typer.Argument(help="name=value for each parameter: `detente line codes`.")]
Code = Annotated[str, typer.Argument(callback=lowered, help="The message code: `detente line codes`.")]
WatchedPost = Annotated[str, typer.Argument(help="The post.")]
MOST_ALERTS_NAMED = 5


def register(app: CommandGroup) -> None:
    """Add the commands."""
    group = CommandGroup(help="The line: messages, STOP, receipts, watches, checks.", no_args_is_help=True)
    group.command("show")(show)
    group.command("codes")(codes)
    group.command("send")(send)
    group.command("stop")(line_stop.stop)
    group.command("inbox")(inbox)
    group.command("acknowledge")(acknowledge)
    group.command("read-back")(read_back)
    group.command("pass-on")(pass_on)
    group.command("check")(check)
    group.command("voice")(voice)
    group.command("carry-out")(carry_out)
    group.command("carry-in")(carry_in)
    group.command("radio")(line_radio.radio)
    group.command("alarms")(line_radio.alarms)
    watch = CommandGroup(
        help="Show everything as it comes, a STOP in the full width; or take, leave and hand over a watch.",
        invoke_without_command=True,
    )
    watch.callback()(line_watch.follow)
    watch.command("take")(take_watch)
    watch.command("leave")(leave_watch)
    watch.command("show")(show_watch)
    group.add_typer(watch, name="watch")
    app.add_typer(group, name="line")


def show(directory: Directory, output: OutputOption = None) -> None:
    """Show the state of the line with every party, who keeps watch here, and what waits."""
    line = node(directory).get("line")
    if answered(output, line, line["lines"]):
        return
    warn_of_accords(line["accord_warnings"])
    for peer, state in line["lines"].items():
        standing = state["standing"]
        faults = ", ".join(words(f"line.fault.{fault}") for fault in standing["faults"])
        say("line.state", peer=peer, quality=words(f"line.quality.{standing['quality']}"), faults=faults or "-")
        if suspended_by := line["suspended_by"].get(peer):
            line_watch.detail("line.suspended", parties=", ".join(suspended_by))
    for watch in line["watches"]:
        say("line.watch", post=watch["post"], shift=watch["shift"], languages=", ".join(watch["languages"]))
    if not line["watches"]:
        say("line.nobody")
    say("line.waiting", waiting=", ".join(line["waiting"]) or "-")
    for message, delivery in line["deliveries"].items():
        say("line.ours", message=message, delivery=delivery_text(delivery))
    for text in line_radio.radio_lines(line):
        echo(text)
    for text in alarm_lines(line):
        echo(text)


def codes(directory: Directory, tongue: Tongue = None, output: OutputOption = None) -> None:
    """List the message codes, their parameters, their words and how they are said."""
    known = node(directory).get("line", "codes", language=tongue_of(tongue))
    if answered(output, known, (code["code"] for code in known)):
        return
    for code in known:
        parameters = " ".join(f"{name}={kind}" for name, kind in code["parameters"].items())
        echo(f"{code['code']} {parameters}\n  {code['text']}\n  [{code['pronunciation']}]")


def send(
    code: Code,
    directory: Directory,
    peer: ToPeer,
    values: Values = None,
    answers: Annotated[str | None, typer.Option(help="The id of the message that it answers.")] = None,
    free_text: Annotated[str | None, typer.Option(help="Text that is not agreed, where the accord allows it.")] = None,
    confirmed_by: Annotated[
        str | None, typer.Option(help="The post where a second person looked at what seems a mistake.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help='where="NAME": a name of our [places] that is meant; never sent.')
    ] = None,
    output: OutputOption = None,
) -> None:
    """Send a coded message."""
    from detente.cli.line_values import encoded

    client, to = node(directory), peer_named(directory, peer)
    body = {
        "peer": to, "code": code, "parameters": encoded(code, values or []),
        "answers": answers and found(client, "message", answers, peer=to), "free_text": free_text,
        "confirmed_by": confirmed_by and found(client, "post", confirmed_by),
        "place_names": dict(word.split("=", 1) for word in name or [] if "=" in word),
    }  # fmt: skip
    sent = client.post("line", "messages", body=_json(body))
    if not answered(output, sent, sent["message_ids"]):
        say("line.sent", ids=", ".join(sent["message_ids"]), journal_number=sent["journal_number"])
    for doubt in sent["doubts"]:
        say("line.doubt", err=True, doubt=words(f"line.doubts.{doubt}"))


def inbox(
    directory: Directory,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what no person has, of either side.")] = False,
    voice_codes: Annotated[
        bool, typer.Option("--voice-codes", help="Print only the codes of our messages, to be read aloud.")
    ] = False,
    post: Screen = None,
    tongue: Tongue = None,
    output: OutputOption = None,
) -> None:
    """Show the messages, STOP first, and where each stands."""
    client = node(directory)
    post = post and found(client, "post", post)
    messages = client.get("line", "messages", language=tongue_of(tongue), waiting=str(waiting).lower())
    if voice_codes:
        for message in messages:
            if message["ours"] and message["voice_code"]:
                echo(message["voice_code"])
    elif not answered(output, messages, (message["message_id"] for message in messages)):
        for message in messages:
            line_watch.show_message(message)
        alerts = client.get("status")["watch"]["waiting"] if waiting else []
        if alerts:
            say("watching.status.waiting", count=len(alerts), alerts=", ".join(alerts[:MOST_ALERTS_NAMED]))
    for message in messages:
        if post is not None and not message["ours"]:
            body = {"peer": message["peer"], "message_id": message["message_id"], "post": post}
            client.post("line", "display", body=_json(body))


def acknowledge(
    message_id: MessageId, directory: Directory, peer: ToPeer, post: Post, output: OutputOption = None
) -> None:
    """Say that a person at this post has the message: nobody else is called. It approves nothing."""
    client = node(directory)
    body = _reference(client, directory, peer, message_id, post)
    done(client.post("line", "take", body=_json(body)), output)


def read_back(
    message_id: MessageId, directory: Directory, peer: ToPeer, post: Post, values: Values = None, *,
    feet: Annotated[bool, typer.Option("--feet/--metres", help="The unit of our heights.")] = False,
    miles: Annotated[bool, typer.Option("--miles/--kilometres", help="The unit of our distances.")] = False,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Read a message back: what the node holds or, with values, what you wrote down; the sender compares."""
    from detente.cli.line_values import encoded

    client = node(directory)
    body = _reference(client, directory, peer, message_id, post)
    heard = None
    if values:
        heard = encoded(client.get("line", "messages", body["peer"], body["message_id"])["code"], values)
    units = {"height_unit": "ft" if feet else "m", "length_unit": "NM" if miles else "km"}
    done(client.post("line", "read-back", body=_json({**body, "heard": heard, **units})), output)


def pass_on(
    message_id: MessageId,
    directory: Directory,
    peer: ToPeer,
    post: Post,
    person: Person,
    output: OutputOption = None,
) -> None:
    """Say to whom the message was passed on."""
    client = node(directory)
    body = {**_reference(client, directory, peer, message_id, post), "passed_to": person}
    done(client.post("line", "pass-on", body=_json(body)), output)


def take_watch(
    post: WatchedPost,
    directory: Directory,
    shift: Annotated[str, typer.Option(help="The shift's name; never a person's.")],
    speaks: Annotated[list[str] | None, typer.Option(help="A language spoken there: en, fr, ru, ar.")] = None,
    output: OutputOption = None,
) -> None:
    """Take the watch at a post; what the shift before hands over goes into the journal."""
    client = node(directory)
    spoken = [one.lower() for one in speaks or [str(language())]]
    body = {"post": found(client, "post", post), "shift": shift, "languages": spoken}
    done(client.post("line", "watch", body=_json(body)), output)


def leave_watch(post: WatchedPost, directory: Directory, output: OutputOption = None) -> None:
    """Leave a post without a watch."""
    client = node(directory)
    done(client.post("line", "watch", "leave", body=_json({"post": found(client, "post", post)})), output)


def show_watch(post: WatchedPost, directory: Directory, output: OutputOption = None) -> None:
    """Show what the watch at a post would hand over now, as JSON."""
    client = node(directory)
    answered(output is not False, client.get("line", "watch", found(client, "post", post)))


def check(directory: Directory, peer: ToPeer, output: OutputOption = None) -> None:
    """Ask for a line check now; `detente line show` says what it found."""
    done(node(directory).post("line", "check", body=_json({"peer": peer_named(directory, peer)})), output)


def voice(
    code: Annotated[str, typer.Argument(help="The code as it was read aloud.")],
    directory: Directory,
    peer: ToPeer,
    output: OutputOption = None,
) -> None:
    """Enter a code that the other side's officer read aloud."""
    body = {"peer": peer_named(directory, peer), "code": code}
    done(node(directory).post("line", "voice", body=_json(body)), output)


def carry_out(
    directory: Directory,
    peer: ToPeer,
    out: Annotated[Path, typer.Option(help="The new file.")],
    *,
    mail: Annotated[bool, typer.Option("--mail", help="A mail with the file attached.")] = False,
) -> None:
    """Write everything that a party has not receipted to a file, to be carried."""
    parcel = node(directory).fetch("parcels", peer_named(directory, peer), mail=str(mail).lower())
    write_output([parcel], out)


def carry_in(
    file: Annotated[Path, typer.Argument(help="The file, or the mail that it is attached to.")],
    directory: Directory,
    output: OutputOption = None,
) -> None:
    """Take in a file that was carried here."""
    from detente.airspace.refusal import Refusal

    try:
        body = file.read_bytes()
    except OSError as error:
        raise Refusal("cli.file_readable", "FILE", str(file), strerror=error.strerror or str(error)) from None
    carried = node(directory).post("parcels", body=body)
    if answered(output, carried):
        return
    say("line.carried", envelopes=carried["envelopes"], receipts=carried["receipts"])
    for refused in carried["refused"]:
        echo(refused, err=True)


def _reference(client: NodeClient, directory: Path, peer: str, message_id: str, post: str) -> dict[str, Any]:
    sender = peer_named(directory, peer)
    message = found(client, "message", message_id, peer=sender)
    return {"peer": sender, "message_id": message, "post": found(client, "post", post)}


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
