"""The running node: what is opened, in which order, and how it is all closed again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from detente.accord.terms import Accord, parse_accord
from detente.airspace.refusal import Refusal
from detente.api.access import Access
from detente.api.application import make_application
from detente.api.service import Service
from detente.claims.state import ClaimsState
from detente.disclosure.disclosing import Disclosing
from detente.line.state import LineState
from detente.link.card import Card
from detente.link.directory import NodeDirectory
from detente.link.links import Links
from detente.members.coalition import Coalition
from detente.node.accord_keeping import AccordKeeping, keeps
from detente.node.accords import Accords
from detente.node.address import RunningNode
from detente.node.claims_keeping import keep_claims, open_claims
from detente.node.configuration import Configuration, HttpSettings, read_configuration
from detente.node.desks.claims import ClaimsDesk
from detente.node.desks.desk import Desks
from detente.node.desks.details import DetailsDesk
from detente.node.desks.line import LineDesk
from detente.node.desks.matching import MatchingDesk
from detente.node.desks.members import MembersDesk
from detente.node.desks.zones import ZonesDesk, keep_zones
from detente.node.horizon_keeping import keep_horizons
from detente.node.line_keeping import keep_line, open_line
from detente.node.logs import set_up_logs
from detente.node.loop import CommandLoop, NodeStopped, replay
from detente.node.matching.files import MATCHING_DIRECTORY
from detente.node.matching.work import MatchingWork
from detente.node.metrics import Metrics
from detente.node.outbox import Outbox
from detente.node.settlement import Settlement
from detente.picture.commands import ExpireNotices
from detente.picture.picture import Picture
from detente.record.journal import GroupCommit, Journal
from detente.record.keys import NodeKey
from detente.zones.talks import Zones

HOUSEKEEPING_S = 5.0
GRACEFUL_STOP_S = 10
ACCESS_FILE = "access.json"

log = structlog.get_logger()


def run_node(path: Path, say: Callable[[str], None], *, new_sign_in: bool = False) -> int:
    """Run the node of a directory until SIGTERM or SIGINT; return the exit code.

    `say` shows a line to the person who started it. Raises Refusal when the directory, the configuration, the accord or
    the address cannot be used. Returns 1 when the journal could not be written.
    """
    directory = NodeDirectory(path)
    directory.check()
    configuration = read_configuration(directory.config_path)
    card = directory.card()
    key = NodeKey.load(directory.key_path)
    _check_party(configuration, card, key)
    accord = _read_accord(path / configuration.accord)
    with RunningNode(path) as running, _listening(configuration.http) as listener:
        set_up_logs(configuration.log.level, card.name)
        access = Access(path / ACCESS_FILE, key)
        with contextlib.closing(Journal.open(directory.journal_path, key)) as journal:
            picture, links = Picture(), Links(key.public)
            desks = Desks((
                LineDesk(LineState()), ClaimsDesk(ClaimsState(), picture), MatchingDesk(card.name, key.public),
                ZonesDesk(Zones(), picture), MembersDesk(Coalition(card.name)),
                DetailsDesk(card.name, picture),
            ))  # fmt: skip
            accords = Accords(card, configuration.authority, directory.trust.cards(), accord)
            disclosing = Disclosing(configuration.disclosure)
            count = replay(journal, picture, links, desks, lambda entry: keeps(entry, accords, disclosing))
            log.info("journal read", entries=count)
            if accord is None and picture.accord is not None and not accords.ever_ratified:
                raise Refusal(
                    "accord", str(path / configuration.accord), "the accord that this node worked under before",
                    "Put the file back.",
                )  # fmt: skip
            port = listener.getsockname()[1]
            url = f"http://{_in_url(configuration.http.host)}:{port}"
            if new_sign_in or not access.has_token:
                say(f"Sign in (shown this once): {url}/sign-in?token={access.new_token()}")
            with contextlib.closing(GroupCommit(journal)) as commit, asyncio.Runner(loop_factory=_event_loop) as runner:
                node = _Node(configuration, card, accord, directory, picture, links, journal, commit, key, access)
                node.works_with(accords, disclosing, desks)
                return runner.run(node.serve(listener, lambda: _announce(running, url, say)))


class _Node:
    def __init__(
        self,
        configuration: Configuration,
        card: Card,
        accord: Accord | None,
        directory: NodeDirectory,
        picture: Picture,
        links: Links,
        journal: Journal,
        commit: GroupCommit,
        key: NodeKey,
        access: Access,
    ) -> None:
        self._configuration = configuration
        self._card = card
        self._accord = accord
        self._directory = directory
        self._picture = picture
        self._links = links
        self._journal = journal
        self._commit = commit
        self._key = key
        self._access = access

    def works_with(self, accords: Accords, disclosing: Disclosing, desks: Desks) -> None:
        """Say what is known of accords, of what was told and at each desk, from the journal."""
        self._desks = desks
        self._accords = accords
        self._disclosing = disclosing

    async def serve(self, listener: socket.socket, ready: Callable[[], None]) -> int:
        metrics = Metrics()
        loop = CommandLoop(
            self._picture, self._links, self._journal, self._commit, self._key, _now, metrics, self._desks
        )
        outbox = Outbox(loop, self._configuration.link.longest_wait_s, self._configuration.link.answer_step_s)
        matching = MatchingWork(
            loop,
            self._desks.of_type(MatchingDesk),
            self._directory.path / MATCHING_DIRECTORY,
            self._configuration.matching,
        )
        service = Service(self._configuration, self._card, self._accord, loop, outbox, self._access, metrics)
        service.matching = matching
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        writer = asyncio.create_task(loop.run(), name="command loop")
        try:
            await self._begin(loop)
        except BaseException:
            loop.stop()
            await writer
            raise
        server = _Server(
            uvicorn.Config(
                make_application(service),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACEFUL_STOP_S,
                server_header=False,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )
        http = asyncio.create_task(server.serve(sockets=[listener]), name="http")
        work = [
            _task("outbox", outbox.run()),
            _task("housekeeping", _housekeeping(loop)),
            _task("line", keep_line(loop, self._desks.of_type(LineDesk))),
            _task("claims", keep_claims(loop)),
            _task("horizons", keep_horizons(loop)),
            _task("zones", keep_zones(loop)),
            _task("accords", _follow_accords(loop, self._card.name)),
            _task("matching", matching.run()),
        ]
        if self._configuration.settlement.automatic:
            work.append(_task("settlement", Settlement(loop, self._configuration.settlement).run()))
        stopped = _task("stop", stop.wait())
        ready()
        log.info("node runs", journal_number=self._journal.head.number, peers=[peer.name for peer in loop.peers])
        done, _ = await asyncio.wait((writer, http, stopped, *work), return_when=asyncio.FIRST_COMPLETED)
        service.stopping.set()
        failed = [task for task in done if not task.cancelled() and task.exception() is not None]
        for task in failed:
            log.critical("the node cannot go on", task=task.get_name(), exc_info=task.exception())
        server.should_exit = True
        server.force_exit = loop.failed
        await asyncio.wait((http,), timeout=GRACEFUL_STOP_S + 5)
        for task in (*work, stopped):
            task.cancel()
        loop.stop()
        await asyncio.gather(*work, stopped, writer, http, return_exceptions=True)
        log.info("node stopped", journal_number=self._journal.head.number)
        return 1 if failed else 0

    async def _begin(self, loop: CommandLoop) -> None:
        """Put the accord in force, open the links, and introduce our plans on links that are new."""
        loop.keeping = AccordKeeping(
            self._accords, self._disclosing, self._picture, self._links, self._journal, loop.hands()
        )
        await loop.begin_accords()
        self._desks.of_type(MatchingDesk).accord_with = loop.keeping.in_force_with
        self._disclosing.matched_with = self._desks.of_type(MatchingDesk).told_plans
        self._desks.of_type(LineDesk).allows = loop.keeping.allows
        if self._picture.accord is None:
            log.warning("no accord", expected=str(self._directory.path / self._configuration.accord))
        elif loop.keeping.terms_by_peer():
            await open_line(loop, self._desks.of_type(LineDesk), self._card.name, loop.keeping.terms_by_peer())
            await open_claims(loop, self._card.name)
        for unpaired in loop.peers.unpaired:
            log.warning("a party of the accord is not paired; nothing is exchanged with it", party_name=unpaired)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the node, which stops more than the server."""
        yield


