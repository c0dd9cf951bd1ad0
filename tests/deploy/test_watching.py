"""What alert rules and dashboards name exists: metrics in running programs, commands in the program, pages for each."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from detente.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
for folder in ("node", "utm"):
    sys.path.append(str(ROOT / "tests" / folder))
from dss_process import running  # noqa: E402 - from a folder of tests beside this one
from parties import area_plan, two_parties  # noqa: E402

RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "detente.rules.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "detente.json").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
METRIC = re.compile(r"\b(?:detente|process)_[a-z_]+\b")
FAMILY = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)
SAMPLES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def named(text: str) -> set[str]:
    """The names of samples that a page of metrics has, or may come to have."""
    return {family + ending for family, kind in FAMILY.findall(text) for ending in SAMPLES[kind]}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """What a running node and a running service show."""
    place = tmp_path_factory.mktemp("watched")
    with two_parties(place / "nodes") as (north, _):
        north.imports(area_plan("watched"))
        node = north.ask("GET", "/metrics").body.decode()
    with running(place / "dss") as service:
        token = (service.directory / "metrics-token").read_text().strip()
        dss = service.exchange("GET", "/metrics", token=token)[1].decode()
    return named(node), named(dss)


def queries(thing: Any) -> Iterator[str]:
    """Every query of a dashboard, or of a part of one."""
    if isinstance(thing, dict):
        if "expr" in thing:
            yield thing["expr"]
        for part in thing.values():
            yield from queries(part)
    elif isinstance(thing, list):
        for part in thing:
            yield from queries(part)


def test_every_metric_that_rules_and_dashboard_name_is_shown(shown: tuple[set[str], set[str]]) -> None:
    asked = [rule["expr"] for rule in ALERTS] + [*queries(DASHBOARD)]
    assert len(asked) > 40
    names = {name for query in asked for name in METRIC.findall(re.sub(r'"[^"]*"', "", query))}
    assert names
    assert not names - shown[0] - shown[1]


def test_every_alert_says_what_is_the_matter_and_how_to_mend_it() -> None:
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule
        assert set(rule["annotations"]) == {"summary", "mend"}, rule
        for command in re.findall(r"\bdetente ([a-z-]+)\b", rule["annotations"]["mend"]):
            assert command in COMMANDS, rule


@pytest.mark.parametrize(("page", "place"), [("metrics.md", 0), ("dss.md", 1)])
def test_the_pages_describe_every_metric(shown: tuple[set[str], set[str]], page: str, place: int) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    listed = {name for row in re.findall(r"^\| (`detente_.*?) \|", text, re.MULTILINE) for name in METRIC.findall(row)}
    plain = {re.sub("_(bucket|sum|count)$", "", name) for name in shown[place] if name.startswith("detente_")}
    assert listed == {name for name in plain if not name.endswith("_created")}


def test_rules_are_as_prometheus_reads_them() -> None:
    """Where its own checker is installed (Debian: prometheus)."""
    try:
        checked = subprocess.run(
            ["promtool", "check", "rules", ROOT / "deploy" / "prometheus" / "detente.rules.yml"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("promtool is not installed")
    assert checked.returncode == 0, checked.stderr
