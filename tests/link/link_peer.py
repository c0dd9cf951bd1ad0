"""A party as a process of its own: one journal, one link, one small HTTP server, for the tests of two processes.

    python link_peer.py DIRECTORY PORT PEER_PUBLIC_KEY PEER_ADDRESS ACCORD [--die-before-answer N] [--mute]

It prints "ready PORT" and serves until it is killed. POST /say seals and delivers the body, GET /numbers says where
the link stands. With --die-before-answer it kills itself with SIGKILL when the N-th batch is durable and not yet
answered. With --mute it delivers nothing.
"""

import argparse
import asyncio
import os
import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from detente.link.answer import ENVELOPES_PATH, MAX_BATCH_BYTES
from detente.link.backoff import Backoff
from detente.link.carrier import open_http_carrier
from detente.link.links import Links
from detente.link.reception import judge_batch
from detente.link.session import SENT
from detente.link.tls import LinkTls
from detente.link.transport import Delivery, DeliverySettings
from detente.record.journal import Journal
from detente.record.keys import NodeKey


def now():
    return datetime.now(UTC)


class Party:
    def __init__(self, arguments):
        directory = Path(arguments.directory)
        self.key = NodeKey.load(directory / "node.key")
        self.journal = Journal.open(directory / "journal.sqlite", self.key)
        self.links = Links(self.key.public)
        self.session = self.links.open(bytes.fromhex(arguments.peer), arguments.accord)
        self.links.absorb(self.journal.read())
        self.die_before_answer = arguments.die_before_answer
        self.batches = 0
        self.delivery = None

    async def envelopes(self, request):
        at, body = now(), await request.read()
        judgement = judge_batch(self.links, self.key, body, at, lambda number: next(self.journal.read(first=number)))
        if judgement.entries:
            self.links.absorb(self.journal.append(judgement.entries, at))
        self.batches += 1
        if self.batches == self.die_before_answer:
            os.kill(os.getpid(), signal.SIGKILL)
        return web.Response(status=judgement.status, body=judgement.answer)

    async def say(self, request):
        bodies = (await request.read()).split(b"\n")
        sealed = self.session.seal(self.key, [("note", body) for body in bodies], now())
        await self.record([(SENT, envelope.raw) for envelope in sealed], now())
        self.delivery.notify()
        return web.json_response({"sent": self.session.sent_number})

    async def numbers(self, request):
        session, status = self.session, self.delivery.status
        return web.json_response(
            {
                "sent": session.sent_number,
                "receipted": session.receipted_number,
                "received": session.received_number,
                "contradictions": session.contradictions,
                "state": status.state,
                "failures": status.failures,
            }
        )

    async def record(self, entries, at):
        self.links.absorb(self.journal.append(entries, at))


async def told(peer, address):
    raise AssertionError("nobody else is there")


async def serve(arguments):
    party = Party(arguments)
    settings = DeliverySettings(
        connect_timeout_s=1.0, total_timeout_s=10.0, batch_envelopes=16, backoff=Backoff(0.02, 0.1)
    )
    app = web.Application(client_max_size=MAX_BATCH_BYTES)
    app.router.add_post(ENVELOPES_PATH, party.envelopes)
    app.router.add_post("/say", party.say)
    app.router.add_get("/numbers", party.numbers)
    async with open_http_carrier(LinkTls(party.key, timedelta(days=1), now()), told) as carrier:
        party.delivery = Delivery(
            party.session, [arguments.peer_address], carrier, party.journal.read, party.record,
            clock=now, fraction=random.random, settings=settings,
        )  # fmt: skip
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", arguments.port).start()
        print("ready", runner.addresses[0][1], flush=True)
        if arguments.mute:
            await asyncio.Event().wait()
        await party.delivery.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("port", type=int)
    parser.add_argument("peer")
    parser.add_argument("peer_address")
    parser.add_argument("accord")
    parser.add_argument("--die-before-answer", type=int, default=0)
    parser.add_argument("--mute", action="store_true")
    asyncio.run(serve(parser.parse_args()))
