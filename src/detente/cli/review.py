"""detente review: joint statistics that both sides compute to the same bytes, for a week or a year."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import as_json, shown_time, side_by_side, word
from detente.cli.plan import Directory, Output, OutputOption
from detente.cli.wording import say, words, write_output

DAYS = {"week": 7, "year": 365}
POLL_S = 0.2
PLAIN = ("plans_declared", "plans_active_s", "notices_late", "notices_amended", "notices_cancelled",
         "measures_proposed", "measures_accepted", "measures_refused", "no_measure_found", "observations",
         "crossings_claimed", "crossings_confirmed", "statements", "incidents_replied_late", "deviations",
         "deviations_late", "deviation_s", "stops", "stops_acknowledged", "stop_to_human_median_ms",
         "stop_to_human_longest_ms", "messages", "messages_acknowledged", "message_to_human_median_ms", "suspensions",
         "resumptions", "unreadable")  # fmt: skip
COUNTED = ("notices", "requests", "answers", "line_checks")


class Period(StrEnum):
    """A period that ends with the last whole day, UTC."""

    WEEK = "week"
    YEAR = "year"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review")(review)


def review(
    directory: Directory,
    peer: Annotated[str, typer.Option("--with", help="The party with whom it is reviewed.")],
    begin: Annotated[str | None, typer.Option("--from", help="The first day or time, UTC: 2025-06-01.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="The day or time before which it ends, UTC.")] = None,
    period: Annotated[Period | None, typer.Option(help="The last seven or 365 whole days, instead.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new file for the document, whose SHA-256 both sides say.")] = None,
    wait_s: Annotated[float, typer.Option("--wait-s", help="How long to wait for the other side's.")] = 10.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compute the joint statistics of what both journals hold, and compare them with the other side's.

    Exit code 1 when the other side computed something else: the first difference is shown.
    """
    start, before = _period(begin, end, period)
    view = values.tell(directory, "reviews", peer=peer, start=start.isoformat(), end=before.isoformat())
    until = time.monotonic() + wait_s
    while view["equal"] is None and view["not_taken"] is None and time.monotonic() < until:
        time.sleep(POLL_S)
        view = next(v for v in values.ask(directory, "reviews", peer=peer) if v["review_id"] == view["review_id"])
    if out is not None:
        write_output([view["document"].encode()], out)
    if output is Output.JSON:
        as_json(view)
    else:
        _show(view)
    if view["equal"] is False:
        raise typer.Exit(1)


def _period(begin: str | None, end: str | None, period: Period | None) -> tuple[datetime, datetime]:
    from detente.airspace.refusal import Refusal

    if period is not None and begin is None and end is None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=DAYS[period]), today
    if begin is None or end is None or period is not None:
        raise Refusal("--from", begin, "--from and --to, or --period week or year")
    return _instant("--from", begin), _instant("--to", end)


def _instant(option: str, text: str) -> datetime:
    return datetime.fromisoformat(values.moment(option, f"{text}T00:00Z" if len(text) == len("2025-06-01") else text))


def _show(view: dict[str, Any]) -> None:
    from detente.language import figures

    found = view["review"]
    parties = sorted(found["parties"])
    counts = [found["parties"][party] for party in parties]
    rows = [
        [words(f"claims.count.{name}"), *(_figure(of[name]) for of in counts)]
        for name in PLAIN
        if any(of[name] for of in counts)
    ]
    for name in COUNTED:
        for kind in sorted({kind for of in counts for kind in of[name]}):
            label = words(f"claims.count.{name}", kind=_kind(name, kind))
            rows.append([label, *(_figure(of[name].get(kind, 0)) for of in counts)])
    for day in sorted({day for of in counts for day in of["conformance"]}):
        days = [of["conformance"].get(day, {"active_s": 0, "deviation_s": 0}) for of in counts]
        rows.append([words("claims.count.conformance", day=day), *(_conformance(**of) for of in days)])
    for kind in sorted({kind for of in counts for kind in of["incidents"]}):
        for state in sorted({state for of in counts for state in of["incidents"].get(kind, {})}):
            label = words("claims.count.incidents", kind=word("class", kind), state=word("state", state))
            rows.append([label, *(_figure(of["incidents"].get(kind, {}).get(state, 0)) for of in counts)])
    title = words("claims.review", start=shown_time(view["start"]), end=shown_time(view["end"]))
    side_by_side(["", *parties], rows, title)
    from detente.cli.wording import language

    say("claims.review_whole", envelopes=figures.number(language(), found["envelopes"]), conflicts=found["conflicts"])
    for party, digest in sorted(view["sha256"].items()):
        say("claims.review_hash", party=party, sha256=digest)
    if view["equal"]:
        say("claims.review_equal")
    elif view["difference"] is not None:
        say("claims.review_differs", **view["difference"])
    elif view["not_taken"] is not None:
        say("claims.review_not_taken", because=word("not_taken", view["not_taken"]))
    else:
        say("claims.review_waits")


def _kind(name: str, kind: str) -> str:
    groups = {"notices": "meaning", "requests": "state", "answers": "answer", "line_checks": "check"}
    if name == "line_checks":
        return words("claims.check_good") if kind == "good" else words(f"line.fault.{kind}")
    return word(groups[name], kind)


def _conformance(active_s: int, deviation_s: int) -> str:
    """Seconds outside of seconds flown, and the share inside."""
    share = f" ({max(0.0, 100.0 * (1.0 - deviation_s / active_s)):.1f} %)" if active_s else ""
    return f"{_figure(deviation_s)} / {_figure(active_s)}{share}"


def _figure(value: int | None) -> str:
    from detente.cli.wording import language
    from detente.language import figures

    return "-" if value is None else figures.number(language(), value)
