"""Two parties, their links and journals, for the tests of the link."""

from contextlib import contextmanager
from datetime import UTC, datetime

from detente.link.allowance import PLANNING_ALLOWANCE
from detente.link.envelope import Direction
from detente.link.links import Links
from detente.link.session import SENT
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from receiving import receive_batch

NORTH, SOUTH, STRANGER = NodeKey.generate(), NodeKey.generate(), NodeKey.generate()
ACCORD, OTHER_ACCORD = "a1" * 32, "b2" * 32
AT = datetime(2025, 6, 1, 12, 0, 0, 250, tzinfo=UTC)
TO_SOUTH = Direction(NORTH.public, SOUTH.public, ACCORD)


class Side:
    """One party: key, journal and links, with one link open to the peer."""

    allowance = PLANNING_ALLOWANCE

    def __init__(self, path, key, peer, accord=ACCORD):
        self.path, self.key, self.peer, self.accord = path, key, peer, accord
        self.start()

    def start(self):
        self.journal = Journal.open(self.path, self.key)
        self.links = Links(self.key.first)
        self.session = self.links.open(self.peer.first, self.accord, self.allowance)
        self.links.absorb(self.journal.read())

    def restart(self):
        self.journal.close()
        self.start()

    def send(self, *bodies, kind="note", at=AT):
        envelopes = self.session.seal(self.key, [(kind, body) for body in bodies], at)
        self.links.absorb(self.journal.append([(SENT, envelope.raw) for envelope in envelopes], at))
        return envelopes

    def receive(self, *envelopes, at=AT):
        body = b"".join(e if isinstance(e, bytes) else e.raw for e in envelopes)
        return receive_batch(self.links, self.key, self.journal, body, at)

    def record(self, entries, at=AT):
        self.links.absorb(self.journal.append(entries, at))

    def entries(self, *kinds):
        return [entry for entry in self.journal.read() if entry.kind in kinds]


@contextmanager
def two_sides(directory):
    north = Side(directory / "north.sqlite", NORTH, SOUTH)
    south = Side(directory / "south.sqlite", SOUTH, NORTH)
    try:
        yield north, south
    finally:
        north.journal.close()
        south.journal.close()
