"""detente line: messages, STOP, receipts, watches and checks, through the running node; files and voice codes too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.cli import line_radio, line_watch
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import language, say, words, write_output

MessageId = Annotated[str, typer.Argument(help="The message's id: `detente line inbox`.")]
From = Annotated[str, typer.Option("--from", help="The party that sent it.")]
Post = Annotated[str, typer.Option(help="The post that acts.")]
Values = Annotated[list[str] | None, typer.Argument(help="name=value for each parameter: `detente line codes`.")]
Tongue = Annotated[str | None, typer.Option("--language", help="en, fr, ru or ar; yours unless said.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The line: messages, STOP, receipts, watches, checks.", no_args_is_help=True)
    group.command("show")(show)
    group.command("codes")(codes)
    group.command("send")(send)
    group.command("stop")(stop)
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
    watch = typer.Typer(
        help="Show everything as it comes, a STOP in the full width; or take, leave and hand over a watch.",
        invoke_without_command=True,
    )
    watch.callback()(line_watch.follow)
    watch.command("take")(take_watch)
    watch.command("leave")(leave_watch)
    watch.command("show")(show_watch)
    group.add_typer(watch, name="watch")
    app.add_typer(group, name="line")


def show(directory: Directory, output: OutputOption = Output.TABLE) -> None:
    """Show the state of the line with every party, who keeps watch here, and what waits."""
    line = _client(directory).get("line")
    if output is Output.JSON:
        typer.echo(json.dumps(line, indent=2))
        return
    for peer, state in line["lines"].items():
        standing = state["standing"]
        faults = ", ".join(words(f"line.fault.{fault}") for fault in standing["faults"])
        say("line.state", peer=peer, quality=words(f"line.quality.{standing['quality']}"), faults=faults or "-")
        if state["suspended_by"]:
            line_watch.detail("line.suspended", parties=", ".join(state["suspended_by"]))
    for watch in line["watches"]:
        say("line.watch", post=watch["post"], shift=watch["shift"], languages=", ".join(watch["languages"]))
    if not line["watches"]:
        say("line.nobody")
    say("line.waiting", waiting=", ".join(line["waiting"]) or "-")
    for text in line_radio.radio_lines(line):
        typer.echo(text)
    for text in line_radio.alarm_lines(line):
        typer.echo(text)


def codes(directory: Directory, tongue: Tongue = None) -> None:
    """List the message codes, their parameters, their words and how they are said."""
    for code in _client(directory).get("line", "codes", language=_tongue(tongue)):
        parameters = " ".join(f"{name}={kind}" for name, kind in code["parameters"].items())
        typer.echo(f"{code['code']} {parameters}\n  {code['text']}\n  [{code['pronunciation']}]")


def send(
    code: Annotated[str, typer.Argument(help="The message code: `detente line codes`.")],
    directory: Directory,
    to: Annotated[str, typer.Option(help="The party it is for.")],
    values: Values = None,
    answers: Annotated[str | None, typer.Option(help="The id of the message that it answers.")] = None,
    free_text: Annotated[str | None, typer.Option(help="Text that is not agreed, where the accord allows it.")] = None,
    confirmed_by: Annotated[
        str | None, typer.Option(help="The post where a second person looked at what seems a mistake.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help='where="NAME": a name of our [places] that is meant; never sent.')
    ] = None,
) -> None:
    """Send a coded message."""
    from detente.cli.line_values import encoded

    body = {"peer": to, "code": code, "parameters": encoded(code, values or []), "answers": answers}
    names = dict(word.split("=", 1) for word in name or [] if "=" in word)
    message: dict[str, Any] = {**body, "free_text": free_text, "confirmed_by": confirmed_by, "place_names": names}
    sent = _client(directory).post("line", "messages", body=_json(message))
    say("line.sent", ids=", ".join(sent["message_ids"]), journal_number=sent["journal_number"])
    for doubt in sent["doubts"]:
        say("line.doubt", err=True, doubt=words(f"line.doubts.{doubt}"))


def stop(
    directory: Directory, to: Annotated[str | None, typer.Option(help="One party; everybody unless said.")] = None
) -> None:
    """STOP: aircraft are in danger. Goes before everything else, to every post, at once."""
    sent = _client(directory).post("line", "stop", body=_json({"peer": to}))
    say("line.sent", ids=", ".join(sent["message_ids"]), journal_number=sent["journal_number"])


def inbox(
    directory: Directory,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what no person has taken.")] = False,
    post: Annotated[str | None, typer.Option(help="The post whose screen this is: it says what it shows.")] = None,
    tongue: Tongue = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the messages, STOP first, and where each stands."""
    client = _client(directory)
    messages = client.get("line", "messages", language=_tongue(tongue), waiting=str(waiting).lower())
    if output is Output.JSON:
        typer.echo(json.dumps(messages, indent=2, ensure_ascii=False))
    else:
        for message in messages:
            line_watch.show_message(message)
    for message in messages:
        if post is not None and not message["ours"]:
            client.post("line", "display", body=_reference(message["peer"], message["message_id"], post))


