"""The examples in the reference of plan files are read as they stand, and fit the published schema."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from route_samples import OPTIONS
from test_geojson import CARRIED_SCHEMA

from detente.feeds.geojson import read_geojson
from detente.feeds.load import load_plans
from detente.feeds.named_points import read_points

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(r"```json\n(.*?)```", (DOCS / "reference" / "plans-geojson.md").read_text(), re.DOTALL)
REFERENCES = re.findall(r"^\| `(\{.*?\})` \|", (DOCS / "reference" / "plans-geojson.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_are_plans(example):
    content = b'{"type": "FeatureCollection", "features": [' + example.encode() + b"]}"
    assert len(read_geojson(content)) == 1
    jsonschema.Draft202012Validator(json.loads(CARRIED_SCHEMA.read_text())).validate(json.loads(content))


@pytest.mark.parametrize("reference", REFERENCES)
def test_references_are_read(reference):
    example = json.loads(EXAMPLES[0])
    example["properties"]["altitudes"] |= {"reference": json.loads(reference), "unit": "m", "values": [900, 900, 900]}
    content = json.dumps({"type": "FeatureCollection", "features": [example]}).encode()
    (plan,) = read_geojson(content)
    assert plan.intent.waypoints[0].altitude.reading_m == 900.0


def test_there_is_an_example_for_every_reference():
    assert len(EXAMPLES) == 3
    assert {json.loads(text)["kind"] for text in REFERENCES} == {
        "standard", "qnh", "qfe", "mean_sea_level", "ground", "ellipsoid",
    }  # fmt: skip


SAMPLES = [path for path in sorted((DOCS / "samples").iterdir()) if path.name != "points.csv"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_samples_are_plans(sample):
    assert load_plans(sample, OPTIONS).plans


def test_the_sample_of_points_is_that_of_the_tests():
    assert read_points((DOCS / "samples" / "points.csv").read_bytes()) == OPTIONS.routes.points
