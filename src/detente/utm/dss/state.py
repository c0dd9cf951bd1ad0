"""The F3548 part of the airspace representation: entities by id and by what they occupy."""

from __future__ import annotations

from detente.utm.dss.records import Availability, Constraint, OperationalIntent, Subscription
from detente.utm.due import Due
from detente.utm.index import CellIndex, SubscriptionIndex

FOR_INTENTS, FOR_CONSTRAINTS = 1, 2
"""The bits by which the index of subscriptions is asked."""


class Dependents:
    """Which operational intents depend on which subscription; most subscriptions have one."""

    def __init__(self) -> None:
        self._of: dict[str, str | dict[str, None]] = {}

    def add(self, subscription: str, intent: str) -> None:
        """Note that `intent` depends on `subscription`."""
        dependents = self._of.get(subscription)
        if dependents is None:
            self._of[subscription] = intent
        elif isinstance(dependents, str):
            self._of[subscription] = {dependents: None, intent: None}
        else:
            dependents[intent] = None

    def discard(self, subscription: str, intent: str) -> None:
        """Note that `intent` no longer depends on `subscription`."""
        dependents = self._of.get(subscription)
        if dependents == intent:
            del self._of[subscription]
        elif isinstance(dependents, dict):
            dependents.pop(intent, None)
            if not dependents:
                del self._of[subscription]

    def of(self, subscription: str) -> list[str]:
        """The intents that depend on it, in the order in which they came."""
        dependents = self._of.get(subscription)
        return [] if dependents is None else [dependents] if isinstance(dependents, str) else list(dependents)

    def besides(self, subscription: str, intent: str) -> bool:
        """Whether any other intent depends on it."""
        dependents = self._of.get(subscription)
        return (
            (dependents is not None and dependents != intent)
            if not isinstance(dependents, dict)
            else len(dependents) > (intent in dependents)
        )


class DssState:
    """Operational intents, constraints, subscriptions and availability."""

    def __init__(self) -> None:
        self.intents: dict[str, OperationalIntent] = {}
        self.constraints: dict[str, Constraint] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.availability: dict[str, Availability] = {}
        self.intent_index = CellIndex()
        self.constraint_index = CellIndex()
        self.subscription_index = SubscriptionIndex()
        self.dependents = Dependents()
        self.down: set[str] = set()
        self.reports = 0
        self.due_intents = Due()
        self.due_constraints = Due()
        self.due_subscriptions = Due()
