"""One batch of envelopes received as a node does it: judged, made durable, folded in."""

from detente.link.judgement import Judgement
from detente.link.reception import judge_batch


def receive_batch(links, key, journal, body, at) -> Judgement:
    """Judge a batch, append what follows to the journal, fold it in, and return the judgement with the answer."""
    judgement = judge_batch(links, key, body, at, lambda number: next(journal.read(first=number)))
    if judgement.entries:
        links.absorb(journal.append(judgement.entries, at))
    return judgement
