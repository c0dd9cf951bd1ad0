"""detente accord: draft, propose, counter, authorise, suspend, resume, end, show and compare accords."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.plan import Directory, Output, OutputOption, show_table
from detente.cli.wording import say, words

if TYPE_CHECKING:
    from detente.accord.difference import Difference
    from detente.accord.terms import Accord

Hash = Annotated[str, typer.Argument(help="The accord's hash, or how it begins: `detente accord list`.")]
Post = Annotated[str, typer.Option("--by", help="The post that acts: a role, never a person.")]
Peer = Annotated[str, typer.Option("--peer", help="The other party.")]
Text = Annotated[Path, typer.Argument(help="The accord's text, TOML.")]
AuthorityKey = Annotated[
    Path | None, typer.Option("--key", help="The authority's key file, where the authority acts and not a post.")
]
Reason = Annotated[str, typer.Option(help="Why, in one line that the other party reads too.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Accords: draft, propose, counter, authorise, suspend, resume, end.", no_args_is_help=True)
    for name, function in (
        ("authority", authority), ("minima", minima), ("draft", draft), ("propose", propose), ("counter", counter),
        ("authorise", authorise), ("suspend", suspend), ("resume", resume), ("end", end), ("list", list_accords),
        ("show", show), ("diff", diff), ("schema", schema),
    ):  # fmt: skip
        group.command(name)(function)
    app.add_typer(group, name="accord")


def authority(
    key: Annotated[Path, typer.Option("--key", help="The authority's own key file, kept away from the node.")],
    *,
    new: Annotated[bool, typer.Option("--new", help="Make the key.")] = False,
) -> None:
    """Show the public key of a party's authority, to be written into detente.toml and into accords."""
    from detente.record.keys import NodeKey, spoken_fingerprint

    if new:
        NodeKey.generate().save(key)
    public = NodeKey.load(key).public
    say("accord.authority", hex=public.hex(), fingerprint=spoken_fingerprint(public))


