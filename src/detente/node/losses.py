"""What a node knows, while it runs, of journals that were set back: its own and its peers'."""

from __future__ import annotations

from detente.link.envelope import Direction


class Losses:
    """Known to all pipelines of a node, by the direction from this node to the peer.

    Attributes:
        signed_for: up to which of the peer's envelopes we have said that we had signed for.
        held_by_peer: of a closed link, up to which of ours a peer says that it holds, which had signed for more.
        have_answered: the names of the peers that have said what they hold of planning since the node started.
        has_taken_back: whether one of them gave back what the others have not been told since.
    """

    def __init__(self) -> None:
        self.signed_for: dict[Direction, int] = {}
        self.held_by_peer: dict[Direction, int] = {}
        self.have_answered: set[str] = set()
        self.has_taken_back = False
