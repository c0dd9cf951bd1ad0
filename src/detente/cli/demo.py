"""detente demo: two parties deconflict a day of recorded traffic, each with a node of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from detente.airspace.refusal import Refusal
from detente.cli.cold import say_if_cold
from detente.cli.exit_codes import ExitCode
from detente.cli.plan_reading import PlanReading, with_reading
from detente.language.figures import number
from detente.language.wording import Language, language_from_environment, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from detente.feeds.tracks import TrackOptions
    from detente.plots.contents import ReportContents
    from detente.rehearsal.california import Day, DayTraffic, DemoProgress


@with_reading
def demo(
    out: Annotated[Path, typer.Option(help="Where to keep both parties' directories and report.html.")] = Path(
        "demo-out"
    ),
    language: Annotated[Language | None, typer.Option(help="en or fr; the environment's when not given.")] = None,
    *,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="Your own day instead: a file of flights, or --data twice: each party's plans."),
    ] = None,
    parties: Annotated[
        str | None, typer.Option("--parties", help='What the two parties are called, with --data: "North,South".')
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show the finished day: both nodes' consoles, until you press Ctrl-C.")
    ] = False,
    reading: PlanReading,
) -> None:
    """Let two parties, each a real node, deconflict one day of recorded traffic over California; write a report.

    The flights of one file are divided into those under an airline's callsign and all others.

    Exit code 0 when every journal and the transcript hold, 3 when one does not.
    """
    from rich.console import Console

    from detente.plots.report import is_proved, write_report

    tongue = language or language_from_environment(os.environ)
    console = Console()
    say_if_cold(matching=True, watch=True)
    contents, day = _run(out, tongue, console, _traffic(data, parties, reading))
    report = out / "report.html"
    write_report(report, contents, tongue)
    console.print(_table(contents, day, tongue))
    console.print(_say(tongue, "demo.report", path=report), soft_wrap=True)
    if serve:
        _serve(day, contents, tongue, console)
    if not is_proved(contents):
        raise typer.Exit(ExitCode.NOT_PROVEN)


def _serve(day: Day, contents: ReportContents, language: Language, console: Console) -> None:
    from datetime import timedelta

    from detente.rehearsal.california import MATCHED_DAY
    from detente.rehearsal.served_day import served, until_interrupted

    parties = (day.first, day.second)
    starts = sorted(conflict.encounter.start for conflict in contents.conflicts) or [MATCHED_DAY + timedelta(hours=12)]
    with served(parties, starts[0] - timedelta(minutes=5)) as links:
        console.print(_say(language, "demo.consoles"))
        for link in links:
            # Whole and alone on its line, so that a terminal lets it be opened.
            console.print(f"{link.party}:", markup=False, highlight=False)
            console.print(link.url, soft_wrap=True, markup=False, highlight=False)
        console.print(_say(language, "demo.until"))
        until_interrupted(parties)


def _traffic(data: list[str] | None, parties: str | None, reading: PlanReading) -> Callable[[], DayTraffic]:
    """What gives the plans of the day; raises Refusal for names that no directory or party can have."""
    from detente.airspace.plan import check_identifier
    from detente.rehearsal.california import california
    from detente.rehearsal.own_day import own_day

    names = None
    if parties is not None:
        words = [word.strip() for word in parties.split(",")]
        if len(words) != 2 or len({word.lower() for word in words}) != 2 or not data:
            raise Refusal("rehearsal.two_parties", "--parties", parties)
        for word in words:
            check_identifier("--parties", word)
        names = words[0], words[1]
    if not data:
        return california
    options = msgspec.structs.replace(reading.options(), tracks=_as_declared(reading))
    return lambda: own_day([Path(file) for file in data], options, names)


def _as_declared(reading: PlanReading) -> TrackOptions:
    """How flown tracks become plans where nobody said it: as the recorded day's."""
    from detente.rehearsal.california import FLOWN_AS_DECLARED

    return FLOWN_AS_DECLARED if reading.containment is None else reading.options().tracks


def _run(
    out: Path, language: Language, console: Console, traffic: Callable[[], DayTraffic]
) -> tuple[ReportContents, Day]:
    from datetime import UTC, datetime

    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from detente.rehearsal.california import fly_the_day
    from detente.rehearsal.outcome import report_contents

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)
        shown = ""

        def show(progress: DemoProgress) -> None:
            nonlocal shown
            bars.update(
                task,
                description=_say(language, f"demo.stage.{progress.stage}"),
                completed=progress.done,
                total=progress.total or None,
            )
            if progress.stage != shown and not console.is_terminal:
                console.print(_say(language, f"demo.stage.{progress.stage}"))
            shown = progress.stage

        day = fly_the_day(out, show, traffic)
        bars.update(task, description=_say(language, "demo.stage.proof"), completed=0, total=None)
        return report_contents(day, datetime.now(UTC)), day


def _table(contents: ReportContents, day: Day, language: Language) -> Table:
    from collections import Counter

    from rich.table import Table

    from detente.plots.contents import ConflictOutcome
    from detente.watch.alert import AlertKind

    title = _say(language, "demo.title") if day.attributions else day.accord.name
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")

    def row(key: str, value: str, **values: object) -> None:
        table.add_row(_say(language, f"demo.row.{key}", **values), value)

    for party in contents.parties:
        row("plans", number(language, len(party.plans)), party=party.name)
    row("left_out", number(language, day.reports_left_out))
    if day.other_days:
        row("other_days", number(language, day.other_days))
    row("pairs" if contents.learnt is None else "pairs_unseen", number(language, contents.pairs_examined))
    for party, known in zip(contents.parties, contents.learnt or (), strict=False):
        row("told", number(language, len(known.told)), party=party.name)
        row("parts", number(language, known.in_part), party=party.name)
    row("found", number(language, len(contents.conflicts)))
    row("measures", number(language, contents.measures_agreed))
    outcomes = Counter(conflict.outcome for conflict in contents.conflicts)
    spare = contents.measures_agreed - outcomes[ConflictOutcome.SETTLED]
    if spare > 0:
        table.add_row(f"  {_say(language, 'demo.row.spare')}", number(language, spare))
    for outcome in ConflictOutcome:
        if outcomes[outcome] or outcome is ConflictOutcome.SETTLED:
            table.add_row(f"  {_say(language, f'outcome.{outcome}')}", number(language, outcomes[outcome]))
    row("left", number(language, sum(count for outcome, count in outcomes.items() if outcome.left)))
    if flown := contents.flown:
        minutes = number(language, (flown.window.end - flown.window.start).total_seconds() / 60.0)
        row("flown", number(language, len(flown.paths)), minutes=minutes)
        row("alerts", number(language, len(flown.alerts)), party=flown.watching)
        parts = (
            flown.count(AlertKind.OWN_DEVIATION, AlertKind.TRACK_LOST),
            flown.count(AlertKind.UNDECLARED),
            flown.count(AlertKind.SEPARATION),
        )
        kinds = _say(language, "demo.row.alert_kinds")
        table.add_row(f"  {kinds}", " / ".join(number(language, count) for count in parts))
    for party in contents.parties:
        verdict = "sound" if party.journal.sound else "broken"
        row(f"journal_{verdict}", number(language, party.journal.entries), party=party.name)
    verdict = "equal" if contents.transcript.equal else "different"
    row(f"transcript_{verdict}", number(language, contents.transcript.messages))
    row("time", f"{number(language, contents.run_time_s, 1)} s")
    return table


def _say(language: Language, key: str, **values: object) -> str:
    return text(language, key, **values)


COMMANDS = {"demo": demo}
