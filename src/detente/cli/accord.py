"""detente accord: draft, propose, counter, authorise, suspend, resume, end, show and compare accords."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.claims_values import node
from detente.cli.names import found, peer_named
from detente.cli.options import Directory, NewFile, OutputOption, Post, Reason, ToPeer, lowered
from detente.cli.output import answered, show_table
from detente.cli.wording import echo, say, words, write_output

if TYPE_CHECKING:
    from detente.accord.difference import TermDifference
    from detente.accord.terms import Accord

Hash = Annotated[str, typer.Argument(help="The accord's hash, or how it begins: `detente accord list`.")]
Text = Annotated[Path, typer.Argument(help="The accord's text, TOML.")]
AuthorityKey = Annotated[
    Path | None, typer.Option("--key", help="The authority's key file, where the authority acts and not a post.")
]


def authority(
    key: Annotated[Path, typer.Option("--key", help="The authority's own key file, kept away from the node.")],
    *,
    new: Annotated[bool, typer.Option("--new", help="Make the key.")] = False,
    output: OutputOption = None,
) -> None:
    """Show the public key of a party's authority, to be written into detente.toml and into accords."""
    from detente.record.keys import NodeKey, spoken_fingerprint

    if new:
        NodeKey.generate().save(key)
    public = NodeKey.load(key).public
    known = {"public_key": public.hex(), "fingerprint": spoken_fingerprint(public)}
    if not answered(output, known, [public.hex()]):
        say("accord.authority", hex=public.hex(), fingerprint=spoken_fingerprint(public))


def draft(
    directory: Directory,
    peer: ToPeer,
    authority: Annotated[str, typer.Option(help="The public key of our authority.")],
    peer_authority: Annotated[str, typer.Option(help="The public key of the other party's authority.")],
    name: Annotated[str, typer.Option(help="What the accord is called.")],
    out: NewFile = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="For how many days from now on it is valid.")] = 30,
    minima: Annotated[
        str, typer.Option(callback=lowered, help="Minima to begin from: `detente accord minima`.")
    ] = "en-route",
) -> None:
    """Write a first text from both cards, with minima of a public standard and every default; edit it, then propose."""
    from datetime import UTC, datetime, timedelta

    from detente.accord.standard_minima import STANDARD_MINIMA
    from detente.accord.terms import Accord, AccordParty, format_accord
    from detente.airspace.plan import TimeWindow
    from detente.airspace.separation import MinimaTable
    from detente.link.directory import NodeDirectory

    files = NodeDirectory(directory)
    card, other = files.card(), files.trust.find(peer_named(directory, peer))
    if other is None:
        raise Refusal("cli.paired_party", "--peer", peer)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    parties = (
        AccordParty(card.name, card.public_key, authority),
        AccordParty(other.name, other.public_key, peer_authority),
    )
    valid = TimeWindow(start, start + timedelta(days=days))
    found = next((standard for standard in STANDARD_MINIMA if standard.name == minima), None)
    if found is None:
        names = ", ".join(standard.name for standard in STANDARD_MINIMA)
        raise Refusal("cli.one_standard", "--minima", minima, names=names)
    accord = Accord(name, 1, parties, valid, MinimaTable(found.minima))
    write_output([format_accord(accord).encode()], out)


def minima(output: OutputOption = None) -> None:
    """List the minima of public standards that a text may begin from, and where each comes from."""
    from detente.accord.standard_minima import STANDARD_MINIMA

    known = {standard.name: standard.source for standard in STANDARD_MINIMA}
    if answered(output, known, known):
        return
    for name, source in known.items():
        echo(f"{name}: {source}")


def propose(file: Text, directory: Directory, peer: ToPeer, post: Post = "watch", output: OutputOption = None) -> None:
    """Propose a text to the other party."""
    _propose(directory, {"peer": peer, "text": _read(file), "by": post}, output)


