"""The running node: what is opened, in which order, and how it is all closed again."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from detente.accord.terms import Accord
from detente.accord.warnings import AccordWarning, accord_warnings
from detente.airspace.refusal import Refusal
from detente.api.access import Access
from detente.api.listeners import Listeners, listening
from detente.api.service import Service
from detente.line.room import LineRoom
from detente.link.address import check_reachable
from detente.link.card import Card
from detente.link.cards import RenewCard
from detente.link.carrier import open_http_carrier
from detente.link.directory import NodeDirectory
from detente.link.tls import LinkTls
from detente.lookout.operator_areas import OperatorAreas
from detente.lookout.told_situation import encode_situation, told_situation
from detente.matching.files import MATCHING_DIRECTORY
from detente.node.beginning import empty_state, read_accord
from detente.node.claims_clock import keep_claims
from detente.node.cutting import Prepared, prepared_beside
from detente.node.disk_space import DiskSpace
from detente.node.horizon_clock import keep_horizons
from detente.node.impostors import raise_impostor_alarm
from detente.node.key_rotation import KeyRotator, open_own_journal, renewed_card
from detente.node.line_clock import keep_line
from detente.node.line_numbers import LineNumbers
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.metrics import Metrics
from detente.node.outbox import Outbox
from detente.node.past_clock import keep_past
from detente.node.people_clock import end_what_was_set_back, keep_people
from detente.node.reloading import Reloader
from detente.node.session_uses import SessionUses
from detente.node.side_tasks import SideTasks
from detente.node.snapshots import started
from detente.node.state import NodeState
from detente.node.trusted_cards import keep_trusted_cards
from detente.node.zones_clock import keep_zones
from detente.people.room import PeopleRoom
from detente.picture.commands import ExpireNotices
from detente.record.journal import GroupCommit, Journal
from detente.record.keys import NodeKey
from detente.record.token_file import METRICS_TOKEN_FILE, TokenFile
from detente.settings.address import RunningNode
from detente.settings.configuration import Configuration, read_configuration
from detente.settings.logs import set_up_logs
from detente.tasks.matching_work import MatchingWork
from detente.tasks.settlement import SettlementSwitch
from detente.tasks.watching import Watching
from detente.upkeep.releases import begin_release

HOUSEKEEPING_S = 5.0
DISK_LOOK_S = 1.0
SWITCH_INTERVAL_S = 0.001
"""How long a thread that works beside the loop may keep the interpreter when the loop wants it."""
GRACEFUL_STOP_S = 10

log = structlog.get_logger()


def run_node(path: Path, say: Callable[[str], None]) -> int:
    """Run the node of a directory until SIGTERM or SIGINT; return the exit code.

    `say` shows a line to the person who started it. Raises Refusal when the directory, the configuration, the accord or
    the address cannot be used. Returns 1 when the journal could not be written.
    """
    directory = NodeDirectory(path)
    directory.check()
    configuration = read_configuration(directory.config_path)
    card = directory.card()
    _check_party(configuration, card)
    accord = read_accord(path / configuration.accord)
    with RunningNode(path) as running, listening(configuration, card, path) as listeners:
        set_up_logs(configuration.log.level, card.name)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        metrics_token = TokenFile(path / METRICS_TOKEN_FILE)
        directory.close_to_others()
        begin_release(path, _now())
        journal, key = open_own_journal(directory)
        with contextlib.closing(journal):
            _check_key(card, key)
            state, folded = started(
                lambda: empty_state(directory, configuration, accord), journal.path, journal.base, journal.read
            )
            log.info("journal read", entries=folded)
            if accord is None and state.picture.accord is not None and not state.accords.ever_ratified:
                raise Refusal("api.accord_node_worked_under", "accord", str(path / configuration.accord))
            with (
                contextlib.closing(DiskSpace(path, configuration.disk)) as space,
                contextlib.closing(GroupCommit(journal)) as commit,
                asyncio.Runner(loop_factory=_event_loop) as runner,
            ):
                node = _Node(configuration, card, directory, state, journal, commit, key, metrics_token, accord, space)
                return runner.run(node.serve(listeners, lambda: _announce(running, listeners, say)))


class _Node:
    def __init__(
        self,
        configuration: Configuration,
        card: Card,
        directory: NodeDirectory,
        state: NodeState,
        journal: Journal,
        commit: GroupCommit,
        key: NodeKey,
        metrics_token: TokenFile,
        accord: Accord | None,
        space: DiskSpace,
    ) -> None:
        self._configuration = configuration
        self._card = card
        self._directory = directory
        self._state = state
        self._journal = journal
        self._commit = commit
        self._key = key
        self._metrics_token = metrics_token
        self._accord = accord
        self._space = space
        self._drawn = OperatorAreas(directory.path, configuration.watch, _now())

    async def serve(self, listeners: Listeners, ready: Callable[[], None]) -> int:
        metrics, configuration = Metrics(), self._configuration
        space, side_tasks = self._space, SideTasks(_now)
        loop = CommandLoop(self._state, self._journal, self._commit, self._key, _now, metrics, space=space)
        life = timedelta(seconds=configuration.link.certificate_life_s)
        tls = LinkTls(self._key, life, _now(), lambda party: loop.links.keys(party)[-1])
        carrier = partial(open_http_carrier, tls, partial(raise_impostor_alarm, loop))
        outbox = Outbox(
            loop, configuration.link.longest_wait_s, configuration.link.answer_step_s, open_carrier=carrier
        )  # fmt: skip
        matching = MatchingWork(loop, self._directory.path / MATCHING_DIRECTORY, configuration.matching, tls)
        uses = SessionUses()
        access = Access(
            loop.rooms.of_type(PeopleRoom).state, uses, self._key, self._metrics_token, _now,
            tls=configuration.http.browsers_speak_tls,
        )  # fmt: skip
        reloader = Reloader(loop, self._state, self._directory, configuration, self._accord)
        watching = Watching(loop, self._directory.path, lambda: self._situation(loop), self._aircraft_of)
        line = loop.rooms.of_type(LineRoom)
        line_numbers = LineNumbers(outbox, line.state, is_new=not self._journal.head.number)
        line.number_after = line_numbers.now_after
        service = Service(
            configuration, self._card, loop, outbox, matching, access, metrics, self._directory, space,
            listeners.called_by(configuration.http), KeyRotator(loop, self._directory, tls), reloader,
            watching, side_tasks,
            line_numbers,
        )  # fmt: skip
        settlement = SettlementSwitch(loop, configuration.settlement)
        reloader.apply += [
            service.work_by,
            lambda now: settlement.set(now.settlement),
            lambda now: outbox.step(now.link.answer_step_s),
            lambda now: set_up_logs(now.log.level, self._card.name),
            lambda _: watching.look_again(),
        ]
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
        writer = asyncio.create_task(loop.run(), name="command loop")
        try:
            await loop.begin()
            await end_what_was_set_back(loop, self._directory.path)
            card = renewed_card(self._directory, self._key, _now())
            if card is not None:
                await loop.decide(RenewCard(_now(), card))
        except BaseException:
            loop.stop()
            await writer
            raise
        self._warn()
        # What stands now stands for long. To look through it for garbage takes a quarter of a second, in which a STOP
        # waits, and what is built of one large body makes the collector look.
        gc.freeze()
        servers = listeners.servers(service, tls)
        for server in servers:
            await server.start()
        side_work: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "outbox": outbox.run,
            "housekeeping": partial(_housekeeping, loop),
            "disk": partial(_watch, space),
            "line": partial(keep_line, loop),
            "claims": partial(keep_claims, loop),
            "horizons": partial(keep_horizons, loop),
            "zones": partial(keep_zones, loop),
            "people": partial(keep_people, loop, uses, self._directory.path),
            "matching": matching.run,
            "settlement": settlement.run,
            "cards": partial(keep_trusted_cards, loop, self._directory),
            "reload": partial(_reload_when, asked, reloader),
            "watch": watching.run,
            "past": partial(keep_past, loop, configuration.journal, self._prepare),
            "certificate": partial(_keep_certificate, tls, configuration.link.certificate_life_s),
        }
        work = [asyncio.create_task(side_tasks.keep(name, begin), name=name) for name, begin in side_work.items()]
        stopped = asyncio.create_task(stop.wait(), name="stop")
        ready()
        log.info("node runs", journal_number=self._journal.head.number, peers=[peer.name for peer in loop.peers])
        done, _ = await asyncio.wait((writer, stopped, *work), return_when=asyncio.FIRST_COMPLETED)
        loop.news.end()
        failed = [task for task in done if not task.cancelled() and task.exception() is not None]
        for task in failed:
            log.critical("the node cannot go on", task=task.get_name(), exc_info=task.exception())
        # First: hundreds of imports may wait, and each would be carried out.
        loop.stop()
        within_s = 0.0 if loop.failed else GRACEFUL_STOP_S
        await asyncio.gather(*(server.leave(within_s) for server in servers))
        for task in (*work, stopped):
            task.cancel()
        await asyncio.gather(*work, stopped, writer, return_exceptions=True)
        log.info("node stopped", journal_number=self._journal.head.number)
        return 1 if failed else 0

    async def _prepare(self, until: int) -> Prepared:
        return await prepared_beside(self._directory.path, until, self._configuration.journal.segment_entries)

    async def _situation(self, loop: CommandLoop) -> bytes:
        settings, drawn = self._configuration.watch, self._drawn
        await asyncio.to_thread(drawn.refresh, loop.clock())
        return await loop.work_out(
            lambda: encode_situation(
                told_situation(loop.rooms, loop.accords, loop.picture, settings, drawn, loop.clock())
            )
        )

    def _aircraft_of(self) -> dict[str, tuple[str, ...]]:
        return self._configuration.watch.aircraft_of

    def _warn(self) -> None:
        """Say in the log what is missing before anything can be exchanged."""
        if self._state.picture.accord is None:
            log.warning("no accord", expected=str(self._directory.path / self._configuration.accord))
        for unpaired in self._state.accords.unpaired:
            log.warning("a party of the accord is not paired; nothing is exchanged with it", party_name=unpaired)
        try:
            check_reachable(self._card.addresses, self._card.stop_addresses)
        except Refusal as refusal:
            log.warning("no peer will call this node", why=str(refusal))


async def _housekeeping(loop: CommandLoop) -> None:
    warned: frozenset[AccordWarning] = frozenset()
    with contextlib.suppress(NodeStopped):
        while True:
            await loop.follow()
            warnings = frozenset(accord_warnings(loop.accords, loop.clock()))
            for warning in warnings - warned:
                log.warning("accord", peer=warning.peer, concern=warning.concern.value, time=str(warning.time))
            warned = warnings
            expire = ExpireNotices(_now())
            if loop.picture.accord is not None and loop.rooms.of_command(expire).decide(expire):
                await loop.decide(expire)
            await asyncio.sleep(HOUSEKEEPING_S)


async def _reload_when(asked: asyncio.Event, reloader: Reloader) -> None:
    """Read the directory again whenever SIGHUP asks for it. What cannot be used changes nothing; the log says so."""
    with contextlib.suppress(NodeStopped):
        while True:
            await asked.wait()
            asked.clear()
            try:
                await reloader.reload()
            except Refusal as refusal:
                log.error("not reloaded: nothing was changed", why=str(refusal))


async def _watch(space: DiskSpace) -> None:
    """See how the disk stands, also while nobody asks for anything. Raises OSError while it cannot be measured."""
    while True:
        space.check_measured()
        await asyncio.sleep(DISK_LOOK_S)


async def _keep_certificate(tls: LinkTls, life_s: float) -> None:
    """Renew the certificate in time. The clock is looked at often: it may be set, and the machine may have slept."""
    while True:
        await asyncio.sleep(min(HOUSEKEEPING_S, life_s / 8))
        if tls.renew_if_due(_now()):
            log.info("the certificate of the link was renewed")


def _now() -> datetime:
    return datetime.now(UTC)


def _event_loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.new_event_loop()


def _announce(running: RunningNode, listeners: Listeners, say: Callable[[str], None]) -> None:
    running.listens_at(listeners.url)
    say(f"Node runs at {listeners.url}" if listeners.url else "Node runs, for the commands beside it alone")


def _check_party(configuration: Configuration, card: Card) -> None:
    if configuration.party != card.name:
        raise Refusal("api.name_on_node_card", "detente.toml: party", configuration.party, card=card.name)


def _check_key(card: Card, key: NodeKey) -> None:
    if key.first != card.key or card.rotations != key.rotations[: len(card.rotations)]:
        raise Refusal("api.key_on_node_card", "node.key", key.public.hex(), public_key=card.signing_key.hex())
