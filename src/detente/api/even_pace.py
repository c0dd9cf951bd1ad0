"""Answers at an even pace, where anything is held back from a peer.

How long a plan takes to be checked depends a little on what it is checked against, and so on plans that the peer must
not know of. An answer therefore waits for the next step of a fixed pace, far above that difference. The line never
waits: nothing on its channels is slowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from detente.api.service import Service
from detente.link.envelope import Envelope
from detente.room.channel import Channel, channel_of


async def hold(service: Service, accepted: Sequence[Envelope], began_s: float) -> None:
    """Wait until the time since `began_s`, by the event loop's clock, is a whole number of steps.

    `accepted` is the batch that is being answered: each of its envelopes has a step to itself.
    """
    direction = accepted[0].direction
    step_s = service.configuration.link.answer_step_s * len(accepted)
    peer = service.loop.peers.with_key(direction.sender)
    if not step_s or peer is None or channel_of(direction.accord) is not Channel.PLANNING:
        return
    if service.loop.disclosure.holds_back(peer.name, service.now()):
        elapsed_s = asyncio.get_running_loop().time() - began_s
        await asyncio.sleep(step_s - elapsed_s % step_s)
