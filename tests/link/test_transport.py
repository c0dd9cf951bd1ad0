import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from aiohttp import web
from link_parties import AT, NORTH, TO_SOUTH, two_sides

from detente.airspace.refusal import Refusal
from detente.link.answer import (
    ENVELOPES_PATH,
    MAX_ANSWER_BYTES,
    AnswerRefusal,
    DeliveryAnswer,
    RefusalReason,
    write_answer,
)
from detente.link.backoff import Backoff
from detente.link.carrier import open_http_carrier
from detente.link.envelope import NO_PREVIOUS, read_envelope, seal_envelope
from detente.link.receipt import sign_receipt
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RECEIPT_RECEIVED, RefusalRecord
from detente.link.tls import LinkTls
from detente.link.transport import PEER_SET_BACK, Delivery, DeliverySettings, DeliveryState

QUICK = DeliverySettings(connect_timeout_s=1.0, total_timeout_s=5.0, backoff=Backoff(0.01, 0.02))


async def told(peer, address):
    raise AssertionError("nobody else is there")


@pytest.fixture
def sides(tmp_path):
    with two_sides(tmp_path) as both:
        yield both


class Peer:
    """A real HTTP server on loopback whose answers the test gives; by default, an honest receiver."""

    def __init__(self, side):
        self.side = side
        self.batches = []
        self.answers = []
        self.port = 0

    async def handle(self, request):
        body = await request.read()
        self.batches.append(body)
        if self.answers:
            answer = self.answers.pop(0)
            return answer(self, body)
        judgement = self.side.receive(body)
        return web.Response(status=judgement.status, body=judgement.answer)

    @asynccontextmanager
    async def serving(self):
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post(ENVELOPES_PATH, self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield f"http://127.0.0.1:{self.port}/"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def delivering(side, *addresses, settings=QUICK, **given):
    async def record(entries, at):
        side.record(entries, at)

    async with open_http_carrier(LinkTls(NORTH, timedelta(days=1), AT), told) as carrier:
        delivery = Delivery(
            side.session, addresses, carrier, side.journal.read, record, settings=settings,
            **{"clock": lambda: AT, "fraction": lambda: 0.0, **given},
        )  # fmt: skip
        task = asyncio.create_task(delivery.run())
        try:
            yield delivery
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the state of the thing under test
            await asyncio.sleep(0.002)


def bodies_held(side):
    return [read_envelope(entry.body)[0].body for entry in side.entries("received")]


def test_everything_arrives_in_batches_and_is_receipted(sides):
    north, south = sides

    async def scenario():
        peer = Peer(south)
        north.send(*(b"%d" % number for number in range(300)))
        async with peer.serving() as address, delivering(north, address) as delivery:
            await until(lambda: north.session.receipted_number == 300)
            assert len(peer.batches) == 3
            await until(lambda: delivery.status.state is DeliveryState.IDLE)
            north.send(b"300")
            delivery.notify()
            await until(lambda: north.session.receipted_number == 301)
            assert delivery.status.last_answer_at == AT

    asyncio.run(scenario())
    assert bodies_held(south) == [b"%d" % number for number in range(301)]
    assert [entry.body for entry in north.entries(RECEIPT_RECEIVED)] == [
        entry.body for entry in south.entries("receipt_sent")
    ]


def test_a_batch_is_cut_by_bytes_and_a_large_envelope_goes_alone(sides):
    north, south = sides

    async def scenario():
        peer = Peer(south)
        north.send(b"a" * 400_000, b"b" * 400_000, b"c" * 3_000_000, b"d", b"e")
        async with peer.serving() as address, delivering(north, address):
            await until(lambda: north.session.receipted_number == 5)
        assert [len(batch) // 100_000 for batch in peer.batches] == [4, 4, 30, 0]

    asyncio.run(scenario())


def test_two_links_in_one_journal_are_kept_apart(sides, tmp_path):
    north, south = sides

    async def scenario():
        peer = Peer(south)
        other = north.links.open(b"\5" * 32, north.accord)
        for number in range(5):
            north.send(b"%d" % number)
            north.record([("sent", e.raw) for e in other.seal(NORTH, [("note", b"not for south")], AT)])
            north.record([("event", b"something else")])
        async with peer.serving() as address, delivering(north, address):
            await until(lambda: north.session.receipted_number == 5)

    asyncio.run(scenario())
    assert bodies_held(south) == [b"%d" % number for number in range(5)]


def test_a_peer_that_is_away_for_an_hour_is_tried_and_found(sides):
    """The hour passes in the injected clock; the server on the port is really gone, and then really there."""
    north, south = sides

    async def scenario():
        peer = Peer(south)
        async with peer.serving() as address:
            pass
        now, delays, back = [0.0], [], asyncio.Event()

        async def sleep(delay_s):
            delays.append(delay_s)
            now[0] += delay_s
            if len(delays) % 10 == 0:
                north.send(b"meanwhile")
            if now[0] >= 3600.0:
                back.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)

        north.send(b"before")
        clock = lambda: AT + timedelta(seconds=now[0])  # noqa: E731
        async with delivering(north, address, settings=DeliverySettings(), sleep=sleep, clock=clock) as delivery:
            await until(back.is_set)
            assert delivery.status.state is DeliveryState.AWAY
            assert delivery.status.failures == len(delays) < 200
            assert delivery.status.waiting == north.session.sent_number
            assert max(delays) == 30.0
            async with peer.serving():
                delivery.retry_now()
                await until(lambda: delivery.status.state is DeliveryState.IDLE)
            assert delivery.status.failures == 0
        assert len(peer.batches) == 1

    asyncio.run(scenario())
    assert len(bodies_held(south)) == north.session.sent_number
    assert len(south.entries("receipt_sent")) == 1


def test_a_second_address_is_tried_when_the_first_is_dead(sides):
    north, south = sides

    async def scenario():
        peer, dead = Peer(south), Peer(south)
        async with dead.serving() as dead_address:
            pass
        north.send(b"one")
        async with peer.serving() as address, delivering(north, dead_address, address):
            await until(lambda: north.session.receipted_number == 1)

    asyncio.run(scenario())


def test_an_answer_that_is_lost_is_asked_for_again_and_is_the_same(sides):
    north, south = sides

    def lose(peer, body):
        peer.side.receive(body, at=AT)
        return web.Response(status=502, body=b"<html>bad gateway</html>")

    async def scenario():
        peer = Peer(south)
        peer.answers = [lose, lose]
        north.send(b"one", b"two")
        async with peer.serving() as address, delivering(north, address):
            await until(lambda: north.session.receipted_number == 2)
        assert len(peer.batches) == 3

    asyncio.run(scenario())
    assert bodies_held(south) == [b"one", b"two"]
    assert len(south.entries("receipt_sent")) == 1


def test_a_peer_whose_journal_was_set_back_is_sent_everything_again_and_it_is_recorded(sides, tmp_path):
    north, south = sides

    async def scenario():
        peer = Peer(south)
        north.send(b"one", b"two")
        async with peer.serving() as address, delivering(north, address) as delivery:
            await until(lambda: north.session.receipted_number == 2)
            south.journal.close()
            south.path = tmp_path / "set_back.sqlite"
            south.start()
            north.send(b"three")
            delivery.notify()
            await until(lambda: north.session.receipted_number == 3)

    asyncio.run(scenario())
    assert bodies_held(south) == [b"one", b"two", b"three"]
    (entry,) = north.entries(LINK_REFUSED)
    record = msgspec.json.decode(entry.body, type=RefusalRecord)
    assert (record.reason, record.number) == (PEER_SET_BACK, 1)


def refusing(reason, next_number=1):
    def answer(peer, body):
        return web.Response(status=409, body=write_answer(DeliveryAnswer(next_number, (), AnswerRefusal(reason, "no"))))

    return answer


def raw(body, status=200):
    return lambda peer, batch: web.Response(status=status, body=body)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raw(b""), "answer"),
        (raw(b"{}"), "without a receipt"),
        (raw(b"[" * 100_000), "answer"),
        (raw(b"\xff" * 100), "answer"),
        (raw(b'{"receipts": [1]}'), "receipts[0]"),
        (raw(b" " * (MAX_ANSWER_BYTES + 1)), "answer"),
        (raw(b'{"receipts": ["detente-receipt-1"]}'), "without a receipt"),
        (raw(b'{"receipts": ["\\ud83d"]}'), "answer"),
        (lambda p, b: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
        (refusing(RefusalReason.WRONG_ACCORD), "wrong_accord"),
        (refusing(RefusalReason.GAP, 10**12), "gap"),
        (refusing(RefusalReason.GAP, -5), "gap"),
        (refusing(RefusalReason.GAP, 1), "gap"),
        (refusing(RefusalReason.EQUIVOCATION), "equivocation"),
    ],
)
def test_a_peer_that_answers_nonsense_is_tried_again_later(sides, answer, words):
    north, south = sides

    async def scenario():
        peer = Peer(south)
        peer.answers = [answer] * 3
        details = []
        north.send(b"one")

        async def sleep(delay_s):
            details.append(delivery.status.detail)
            await asyncio.sleep(0)

        async with peer.serving() as address, delivering(north, address, sleep=sleep) as delivery:
            await until(lambda: north.session.receipted_number == 1)
        assert len(details) == 3
        assert all(words in detail and len(detail) < 400 for detail in details)

    asyncio.run(scenario())
    assert north.entries(LINK_EVIDENCE, LINK_REFUSED) == []