def acknowledge(message_id: MessageId, directory: Directory, sender: From, post: Post) -> None:
    """Say that a person at this post has the message: nobody else is called. It approves nothing."""
    done(_client(directory).post("line", "take", body=_reference(sender, message_id, post)))


def read_back(
    message_id: MessageId, directory: Directory, sender: From, post: Post, values: Values = None, *,
    feet: Annotated[bool, typer.Option("--feet/--metres", help="The unit of our heights.")] = False,
    miles: Annotated[bool, typer.Option("--miles/--kilometres", help="The unit of our distances.")] = False,
) -> None:  # fmt: skip
    """Read a message back: what the node holds or, with values, what you wrote down; the sender compares."""
    from detente.cli.line_values import encoded

    client = _client(directory)
    heard = None
    if values:
        heard = encoded(client.get("line", "messages", sender, message_id)["code"], values)
    units = {"height_unit": "ft" if feet else "m", "length_unit": "NM" if miles else "km"}
    body = {"peer": sender, "message_id": message_id, "post": post, "heard": heard, **units}
    done(client.post("line", "read-back", body=_json(body)))


def pass_on(
    message_id: MessageId, directory: Directory, sender: From, post: Post,
    to: Annotated[str, typer.Option(help="To whom it was passed on.")],
) -> None:  # fmt: skip
    """Say to whom the message was passed on."""
    body = {"peer": sender, "message_id": message_id, "post": post, "passed_to": to}
    done(_client(directory).post("line", "pass-on", body=_json(body)))


def take_watch(
    post: Annotated[str, typer.Argument(help="The post.")],
    directory: Directory,
    shift: Annotated[str, typer.Option(help="The shift's name; never a person's.")],
    speaks: Annotated[list[str] | None, typer.Option(help="A language spoken there: en, fr, ru, ar.")] = None,
) -> None:
    """Take the watch at a post; what the shift before hands over goes into the journal."""
    body = {"post": post, "shift": shift, "languages": speaks or [str(language())]}
    done(_client(directory).post("line", "watch", body=_json(body)))


def leave_watch(post: Annotated[str, typer.Argument(help="The post.")], directory: Directory) -> None:
    """Leave a post without a watch."""
    done(_client(directory).post("line", "watch", "leave", body=_json({"post": post})))


def show_watch(post: Annotated[str, typer.Argument(help="The post.")], directory: Directory) -> None:
    """Show what the watch at a post would hand over now, as JSON."""
    typer.echo(json.dumps(_client(directory).get("line", "watch", post), indent=2))


def check(peer: Annotated[str, typer.Argument(help="The party.")], directory: Directory) -> None:
    """Ask for a line check now; `detente line show` says what it found."""
    done(_client(directory).post("line", "check", body=_json({"peer": peer})))


def voice(
    code: Annotated[str, typer.Argument(help="The code as it was read aloud.")], directory: Directory, sender: From
) -> None:
    """Enter a code that the other side's officer read aloud."""
    done(_client(directory).post("line", "voice", body=_json({"peer": sender, "code": code})))


def carry_out(
    peer: Annotated[str, typer.Argument(help="The party it is for.")],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="The new file.")],
    *,
    mail: Annotated[bool, typer.Option("--mail", help="A mail with the file attached.")] = False,
) -> None:
    """Write everything that a party has not receipted to a file, to be carried."""
    parcel = _client(directory).fetch("parcels", peer, mail=str(mail).lower())
    write_output([parcel], out)


def carry_in(
    file: Annotated[Path, typer.Argument(help="The file, or the mail that it is attached to.")], directory: Directory
) -> None:
    """Take in a file that was carried here."""
    from detente.airspace.refusal import Refusal

    try:
        body = file.read_bytes()
    except OSError as error:
        raise Refusal("FILE", str(file), "a file that can be read", f"{error.strerror}.") from None
    carried = _client(directory).post("parcels", body=body)
    say("line.carried", envelopes=carried["envelopes"], receipts=carried["receipts"])
    for refused in carried["refused"]:
        typer.echo(refused, err=True)


def _client(directory: Path) -> Any:  # noqa: ANN401 - imported late
    from detente.api.client import NodeClient

    return NodeClient(directory)


def _tongue(tongue: str | None) -> str:
    return tongue or str(language())


def _reference(peer: str, message_id: str, post: str) -> bytes:
    return _json({"peer": peer, "message_id": message_id, "post": post})


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