def counter(
    file: Text,
    directory: Directory,
    peer: ToPeer,
    answers: Annotated[str, typer.Option(help="The hash of the proposal that this one answers, or how it begins.")],
    post: Post = "watch",
    output: OutputOption = None,
) -> None:
    """Answer a proposal with another text, and show in what they differ."""
    client = node(directory)
    answered_hash = found(client, "accord", answers)
    _propose(directory, {"peer": peer, "text": _read(file), "by": post, "answers": answered_hash}, output)
    if output is None:
        before = client.get("accords", answered_hash)["record"]["text"]
        _show_differences(_parsed(before), _parsed(_read(file)))


def authorise(
    accord: Hash,
    directory: Directory,
    key: Annotated[Path, typer.Option("--key", help="The authority's key file; the node never sees it.")],
    post: Annotated[str, typer.Option("--post", help="The post that authorises.")] = "authority",
    output: OutputOption = None,
) -> None:
    """Sign an accord as our party's authority. With both authorities' signatures it comes into force."""
    from datetime import UTC, datetime

    from detente.accord.messages import authorisation_bytes
    from detente.accord.terms import accord_hash
    from detente.record.keys import NodeKey

    client = node(directory)
    view = client.get("accords", found(client, "accord", accord))
    # The authority signs what the text says, not what a node says of it.
    own = accord_hash(_parsed(view["record"]["text"]))
    if own != view["accord_hash"]:
        raise Refusal("cli.hash_text", "accord", view["accord_hash"], own=own)
    at = datetime.now(UTC)
    signature = NodeKey.load(key).sign(authorisation_bytes(own, client.get("status")["party"], at)).hex()
    body = {"at": at.isoformat(), "signature": signature, "by": found(client, "post", post)}
    _done(client.post("accords", own, "authorise", body=json.dumps(body).encode()), output)