def test_a_receipt_that_is_not_the_peers_or_not_for_this_is_passed_over(sides):
    north, south = sides
    (one,) = north.send(b"one")
    good = sign_receipt(south.key, TO_SOUTH, 1, 1, one.hash, AT)
    forged = good.raw.replace(b"12:00:00", b"12:00:01")
    backwards = sign_receipt(north.key, TO_SOUTH.reverse, 1, 1, one.hash, AT)

    async def scenario():
        peer = Peer(south)
        peer.answers = [raw(write_answer(DeliveryAnswer(2, (bad.decode(),)))) for bad in (forged, backwards.raw)]
        async with peer.serving() as address, delivering(north, address):
            await until(lambda: north.session.receipted_number == 1)
        assert len(peer.batches) == 3

    asyncio.run(scenario())
    (receipt,) = north.entries(RECEIPT_RECEIVED)
    assert receipt.body != forged


def test_a_receipt_for_what_was_never_sent_is_evidence(sides):
    north, south = sides
    (one,) = north.send(b"one")
    other = seal_envelope(NORTH, TO_SOUTH, 1, NO_PREVIOUS, AT, "note", b"never sent")
    lies = [
        sign_receipt(south.key, TO_SOUTH, 1, 1, other.hash, AT),
        sign_receipt(south.key, TO_SOUTH, 1, 9, one.hash, AT),
    ]

    async def scenario():
        peer = Peer(south)
        peer.answers = [raw(write_answer(DeliveryAnswer(2, (lie.raw.decode(),)))) for lie in lies]
        states = []

        async def sleep(delay_s):
            states.append(delivery.status.state)
            await asyncio.sleep(0)

        async with peer.serving() as address, delivering(north, address, sleep=sleep) as delivery:
            await until(lambda: north.session.receipted_number == 1)
        assert states == [DeliveryState.REFUSED, DeliveryState.REFUSED]

    asyncio.run(scenario())
    assert [entry.body for entry in north.entries(LINK_EVIDENCE)] == [lies[0].raw]
    assert north.session.contradictions == 1