def draft(
    directory: Annotated[Path, typer.Option("--dir", help="The node's directory.")],
    peer: Peer,
    authority: Annotated[str, typer.Option(help="The public key of our authority.")],
    peer_authority: Annotated[str, typer.Option(help="The public key of the other party's authority.")],
    name: Annotated[str, typer.Option(help="What the accord is called.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="For how many days from now on it is valid.")] = 30,
    minima: Annotated[str, typer.Option(help="Minima to begin from: `detente accord minima`.")] = "en-route",
) -> None:
    """Write a first text from both cards, with minima of a public standard and every default; edit it, then propose."""
    from datetime import UTC, datetime, timedelta

    from detente.accord.standard_minima import STANDARD_MINIMA
    from detente.accord.terms import Accord, AccordParty, format_accord
    from detente.airspace.plan import TimeWindow
    from detente.airspace.refusal import Refusal
    from detente.airspace.separation import MinimaTable
    from detente.cli.wording import write_output
    from detente.link.directory import NodeDirectory

    files = NodeDirectory(directory)
    card, other = files.card(), files.trust.find(peer)
    if other is None:
        raise Refusal("--peer", peer, "a paired party", "Pair with it: `detente pair`.")
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    parties = (
        AccordParty(card.name, card.public_key, authority),
        AccordParty(other.name, other.public_key, peer_authority),
    )
    valid = TimeWindow(start, start + timedelta(days=days))
    found = next((standard for standard in STANDARD_MINIMA if standard.name == minima), None)
    if found is None:
        raise Refusal("--minima", minima, ", ".join(standard.name for standard in STANDARD_MINIMA))
    accord = Accord(name, 1, parties, valid, MinimaTable(found.minima))
    write_output([format_accord(accord).encode()], out)


def minima() -> None:
    """List the minima of public standards that a text may begin from, and where each comes from."""
    from detente.accord.standard_minima import STANDARD_MINIMA

    for standard in STANDARD_MINIMA:
        typer.echo(f"{standard.name}: {standard.source}")


def propose(file: Text, directory: Directory, peer: Peer, by: Post = "watch") -> None:
    """Propose a text to the other party."""
    _say_text(directory, "propose", {"peer": peer, "text": _read(file), "by": by})


def counter(
    file: Text,
    directory: Directory,
    peer: Peer,
    answers: Annotated[str, typer.Option(help="The hash of the proposal that this one answers.")],
    by: Post = "watch",
) -> None:
    """Answer a proposal with another text, and show in what they differ."""
    from detente.api.client import NodeClient

    _say_text(directory, "propose", {"peer": peer, "text": _read(file), "by": by, "answers": answers})
    before = NodeClient(directory).get("accords", answers)["record"]["text"]
    _show_differences(_parsed(before), _parsed(_read(file)))


def authorise(
    accord: Hash,
    directory: Directory,
    key: Annotated[Path, typer.Option("--key", help="The authority's key file; the node never sees it.")],
    by: Annotated[str, typer.Option("--by", help="The post that authorises.")] = "authority",
) -> None:
    """Sign an accord as our party's authority. With both authorities' signatures it comes into force."""
    from datetime import UTC, datetime

    from detente.accord.facts import authorisation_bytes
    from detente.accord.terms import accord_hash
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient
    from detente.record.keys import NodeKey

    client = NodeClient(directory)
    found = client.get("accords", accord)
    # The authority signs what the text says, not what a node says of it.
    own = accord_hash(_parsed(found["record"]["text"]))
    if own != found["accord_hash"]:
        raise Refusal("accord", found["accord_hash"], f"the hash of the text, {own}", "Do not sign.")
    at = datetime.now(UTC)
    signature = NodeKey.load(key).sign(authorisation_bytes(own, client.get("status")["party"], at)).hex()
    body = {"at": at.isoformat(), "signature": signature, "by": by}
    _done(client.post("accords", own, "authorise", body=json.dumps(body).encode()))


def suspend(accord: Hash, directory: Directory, reason: Reason, by: Post = "watch", key: AuthorityKey = None) -> None:
    """Suspend an accord, alone and at once: planning stops; what the terms keep goes on; what was notified holds."""
    _change(directory, accord, "suspend", {"by": by, "reason": reason}, key)


def resume(accord: Hash, directory: Directory, by: Post = "watch", key: AuthorityKey = None) -> None:
    """Take our suspension back. Nothing is negotiated again; both sides tell what changed meanwhile."""
    _change(directory, accord, "resume", {"by": by}, key)


def end(accord: Hash, directory: Directory, reason: Reason, by: Post = "watch", key: AuthorityKey = None) -> None:
    """End an accord for good, or take a proposal back."""
    _change(directory, accord, "end", {"by": by, "reason": reason}, key)


def list_accords(directory: Directory, output: OutputOption = Output.TABLE) -> None:
    """List every accord with every paired party and where it stands."""
    from detente.api.client import NodeClient

    found = NodeClient(directory).get("accords")
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [
        (
            view["accord_hash"][:16], view["peer"], f"{view['name']} {view['version']}",
            words(f"accord.standing.{view['standing']}"), ", ".join(view["authorised_by"]),
            ", ".join(view["suspended_by"]),
        )
        for view in found
    ]  # fmt: skip
    show_table(("accord", "party", "name", "state", "authorised_by", "suspended_by"), rows)


def show(accord: Hash, directory: Directory) -> None:
    """Show an accord's text, and who said what of it and when."""
    from detente.api.client import NodeClient

    found = NodeClient(directory).get("accords", accord)
    typer.echo(found["record"]["text"])
    _stand(found)
    record = found["record"]
    for facts in (record["proposals"], record["authorisations"], record["suspensions"], record["ends"]):
        for fact in facts:
            say(f"accord.said.{fact['fact']}", at=fact["at"], party=fact["party"], by=fact["by"],
                reason=fact.get("reason", ""))  # fmt: skip


def diff(
    first: Annotated[Path, typer.Argument(help="The text before.")],
    second: Annotated[Path, typer.Argument(help="The text after.")],
) -> None:
    """Say in words in what two texts differ."""
    _show_differences(_parsed(_read(first)), _parsed(_read(second)))


def schema() -> None:
    """Print the JSON schema of the accord's text."""
    from detente.accord.schema import schema_text

    typer.echo(schema_text(), nl=False)


def sentence(difference: Difference) -> str:
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
        typer.echo(sentence(difference))


def _say_text(directory: Path, action: str, body: dict[str, Any]) -> None:
    from detente.api.client import NodeClient

    _parsed(body["text"])
    _done(NodeClient(directory).post("accords", action, body=json.dumps(body).encode()))


def _change(directory: Path, accord: str, action: str, body: dict[str, Any], key: Path | None = None) -> None:
    from detente.api.client import NodeClient

    client = NodeClient(directory)
    if key is not None:
        found, party = client.get("accords", accord), client.get("status")["party"]
        body = {**body, **_signed(found, party, action, body, key)}
    _done(client.post("accords", accord, action, body=json.dumps(body).encode()))


def _signed(found: dict[str, Any], party: str, action: str, body: dict[str, Any], key: Path) -> dict[str, str]:
    """Return when the authority suspended, resumed or ended an accord, and its signature."""
    from datetime import UTC, datetime

    from detente.accord.facts import AccordEnded, AccordResumed, AccordSuspended, Change, change_bytes
    from detente.record.keys import NodeKey

    at, name = datetime.now(UTC), found["accord_hash"]
    serial = 1 + max((said["serial"] for said in found["record"]["suspensions"] if said["party"] == party), default=0)
    fact: Change
    match action:
        case "suspend":
            fact = AccordSuspended(party, at, body["by"], name, serial, body["reason"])
        case "resume":
            fact = AccordResumed(party, at, body["by"], name, serial)
        case _:
            fact = AccordEnded(party, at, body["by"], name, body["reason"])
    return {"at": at.isoformat(), "signature": NodeKey.load(key).sign(change_bytes(fact)).hex()}


def _done(answer: dict[str, Any]) -> None:
    _stand(answer["accord"])


def _stand(view: dict[str, Any]) -> None:
    say("accord.stands", accord=view["accord_hash"], name=view["name"], version=view["version"], peer=view["peer"],
        standing=words(f"accord.standing.{view['standing']}"))  # fmt: skip


def _parsed(text: str) -> Accord:
    from detente.accord.terms import parse_accord

    return parse_accord(text)


def _read(file: Path) -> str:
    from detente.airspace.refusal import Refusal

    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(str(file), str(error), "an accord's text that can be read") from None
