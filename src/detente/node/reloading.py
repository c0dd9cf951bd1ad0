"""What a running node takes in of its directory: pairings, the accord file and the configuration, without a restart.

Everything is read and looked at before anything changes; what cannot be used changes nothing. What a running node
cannot change it says, setting by setting, and goes on with what it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.link.card import Card
from detente.link.directory import NodeDirectory
from detente.link.trust import check_same_line
from detente.node.beginning import read_accord
from detente.node.loop import CommandLoop
from detente.node.state import NodeState
from detente.settings.configuration import Configuration, read_configuration

TAKEN_IN = frozenset(
    {
        "accord", "authority", "places", "log.level", "settlement.automatic", "settlement.most_proposals",
        "settlement.in_turn", "link.answer_step_s", "http.heartbeat_s",
    }
)  # fmt: skip
"""The settings that a running node takes in; it is started again for the others."""

log = structlog.get_logger()


class ChangeState(StrEnum):
    """What became of a change: the node works by it, or will once it is started again."""

    TAKEN_IN = "taken_in"
    NEEDS_RESTART = "needs_restart"


class FoundChange(msgspec.Struct, frozen=True):
    """Something in the node's directory that is not as it was: "pairing south", "accord", "settlement.automatic"."""

    what: str
    state: ChangeState


class Reloader:
    """Takes in what has changed in the directory of one running node.

    `apply` functions are called with the configuration that the node works by after each change of it.
    """

    def __init__(
        self, loop: CommandLoop, state: NodeState, files: NodeDirectory, configuration: Configuration,
        accord: Accord | None,
    ) -> None:  # fmt: skip
        self.apply: list[Callable[[Configuration], None]] = []
        self._loop = loop
        self._state = state
        self._files = files
        self._configuration = configuration
        self._accord = accord
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> tuple[FoundChange, ...]:
        """Read the directory again and take in what has changed; return it, in order of names.

        Raises Refusal for what could not be used at a start; nothing has changed then.
        """
        async with self._one_at_a_time:
            configuration, accord, trusted = await asyncio.to_thread(self._read)
            found = [*self._settings(configuration), *self._pairings(trusted)]
            if accord != self._accord and not any(one.what == "accord" for one in found):
                found.append(FoundChange("accord", ChangeState.TAKEN_IN))
            await self._loop.take_in(lambda state: state.take_in(trusted, accord, configuration.authority))
            self._accord = accord
            self._configuration = _mixed(self._configuration, configuration)
            for apply in self.apply:
                apply(self._configuration)
            for one in found:
                log.info("reloaded", what=one.what, state=one.state.value)
            return tuple(sorted(found, key=lambda one: one.what))

    def _read(self) -> tuple[Configuration, Accord | None, list[Card]]:
        self._files.check()
        configuration = read_configuration(self._files.config_path)
        own = self._files.card().name
        if configuration.party != own:
            raise Refusal("api.name_on_node_card", "detente.toml: party", configuration.party, card=own)
        accord = read_accord(self._files.path / configuration.accord)
        if accord is None and self._accord is not None:
            raise Refusal("api.accord_node_worked_under", "accord", str(self._files.path / configuration.accord))
        trusted = self._files.trusted_cards()
        held = self._state.cards.newest
        for card in trusted:
            if card.name in held and held[card.name].public_key == card.public_key:
                check_same_line(card, held[card.name])
        return configuration, accord, trusted

    def _settings(self, configuration: Configuration) -> Iterator[FoundChange]:
        before, now = _flat(self._configuration), _flat(configuration)
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                yield FoundChange(name, ChangeState.TAKEN_IN if name in TAKEN_IN else ChangeState.NEEDS_RESTART)

    def _pairings(self, trusted: list[Card]) -> Iterator[FoundChange]:
        held = self._state.cards.newest
        for card in trusted:
            known = held.get(card.name)
            newer = known is not None and (len(card.rotations), card.issued_at) > (
                len(known.rotations), known.issued_at
            )  # fmt: skip
            if known is None or known.public_key != card.public_key or newer:
                yield FoundChange(f"pairing {card.name}", ChangeState.TAKEN_IN)
        for name in held.keys() - {card.name for card in trusted} - {self._state.cards.own}:
            yield FoundChange(f"pairing {name}", ChangeState.TAKEN_IN)


def _flat(configuration: Configuration) -> dict[str, Any]:
    """Return the settings by their names; of a table, those in it, but places and disclosure are one each."""
    flat: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(configuration).items():
        if isinstance(value, dict) and name not in ("places", "disclosure"):
            flat.update({f"{name}.{inner}": each for inner, each in value.items()})
        else:
            flat[name] = value
    return flat


def _mixed(before: Configuration, now: Configuration) -> Configuration:
    """Return what a node works by that takes in what it can of `now`."""
    replaced = msgspec.structs.replace
    return replaced(
        before,
        accord=now.accord,
        authority=now.authority,
        places=now.places,
        log=replaced(before.log, level=now.log.level),
        settlement=now.settlement,
        link=replaced(before.link, answer_step_s=now.link.answer_step_s),
        http=replaced(before.http, heartbeat_s=now.http.heartbeat_s),
    )