def test_a_proxy_with_a_smaller_limit_gets_smaller_batches(sides):
    north, south = sides

    def small(peer, body):
        if len(body) > 5_000:
            peer.answers.append(small)
            return web.Response(status=413, body=b"<html>too large</html>")
        peer.answers.append(small)
        judgement = peer.side.receive(body)
        return web.Response(status=judgement.status, body=judgement.answer)

    async def scenario():
        peer = Peer(south)
        peer.answers = [small]
        north.send(*(b"%d" % number for number in range(40)))
        async with peer.serving() as address, delivering(north, address):
            await until(lambda: north.session.receipted_number == 40)

    asyncio.run(scenario())
    assert len(bodies_held(south)) == 40


def test_an_endless_answer_is_cut(sides):
    north, _ = sides

    async def endless(request):
        await request.read()
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65_536)

    async def scenario():
        app = web.Application()
        app.router.add_post(ENVELOPES_PATH, endless)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        north.send(b"one")
        try:
            async with delivering(north, f"http://127.0.0.1:{runner.addresses[0][1]}") as delivery:
                await until(lambda: delivery.status.failures >= 2)
                assert delivery.status.state is DeliveryState.AWAY
        finally:
            await runner.cleanup()

    asyncio.run(scenario())


def test_delivery_needs_an_address(sides):
    north, _ = sides

    async def scenario():
        async with open_http_carrier(LinkTls(NORTH, timedelta(days=1), AT), told) as carrier:
            with pytest.raises(Refusal, match="addresses"):
                Delivery(north.session, (), carrier, north.journal.read, None, clock=lambda: AT, fraction=lambda: 0.0)

    asyncio.run(scenario())


URGENT = DeliverySettings(total_timeout_s=60.0, backoff=Backoff(0.01, 0.02), next_address_after_s=0.05)


@pytest.mark.parametrize("is_deaf", [True, False])
def test_the_next_address_is_asked_too_when_the_first_does_not_answer(sides, is_deaf):
    """Whether it takes the connection and is silent, or refuses it."""
    north, south = sides

    async def scenario():
        peer = Peer(south)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            first = f"http://127.0.0.1:{silent.getsockname()[1]}"
            if not is_deaf:
                silent.close()
            async with peer.serving() as address, delivering(north, first, address, settings=URGENT) as delivery:
                for number in (1, 2):
                    north.send(b"now")
                    delivery.notify()
                    await until(lambda number=number: north.session.receipted_number == number)
                assert delivery.status.state is DeliveryState.IDLE

    asyncio.run(scenario())


def test_the_next_address_is_left_alone_when_the_first_answers(sides):
    north, south = sides

    async def scenario():
        first, second = Peer(south), Peer(south)
        patient = msgspec.structs.replace(URGENT, next_address_after_s=60.0)
        async with (
            first.serving() as one, second.serving() as other,
            delivering(north, one, other, settings=patient) as delivery,
        ):  # fmt: skip
            north.send(b"now")
            delivery.notify()
            await until(lambda: north.session.receipted_number == 1)
        assert (len(first.batches), second.batches) == (1, [])

    asyncio.run(scenario())


def test_an_urgent_delivery_whose_every_address_fails_says_so(sides):
    north, _ = sides

    async def scenario():
        async with delivering(north, "http://127.0.0.1:1", "http://127.0.0.1:2", settings=URGENT) as delivery:
            north.send(b"now")
            delivery.notify()
            await until(lambda: delivery.status.failures > 1)
            assert delivery.status.state is DeliveryState.AWAY
            assert delivery.status.detail

    asyncio.run(scenario())
