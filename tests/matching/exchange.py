"""Run one side over any carrier that delivers whole messages in order, with a limit on every wait."""

import asyncio

from detente.matching.messages import BreachError, ProtocolFault


async def drive(side, send, receive, timeout_s, done=None):
    """Exchange messages until the run is complete, or `done`; an empty message means that the peer is gone.

    Raises BreachError when the peer breaks the protocol, is gone, or takes longer than `timeout_s` over one message.
    The work is done in a thread, so that it does not block other tasks of the loop.
    """
    while not (side.complete if done is None else done()):
        raw = await asyncio.to_thread(side.next_message)
        try:
            async with asyncio.timeout(timeout_s):
                if raw is not None:
                    await send(raw)
                    continue
                answer = await receive()
        except TimeoutError:
            raise BreachError(ProtocolFault.STALLED, f"no message for {timeout_s:g} s") from None
        except OSError as error:
            raise BreachError(ProtocolFault.STALLED, f"the connection broke: {error}") from None
        if not answer:
            raise BreachError(ProtocolFault.STALLED, "the peer left before the run was complete")
        await asyncio.to_thread(side.receive, answer)
