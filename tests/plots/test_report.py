"""The report says all of it, in both languages, in one file, whatever the names in it are."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from plot_samples import MINIMA, at, contents, crossing, flight, zone

from detente.airspace.altitude import MeanSeaLevel
from detente.airspace.plan import Containment, Plan, TimeWindow
from detente.airspace.separation import Minima
from detente.language import Language
from detente.plots.contents import CheckedTranscript, ConflictOutcome, Knowledge, PrivateMatch, ReportContents
from detente.plots.flown_stretch import ClosestPass, FlownAlert, FlownPath, FlownStretch, MadeDeviation
from detente.plots.report import SHOWN_IN_FULL, report_page, write_report
from detente.watch.alert import Alert, AlertKind, AlertLevel, TrackSide

EN, FR = Language.ENGLISH, Language.FRENCH
VOID = {"meta", "input", "br", "link", "img", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in order, every id once; keeps texts by language."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: dict[str, list[str]] = {"en": [], "fr": [], "": []}
        self.feed(page)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes.extend(named.items())
        if "id" in named:
            self.ids.append(named["id"])
        if "href" in named:
            self.links.append(named["href"])
        if tag not in VOID:
            self.open.append((tag, named.get("lang")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a start"
        assert self.open[-1][0] == tag, f"</{tag}> closes {self.open[-1][0]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        language = next((lang for tag, lang in reversed(self.open) if lang and tag != "html"), "")
        self.words.get(language, self.words[""]).append(data.replace("\N{NO-BREAK SPACE}", " "))

    def text(self, language: Language) -> str:
        return " ".join((*self.words[language], *self.words[""]))


@pytest.fixture(scope="module")
def full() -> tuple[ReportContents, str]:
    ours, theirs = crossing(17)
    found = contents(ours, theirs, remark="Seen by the watch.")
    assert len(found.conflicts) == 17
    return found, report_page(found, EN)


def test_the_page_is_well_formed_and_its_links_lead_somewhere(full: tuple[ReportContents, str]) -> None:
    page = Page(full[1])
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link.startswith("#"), f"{link} leaves the page"
        assert link[1:] in page.ids, f"{link} leads nowhere"


def test_the_page_loads_nothing_and_runs_nothing(full: tuple[ReportContents, str]) -> None:
    page = Page(full[1])
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    assert "default-src 'none'" in full[1]
    assert not re.search(r"https?://|@import|url\(", full[1].replace("http://www.w3.org/2000/svg", ""))


def test_every_conflict_is_there_with_its_plans_and_outcome(full: tuple[ReportContents, str]) -> None:
    page = Page(full[1])
    rows = re.findall(r"<tr[^>]*>.*?</tr>", full[1].split('id="all"')[1].split("</section>")[0], re.DOTALL)
    assert len(rows) == 1 + len(full[0].conflicts)
    for conflict in full[0].conflicts:
        names = (conflict.encounter.first_plan_id, conflict.encounter.second_plan_id)
        row = next(r for r in rows if all(f">{name}<" in r for name in names))
        assert ("▲" if conflict.outcome.left else "✓") in row
    assert {f"conflict-{number}" for number in range(1, 18)} <= set(page.ids)


def test_all_that_is_left_is_listed_with_its_reason(full: tuple[ReportContents, str]) -> None:
    section = full[1].split('id="left"')[1].split("</section>")[0]
    left = [c for c in full[0].conflicts if c.outcome.left]
    assert section.count("<tr>") == 1 + len(left)
    for conflict in left:
        assert conflict.encounter.first_plan_id in section
    assert section.count("Seen by the watch.") == len(left)
    assert "No delay, level change or lateral shift" in section


def test_the_worst_are_shown_in_full_and_none_that_is_left_is_forgotten(full: tuple[ReportContents, str]) -> None:
    shown = full[1].split('id="worst"')[1].split("</section>")[0]
    assert shown.count("<article") == SHOWN_IN_FULL
    assert shown.count('class="profile"') == SHOWN_IN_FULL
    for conflict in full[0].conflicts:
        if conflict.outcome.left:
            assert f">{conflict.encounter.first_plan_id}<" in shown


def test_both_languages_are_in_the_page(full: tuple[ReportContents, str]) -> None:
    page = Page(full[1])
    english, french = page.text(EN), page.text(FR)
    assert "17 conflicts were found. 6 still stand." in english
    assert "17 conflits ont été trouvés. Non réglés : 6." in french
    assert "EAST0 starts 15 min later" in english
    assert "EAST0 part 15 min plus tard" in french
    assert "5.00 NM (9.26 km); 1,000 ft (305 m)" in english
    assert "5,00 NM (9,26 km) ; 1\u202f000 ft (305 m)" in french
    assert "FL 100, 10,000 ft (3,048 m)" in english
    assert len(page.words["en"]) == len(page.words["fr"])


def test_the_chosen_language_is_the_one_that_opens(full: tuple[ReportContents, str]) -> None:
    french = report_page(full[0], FR)
    assert '<html lang="fr">' in french
    assert re.search(r'id="language-fr"[^>]* checked', french)
    assert not re.search(r'id="language-en"[^>]* checked', french)
    assert "<title>Rapport de déconfliction" in french


def test_the_proof_is_told(full: tuple[ReportContents, str]) -> None:
    text = Page(full[1]).text(EN)
    for shown in ("ab" * 32, "cd" * 32, "12" * 32, "ef" * 32, "amber seven canoe", "lilac four anvil", "812", "806",
                  "404", "detente journal verify north/journal.db", "Both journals hold",
                  "Contains data from adsb.lol, made available under ODbL 1.0."):  # fmt: skip
        assert shown in text
    assert "The record does not hold" not in text


def test_a_record_that_does_not_hold_is_said_first() -> None:
    ours, theirs = crossing(1)
    good = contents(ours, theirs)
    bad = msgspec.structs.replace(good, transcript=CheckedTranscript(3, "00" * 32, equal=False, finding="envelope 3"))
    text = Page(report_page(bad, EN)).text(EN)
    assert "The record does not hold" in text
    assert "envelope 3" in text
    assert "Both journals hold" not in text


def test_drawings_are_well_formed_and_described(full: tuple[ReportContents, str]) -> None:
    drawings = re.findall(r"<svg.*?</svg>", full[1], re.DOTALL)
    assert len(drawings) == 1 + 2 * SHOWN_IN_FULL
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.get("aria-hidden") == "true"
        assert "nan" not in drawing
        assert "inf" not in drawing
    assert full[1].count('<figcaption><span class="unseen">') == len(drawings)


def test_names_cannot_bring_markup_into_the_page() -> None:
    hostile = "<script>alert(1)</script>\"'&<!--"
    ours, theirs = crossing(2)
    # The type refuses such an identifier; a page must hold even if one came by another way.
    for plan in ours:
        msgspec.structs.force_setattr(plan, "plan_id", hostile + plan.plan_id)
    found = contents(ours, theirs, names=(hostile, "]]>\x00\x08"), outcomes=(ConflictOutcome.REFUSED,), remark=hostile)
    for language in Language:
        page = Page(report_page(found, language))
        assert "script" not in page.tags
        assert hostile + "EAST0" in page.text(language)
        assert not [name for name, _ in page.attributes if name.startswith("on")]
    for drawing in re.findall(r"<svg.*?</svg>", report_page(found, EN), re.DOTALL):
        ET.fromstring(drawing)


@pytest.mark.parametrize("language", Language)
def test_nothing_found_is_a_page_too(tmp_path: Path, language: Language) -> None:
    ours, theirs = crossing(1)
    write_report(tmp_path / "quiet.html", contents(ours, []), language)
    quiet = (tmp_path / "quiet.html").read_text(encoding="utf-8")
    assert "No conflict was found." in Page(quiet).text(EN)
    assert 'id="worst"' not in quiet
    empty = Page(report_page(contents([], []), language)).text(EN)
    assert "There is no plan to show." in empty
    assert len(theirs) == 1


def volumes_and_flights() -> tuple[list[Plan], list[Plan], Minima]:
    return [flight("F1", (36.5, -122.0), (36.5, -121.2))], [zone("Z1", (36.5, -121.6))], MINIMA


def two_references() -> tuple[list[Plan], list[Plan], Minima]:
    ours, _ = crossing(1)
    north = flight("N1", (36.2, -121.6), (37.0, -121.6), 10_100.0, reference=MeanSeaLevel())
    return ours, [north], MINIMA


def loose_in_time() -> tuple[list[Plan], list[Plan], Minima]:
    slack = Containment(200.0, 30.0, 60.0)
    ours = [flight("E1", (36.5, -122.0), (36.5, -121.2), containment=slack)]
    theirs = [flight("N1", (36.1, -121.6), (36.9, -121.6), seconds=(100.0, 1300.0), containment=slack)]
    return ours, theirs, Minima(9260.0, 304.8, 30.0)


def over_the_antimeridian() -> tuple[list[Plan], list[Plan], Minima]:
    return [flight("E1", (-17.0, 179.5), (-17.0, -179.5))], [flight("N1", (-17.4, 180.0), (-16.6, 180.0))], MINIMA


def near_the_pole() -> tuple[list[Plan], list[Plan], Minima]:
    return [flight("E1", (89.5, -90.0), (89.5, 90.0))], [flight("N1", (89.5, 0.0), (89.5, 180.0))], MINIMA


def two_drones() -> tuple[list[Plan], list[Plan], Minima]:
    tight = Containment(5.0, 3.0, 0.0)
    ours = [flight("E1", (36.5, -121.602), (36.5, -121.598), 400.0, containment=tight)]
    return ours, [flight("N1", (36.498, -121.6), (36.502, -121.6), 400.0, containment=tight)], Minima(50.0, 15.0)


@pytest.mark.parametrize(
    "case", [volumes_and_flights, two_references, loose_in_time, over_the_antimeridian, near_the_pole, two_drones]
)
def test_every_kind_of_conflict_can_be_drawn(case: object) -> None:
    ours, theirs, minima = case()  # type: ignore[operator]
    found = contents(ours, theirs, minima)
    assert len(found.conflicts) == 1
    page = report_page(found, EN)
    Page(page)
    drawings = [ET.fromstring(drawing) for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    assert len(drawings) == 3
    for drawing in drawings:
        width, height = (float(n) for n in drawing.get("viewBox", "").split()[2:])
        for element in drawing.iter():
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d", "")):
                assert -1.0 <= float(x) <= width + 1.0
                assert -15.0 <= float(y) <= height + 1.0


def test_what_each_side_learnt_is_shown_side_by_side_with_counts() -> None:
    ours = [flight(f"OWN{number}", (36.0 + number, -122.0), (36.5 + number, -121.0)) for number in range(4)]
    theirs = [flight(f"OTHER{number}", (36.5 + number, -122.0), (36.0 + number, -121.0)) for number in range(3)]
    part = msgspec.structs.replace(ours[1], plan_id="Pabc")
    made = msgspec.structs.replace(
        contents(ours, theirs),
        match=PrivateMatch(5_000.0, 304.8, 120.0, (4_200_000, 5_700_000), 944, agreed=True),
        learnt=(Knowledge((theirs[0],), (), 0), Knowledge((ours[0],), (part,), 1)),
    )
    page = report_page(made, EN)
    section = page.split('id="learnt"')[1].split("</section>")[0]
    told_us, known_of_us = re.findall(r'<svg[^>]*class="map learnt".*?</svg>', section, re.DOTALL)[:2]
    # The first party's left map has nothing but what it was told; the right one all of its own.
    assert "OTHER0" in told_us
    assert not re.search("OTHER[12]|OWN", told_us)
    assert all(f"OWN{number}" in known_of_us for number in range(4))
    english = Page(page).text(EN)
    assert "Neither side showed its plans: 2 in conflict were told, 1 in part, 4 not at all." in english
    assert "1 plan in part: near, but apart" in english
    assert "2 plans not known" in english
    assert "2.70 NM (5.00 km)" in english
    assert 'id="learnt"' not in report_page(contents(ours, theirs), EN)


def test_a_stretch_that_was_flown_is_shown_with_its_alerts_in_both_languages() -> None:
    alert = Alert(
        "separation:a|b", AlertKind.SEPARATION, AlertLevel.CORRECTIVE, 0.0, "separation_ahead", ("OWN0.a", "<b>x</b>"),
        (TrackSide.OURS, TrackSide.UNKNOWN),
        {"closest_distance_m": 3_000.0, "closest_height_m": 100.0, "minimum_distance_m": 9_260.0,
         "minimum_height_m": 304.8},
    )  # fmt: skip
    near = ClosestPass(at(130.0), 3_704.5, 100.0, 40.0, at(100.0))
    told = FlownAlert(
        1, alert, (AlertKind.SEPARATION, AlertKind.WELL_CLEAR), AlertLevel.WARNING, at(38.0), at(200.0),
        MadeDeviation.UNDECLARED, at(0.0), near, (-121.5, 36.5), more=2,
    )  # fmt: skip
    deviated = msgspec.structs.replace(
        told, number=2, alert=msgspec.structs.replace(alert, kind=AlertKind.OWN_DEVIATION, tracks=("OWN0.a",),
        reason="outside_own_plan", figures={"plan": "OWN0.a", "error_distance_m": 50.0}), closest=None, more=0,
        kinds=(AlertKind.OWN_DEVIATION,), deviation=MadeDeviation.ASIDE, since=at(27.0), ended=None,
    )  # fmt: skip
    way = ((-122.0, 36.0), (-121.5, 36.5), (-121.0, 36.9))
    paths = (
        FlownPath("OWN0.a", TrackSide.OURS, way[:2], way, way[::-1], MadeDeviation.ASIDE),
        FlownPath("<b>x</b>", TrackSide.UNKNOWN, way, way, (), MadeDeviation.UNDECLARED),
        FlownPath("OTHER0", TrackSide.THEIRS, way, way),
    )
    flown = FlownStretch("North Wing", TimeWindow(at(0.0), at(600.0)), paths, 1_234, (told, deviated), 3)
    ours, theirs = crossing(1)
    page = report_page(msgspec.structs.replace(contents(ours, theirs), flown=flown), EN)
    section = page.split('id="flown"')[1].split("</section>")[0]
    drawing = re.search(r"<svg.*?</svg>", section, re.DOTALL)
    assert drawing is not None
    ET.fromstring(drawing[0])
    assert all(f'href="#alert-{number}"' in drawing[0] and f'id="alert-{number}"' in section for number in (1, 2))
    assert section.count("line after ours") == section.count("line unheard ours") == 1
    assert "line undeclared" in section
    assert "<b>x" not in page
    english, french = Page(page).text(EN), Page(page).text(FR)
    assert "1 min 02 s before separation was lost" in english
    assert "Separation was lost for 40 s; 2.00 NM" in english
    assert "The same with 2 more aircraft." in english
    assert "11 s after it began" in english
    assert "Still so at the end." in english
    assert "1 min 02 s avant la perte d’espacement" in french
    assert "Un aéronef a quitté son plan sur le côté." in french
    assert 'id="flown"' not in report_page(contents(ours, theirs), EN)
    nothing = msgspec.structs.replace(flown, paths=(), alerts=())
    empty = report_page(msgspec.structs.replace(contents(ours, theirs), flown=nothing), EN)
    assert "no plan of the day says a path" in empty