async def _follow_accords(loop: CommandLoop, party: str) -> None:
    """Keep the line under the accords as they change."""
    keeping = loop.keeping
    assert keeping is not None
    news = asyncio.Event()
    loop.after_turn.append(news.set)
    with contextlib.suppress(NodeStopped):
        while True:
            before = keeping.peers
            while keeping.peers is before:
                news.clear()
                await news.wait()
            if lines := keeping.terms_by_peer():
                await open_line(loop, loop.desks.of_type(LineDesk), party, lines)
                await open_claims(loop, party)


async def _housekeeping(loop: CommandLoop) -> None:
    with contextlib.suppress(NodeStopped):
        while True:
            await loop.follow_accords()
            if loop.picture.accord is not None and loop.picture.notices:
                await loop.decide(ExpireNotices(_now()))
            await asyncio.sleep(HOUSEKEEPING_S)


def _now() -> datetime:
    return datetime.now(UTC)


def _task(name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(work, name=name)


def _event_loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.new_event_loop()


def _announce(running: RunningNode, url: str, say: Callable[[str], None]) -> None:
    running.listens_at(url)
    say(f"Node runs at {url}")


def _check_party(configuration: Configuration, card: Card, key: NodeKey) -> None:
    if configuration.party != card.name:
        raise Refusal("detente.toml: party", configuration.party, f"the name on the node's card, {card.name}")
    if key.public != card.key:
        raise Refusal("node.key", key.public.hex(), f"the key on the node's card, {card.public_key}")


def _read_accord(path: Path) -> Accord | None:
    try:
        return parse_accord(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(str(path), str(error), "an accord that can be read") from None
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal.field}", refusal.value, refusal.expected, refusal.mend) from None


@contextlib.contextmanager
def _listening(http: HttpSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        listener = socket.create_server((http.host, http.port), family=family, backlog=512)
    except OSError as error:
        raise Refusal(
            "detente.toml: http", f"{http.host}:{http.port}", "an address where the node can listen",
            f"{error.strerror}: stop what listens there, or choose another port.",
        ) from None  # fmt: skip
    with listener:
        yield listener


def _in_url(host: str) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - what a link must say instead
    return f"[{reachable}]" if ":" in reachable and not reachable.startswith("[") else reachable
