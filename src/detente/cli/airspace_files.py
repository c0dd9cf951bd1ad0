"""Volumes out of a file of airspace, for commands that take an area, heights and a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from detente.airspace.refusal import Refusal
from detente.cli.names import meant

if TYPE_CHECKING:
    from detente.airspace.plan import Plan
    from detente.feeds.dropped import Dropped

MOST_NOTICES = 500


def plans_of_volumes(
    file: Path, window: str | None, ground_elevation: str | None, insisted: str | None
) -> tuple[tuple[Plan, ...], tuple[Dropped, ...]]:
    """Return the plans of a file that are volumes; raises Refusal for a file of flights."""
    from detente.airspace.plan import Trajectory
    from detente.cli.plan_reading import PlanReading
    from detente.feeds.load import load_plans

    loaded = load_plans(file, PlanReading(insisted, ground_elevation=ground_elevation, window=window).options())
    flown = next((plan.plan_id for plan in loaded.plans if isinstance(plan.intent, Trajectory)), None)
    if flown is not None:
        raise Refusal("cli.airspace_not_a_flight", "FILE", flown)
    return loaded.plans, loaded.dropped


def volume_of_file(
    file: Path, airspace: str | None, window: str | None, ground_elevation: str | None, insisted: str | None
) -> dict[str, Any]:
    """Return the only volume of a file, or of one of its airspaces, as the HTTP API takes it."""
    import msgspec

    plans, _ = plans_of_volumes(file, window, ground_elevation, insisted)
    if airspace is not None:
        wanted = meant("--airspace", airspace, (plan.plan_id for plan in plans))
        plans = tuple(plan for plan in plans if plan.plan_id == wanted)
    volumes = [volume for plan in plans for volume in plan.intent]  # type: ignore[union-attr] # they are volumes
    if len(volumes) != 1:
        names = ", ".join(plan.plan_id for plan in plans[:6]) + (", ..." if len(plans) > 6 else "")
        raise Refusal("cli.one_volume_of_file", "--file", len(volumes), names=names or "-")
    found: dict[str, Any] = msgspec.to_builtins(volumes[0])
    found.pop("kind")
    return found
