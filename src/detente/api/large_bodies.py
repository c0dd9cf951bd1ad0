"""Large JSON bodies, read beside the loop: what is built of them takes seconds, in which a STOP must not wait."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import SerializationException
from litestar.serialization import decode_json

from detente.room.decoding import refusal_of

LARGE_BYTES = 128 * 1024
"""Shorter ones take some ten milliseconds, and are read at once."""

TURNS = "turns"
"""Under this name the state of a request holds the turns of the threads that read large bodies, as many at a time."""
AnyRequest = Request[None, None, State]


class PatientRequest(Request[None, None, State]):
    """A request; a large body is read as the type that its route takes, and then not looked at again."""

    async def json(self) -> object:
        """Return what the body says. Raises Refusal."""
        body, wanted = await self.body(), self.route_handler.parsed_data_field
        if len(body) < LARGE_BYTES or wanted is None:
            return await super().json()
        decoders = self.route_handler.resolve_type_decoders()
        turns: asyncio.Semaphore = self.scope["state"][TURNS]
        async with turns:
            try:
                return await asyncio.to_thread(decode_json, body, wanted.annotation, decoders, strict=False)
            except SerializationException as error:
                if isinstance(error.__cause__, msgspec.ValidationError):
                    raise refusal_of(error.__cause__, "body") from None
                raise
