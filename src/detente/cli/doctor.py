"""detente doctor: one look at a node, its machine and its peers, with the mend for each thing that is not well."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import detente
from detente.airspace.refusal import Refusal
from detente.cli.examined import Condition, Examined, refused, to_mend, unknown, well
from detente.cli.exit_codes import ExitCode
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered
from detente.cli.wording import language, say, words

if TYPE_CHECKING:
    from detente.api.client import NodeClient
    from detente.settings.configuration import Configuration

ANSWER_S = 5.0
"""How long the node, and each peer, has to answer."""
_FAILING = ("away", "refused")


def doctor(directory: Directory, *, output: OutputOption = None) -> None:
    """Look at clock, disk, port, keys, peers, versions, accords and backup, and say how each is mended.

    Works with the node running or not. Exit code 0 when all is well, 9 when something is to be mended.
    """
    from detente.cli.tables import print_table
    from detente.link.directory import NodeDirectory

    files, now = NodeDirectory(directory), datetime.now(UTC)
    if not files.exists:
        files.check()
    # What is to be mended comes first, otherwise as it was looked at.
    found = sorted(_findings(files, now), key=lambda one: one.condition is not Condition.TO_MEND)
    mends = [one for one in found if one.condition is Condition.TO_MEND]
    document = {
        "directory": str(directory), "at": now.isoformat(timespec="seconds"), "to_mend": len(mends),
        "checks": [{"check": one.check, "condition": str(one.condition), "said": one.said, "mend": one.mend}
                   for one in found],
    }  # fmt: skip
    if not answered(output, document, dict.fromkeys(one.check for one in mends)):
        headings = [words(f"doctor.heading.{name}") for name in ("condition", "check", "said", "mend")]
        rows = [
            (words(f"doctor.condition.{one.condition}"), words(f"doctor.check.{one.check}"), one.said, one.mend)
            for one in found
        ]
        print_table(headings, rows)
        say("doctor.sum", well=sum(one.condition is Condition.WELL for one in found), to_mend=len(mends))
    if mends:
        raise typer.Exit(ExitCode.TO_MEND)


def _findings(files: Any, now: datetime) -> Iterator[Examined]:  # noqa: ANN401 - a NodeDirectory, loaded late
    from detente.cli import doctor_machine as machine
    from detente.cli.doctor_files import last_rotation, stop_listener
    from detente.settings.configuration import read_configuration

    configuration: Configuration | None = None
    try:
        configuration = read_configuration(files.config_path)
    except Refusal as refusal:
        yield refused("configuration", refusal)
    yield from machine.keys(files)
    yield machine.disk(files, now)
    yield machine.clock()
    yield machine.descriptors()
    yield from stop_listener(files)
    client = _client(files.path)
    if client is None:
        yield from _without_node(files, configuration, now)
    else:
        yield from _with_node(client, files.path, now)
    yield machine.backup(files.path, now, last_rotation(files))


def _client(directory: Path) -> NodeClient | None:
    """Return the client of the node that runs in the directory, or None."""
    from detente.api.client import NodeClient
    from detente.settings.address import is_running

    try:
        return NodeClient(directory, timeout_s=ANSWER_S) if is_running(directory) else None
    except Refusal:
        return None


def _without_node(files: Any, configuration: Configuration | None, now: datetime) -> Iterator[Examined]:  # noqa: ANN401
    from detente.accord.terms import parse_accord
    from detente.cli import doctor_files
    from detente.cli import doctor_machine as machine
    from detente.settings.address import is_running

    mend = words("doctor.mend.restart") if is_running(files.path) else f"detente node --dir {files.path}"
    yield to_mend("node", words("doctor.node.silent" if is_running(files.path) else "doctor.node.down"), mend)
    yield from doctor_files.half_done(files)
    yield doctor_files.journal(files)
    if configuration is not None:
        yield from doctor_files.ports(files, configuration)
        file = files.path / configuration.accord
        try:
            accord = parse_accord(file.read_text("utf-8"))
            yield _accord(configuration.accord, accord.valid.end, now)
            yield from doctor_files.parties(files, accord)
        except Refusal as refusal:
            refusal.field = f"{file}: {refusal.field}"
            yield refused("accord", refusal)
        except (OSError, UnicodeDecodeError):
            yield unknown("accord", words("doctor.accord.no_file"))
    try:
        cards = files.trust.cards()
    except Refusal:
        return  # it was said of the keys
    with ThreadPoolExecutor(max(1, len(cards))) as pool:
        for card, fault in zip(
            cards, pool.map(lambda card: machine.reachable(card.addresses, ANSWER_S), cards), strict=True
        ):
            if fault:
                said = words("doctor.peer.unreachable", peer=card.name, why=fault)
                yield to_mend("peer", said, words("doctor.mend.peer", peer=card.name))
            else:
                yield well("peer", words("doctor.peer.reachable", peer=card.name))
                yield from _stop_address(card.name, card.stop_addresses)
    yield well("versions", _versions())


def _with_node(client: NodeClient, directory: Path, now: datetime) -> Iterator[Examined]:
    try:
        client.get("ready")
        root, status = client.get(), client.get("status")
        peers = client.get("peers")
    except Refusal as refusal:
        yield refused("node", refusal)
        return
    yield well("node", words("doctor.node.ready", entries=status["journal_number"]))
    if status["disk"]["state"] != "enough":
        free_mb, whole_mb = (status["disk"][f"{which}_bytes"] // 2**20 for which in ("free", "whole"))
        said = words(f"status.disk.{status['disk']['state']}", free_mb=free_mb, whole_mb=whole_mb)
        yield to_mend("disk", said, words("doctor.mend.disk", disk=directory))
    for stop in status["stops_undelivered"]:
        yield to_mend("stop", words("doctor.stop.undelivered", stop=stop), words("doctor.mend.stop"))
    for alarm in status["alarms"]:
        yield to_mend("alarm", words("doctor.alarm.open", alarm=alarm), words("doctor.mend.alarm"))
    for one in status["failing_tasks"]:
        said = words("doctor.task.fails", task=one["task"], since=one["since"], why=one["why"])
        yield to_mend("side_task", said, words("doctor.mend.side_task", directory=directory))
    yield from _watch(status["watch"])
    for peer in peers:
        yield _peer(peer, now)
        if peer["paired"]:
            yield from _stop_address(peer["name"], tuple(peer["stop_addresses"]))
            end = client.get("accord", peer=peer["name"])["valid"]["end"]
            yield _accord(peer["name"], datetime.fromisoformat(end), now)
    if not peers:
        yield to_mend("peer", words("doctor.peer.none"), words("doctor.mend.no_peer"))
    if root.get("version") != detente.__version__:
        said = words("doctor.versions.differ", running=root.get("version", "?"), installed=detente.__version__)
        yield to_mend("versions", said, words("doctor.mend.restart"))
    else:
        yield well("versions", _versions())


def _peer(peer: dict[str, Any], now: datetime) -> Examined:
    from detente.language import figures

    name = peer["name"]
    if not peer["paired"]:
        return to_mend("peer", words("doctor.peer.unpaired", peer=name), words("doctor.mend.pair"))
    silent_s = (now - datetime.fromisoformat(peer["heard_at"])).total_seconds() if peer["heard_at"] else None
    heard = words("doctor.peer.never", peer=name)
    if silent_s is not None:
        heard = words("doctor.peer.heard", peer=name, time=figures.duration(language(), max(0, round(silent_s))))
    failing = [
        channel["delivery"]["detail"]
        for channel in peer["channels"].values()
        if channel["delivery"] is not None and channel["delivery"]["state"] in _FAILING
    ]
    if failing:
        said = f"{heard}; {words('doctor.peer.undelivered', why=failing[0])}"
        return to_mend("peer", said, words("doctor.mend.peer", peer=name))
    if silent_s is None:
        return unknown("peer", heard)
    if peer["silence_allowed_s"] is not None and silent_s > peer["silence_allowed_s"]:
        return to_mend("peer", heard, words("doctor.mend.peer", peer=name))
    return well("peer", heard)


def _watch(watch: dict[str, Any]) -> Iterator[Examined]:
    """How the watch stands; nothing where the node has no feeds."""
    if not watch["has_feeds"]:
        return
    if not watch["runs"]:
        said = words("doctor.feed.stands", why=watch["why"] or "-")
        yield to_mend("feed", said, words("doctor.mend.watch"))
        return
    for feed in watch["silent"]:
        yield to_mend("feed", words("doctor.feed.silent", feed=feed), words("doctor.mend.feed"))
    if not watch["silent"]:
        yield well("feed", words("doctor.feed.live", feeds=", ".join(sorted(watch["silent_s"]))))


def _stop_address(peer: str, addresses: tuple[str, ...]) -> Iterator[Examined]:
    from detente.cli.doctor_machine import reachable

    why = reachable(addresses, ANSWER_S) if addresses else ""
    if why:
        said = words("doctor.stop.unreachable", peer=peer, why=why)
        yield to_mend("stop", said, words("doctor.mend.stop_address", peer=peer))


def _accord(whose: str, end: datetime, now: datetime) -> Examined:
    from detente.accord.warnings import WARNED_BEFORE
    from detente.language import figures

    days = figures.number(language(), (end - now).total_seconds() / 86_400)
    said = words("doctor.accord.ends", whose=whose, days=days, time=figures.utc_time(end))
    return to_mend("accord", said, words("doctor.mend.accord")) if end - now < WARNED_BEFORE else well("accord", said)


def _versions() -> str:
    return f"detente {detente.__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


COMMANDS = {"doctor": doctor}