def suspend(
    accord: Hash, directory: Directory, reason: Reason, post: Post = "watch", key: AuthorityKey = None,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Suspend an accord, alone and at once: planning stops; what the terms keep goes on; what was notified holds."""
    _change(directory, accord, "suspend", {"by": post, "reason": reason}, key, output)


def resume(
    accord: Hash, directory: Directory, post: Post = "watch", key: AuthorityKey = None, output: OutputOption = None
) -> None:
    """Take our suspension back. Nothing is negotiated again; both sides tell what changed meanwhile."""
    _change(directory, accord, "resume", {"by": post}, key, output)


def end(
    accord: Hash, directory: Directory, reason: Reason, post: Post = "watch", key: AuthorityKey = None,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """End an accord for good, or take a proposal back."""
    _change(directory, accord, "end", {"by": post, "reason": reason}, key, output)


def list_accords(directory: Directory, output: OutputOption = None) -> None:
    """List every accord with every paired party and where it stands."""
    accords = node(directory).get("accords")
    if answered(output, accords, (view["accord_hash"] for view in accords)):
        return
    rows = [
        (
            view["accord_hash"][:16], view["peer"], f"{view['name']} {view['version']}",
            words(f"accord.standing.{view['standing']}"), ", ".join(view["authorised_by"]),
            ", ".join(view["suspended_by"]),
        )
        for view in accords
    ]  # fmt: skip
    show_table(("accord", "party", "name", "state", "authorised_by", "suspended_by"), rows)


def show(accord: Hash, directory: Directory, output: OutputOption = None) -> None:
    """Show an accord's text, and who said what of it and when."""
    client = node(directory)
    view = client.get("accords", found(client, "accord", accord))
    if answered(output, view, [view["accord_hash"]]):
        return
    echo(view["record"]["text"])
    _stand(view)
    record = view["record"]
    for acts in (record["proposals"], record["authorisations"], record["suspensions"], record["ends"]):
        for act in acts:
            say(f"accord.said.{act['message']}", at=act["at"], party=act["party"], by=act["by"],
                reason=act.get("reason", ""))  # fmt: skip


def diff(
    first: Annotated[Path, typer.Argument(help="The text before.")],
    second: Annotated[Path, typer.Argument(help="The text after.")],
    output: OutputOption = None,
) -> None:
    """Say in words in what two texts differ."""
    from detente.accord.difference import differences

    before, after = _parsed(_read(first)), _parsed(_read(second))
    those = differences(before, after)
    known = [
        {"term": one.term, "alteration": str(one.alteration), "before": one.before, "after": one.after} for one in those
    ]
    if not answered(output, known, (one.term for one in those)):
        _show_differences(before, after)


def schema() -> None:
    """Print the JSON schema of the accord's text."""
    from detente.accord.schema import schema_text

    echo(schema_text(), nl=False)


def sentence(difference: TermDifference) -> str:
    """Return one difference in words."""
    first, _, rest = difference.term.partition(".")
    term = words(f"accord.term.{first}") + (f" ({rest})" if rest else "")
    return words(f"accord.{difference.alteration}", term=term, before=difference.before, after=difference.after)


def _show_differences(before: Accord, after: Accord) -> None:
    from detente.accord.difference import differences

    found = differences(before, after)
    if not found:
        say("accord.same")
    for difference in found:
        echo(sentence(difference))


def _propose(directory: Path, body: dict[str, Any], output: bool | None) -> None:  # noqa: FBT001
    _parsed(body["text"])
    client = node(directory)
    body = {**body, "peer": peer_named(directory, body["peer"]), "by": found(client, "post", body["by"])}
    _done(client.post("accords", "propose", body=json.dumps(body).encode()), output)


def _change(
    directory: Path,
    accord: str,
    action: str,
    body: dict[str, Any],
    key: Path | None,
    output: bool | None,  # noqa: FBT001
) -> None:
    client = node(directory)
    name = found(client, "accord", accord)
    body = {**body, "by": found(client, "post", body["by"])}
    if key is not None:
        view, party = client.get("accords", name), client.get("status")["party"]
        body = {**body, **_signed(view, party, action, body, key)}
    _done(client.post("accords", name, action, body=json.dumps(body).encode()), output)


def _signed(view: dict[str, Any], party: str, action: str, body: dict[str, Any], key: Path) -> dict[str, str]:
    """Return when the authority suspended, resumed or ended an accord, and its signature."""
    from datetime import UTC, datetime

    from detente.accord.messages import AccordEnded, AccordResumed, AccordSuspended, Change, change_bytes
    from detente.record.keys import NodeKey

    at, name = datetime.now(UTC), view["accord_hash"]
    serial = 1 + max((said["serial"] for said in view["record"]["suspensions"] if said["party"] == party), default=0)
    act: Change
    match action:
        case "suspend":
            act = AccordSuspended(party, at, body["by"], name, serial, body["reason"])
        case "resume":
            act = AccordResumed(party, at, body["by"], name, serial)
        case _:
            act = AccordEnded(party, at, body["by"], name, body["reason"])
    return {"at": at.isoformat(), "signature": NodeKey.load(key).sign(change_bytes(act)).hex()}


def _done(answer: dict[str, Any], output: bool | None) -> None:  # noqa: FBT001
    if not answered(output, answer, [answer["accord"]["accord_hash"]]):
        _stand(answer["accord"])


def _stand(view: dict[str, Any]) -> None:
    say("accord.stands", accord=view["accord_hash"], name=view["name"], version=view["version"], peer=view["peer"],
        standing=words(f"accord.standing.{view['standing']}"))  # fmt: skip


def _parsed(text: str) -> Accord:
    from detente.accord.terms import parse_accord

    return parse_accord(text)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("cli.accord_text_readable", str(file), str(error)) from None


COMMANDS = {
    "accord": {
        "authority": authority, "minima": minima, "draft": draft, "propose": propose, "counter": counter,
        "authorise": authorise, "suspend": suspend, "resume": resume, "end": end, "list": list_accords,
        "show": show, "diff": diff, "schema": schema,
    }
}  # fmt: skip
