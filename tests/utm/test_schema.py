"""Schemathesis throws what the interfaces allow, and what they do not, at a running service: no 5xx, no answer outside
the schema, and every operation carried out many times. The texts of the interfaces are those of the shared folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dss_process import DssProcess, running
from published_paths import OPERATIONS, TEXTS

SCOPES = [
    *(f"utm.{role}" for role in ("strategic_coordination", "conformance_monitoring_sa", "availability_arbitration")),
    *("utm.constraint_management", "utm.constraint_processing", "rid.service_provider", "rid.display_provider"),
    *(f"dss.{how}.identification_service_areas" for how in ("read", "write")),
    *("interuss.pool_status.read", "interuss.pool_status.heartbeat.write"),
    "interuss.versioning.read_system_versions",
]
LEAST = {"F3548-21": 5500, "F3411-22a": 2500, "F3411-19": 2000, "auxiliary": 400, "versions": 20}
"""How many requests there are of each interface at least: more than ten thousand in all."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    with running(tmp_path_factory.mktemp("schema") / "dss", "--allow-http-base-urls") as process:
        yield process


def specs() -> Path:
    shared = Path(os.environ.get("DETENTE_SHARED", Path(__file__).parents[3] / "shared"))
    assert (shared / "specs").exists(), f"the interfaces' texts are not in {shared}; set DETENTE_SHARED"
    return shared / "specs"


def interface_text(interface: str, folder: Path) -> Path:
    """The text of an interface as a file that schemathesis reads, mended where it contradicts itself."""
    text = (specs() / TEXTS[interface][0]).read_text(encoding="utf-8")
    # The published text of F3411-19 has the bounds of longitude exchanged, which no number satisfies.
    text = text.replace("maximum: -180\n", "maximum: 180\n").replace("minimum: 180\n", "minimum: -180\n")
    document = yaml.safe_load(text)
    availability = document["paths"].get("/dss/v1/uss_availability/{uss_id}")
    if availability is not None:
        # The text has no answer for a stale old_version; the reference has 409, which the suites take too.
        availability["put"]["responses"]["409"] = availability["put"]["responses"]["403"]
    (folder / "interface.json").write_text(json.dumps(document, default=str))
    return folder / "interface.json"


def throw(service: DssProcess, interface: str, cases: int, folder: Path) -> dict[str, Counter[int]]:
    """Up to `cases` made-up requests to each operation and some more; return how often each was answered how."""
    authorization = f"Bearer {service.token(*SCOPES)}"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        str(interface_text(interface, folder)),
        f"--url=http://127.0.0.1:{service.port}{TEXTS[interface][1]}",
        f"--header=Authorization: {authorization}",
        "--exclude-path-regex=/uss/",
        f"--checks={CHECKS}",
        "--phases=examples,coverage,fuzzing",
        f"--max-examples={cases}",
        "--seed=1",
        "--no-color",
        "--request-timeout=30",
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "schema_hooks",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
        "SCHEMA_AUTHORIZATION": authorization,
        "SCHEMA_COUNTS": str(folder / "counts.json"),
    }
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    told = json.loads((folder / "counts.json").read_text())
    root = TEXTS[interface][1]
    return {
        " ".join((method, root + path)): Counter({int(status): count for status, count in statuses.items()})
        for method, path, statuses in ((*operation.split(" ", 1), statuses) for operation, statuses in told.items())
    }


def check_counts(interface: str, told: dict[str, Counter[int]], least: int) -> None:
    """Every operation was reached and carried out, and there were enough requests in all."""
    assert len(told) == sum(operation.interface == interface for operation in OPERATIONS)
    idle = [operation for operation, statuses in told.items() if not statuses[200] + statuses[201]]
    assert idle == []
    total = sum(sum(statuses.values()) for statuses in told.values())
    carried_out = sum(statuses[200] + statuses[201] for statuses in told.values())
    print(f"{interface}: {total} requests, {carried_out} of them carried out")
    assert total >= least


@pytest.mark.shared
@pytest.mark.parametrize("interface", TEXTS)
def test_some_requests_of_every_interface(service: DssProcess, interface: str, tmp_path: Path) -> None:
    check_counts(interface, throw(service, interface, 4, tmp_path), 1)


@pytest.mark.long
@pytest.mark.shared
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("interface", "least"), LEAST.items())
def test_ten_thousand_requests(service: DssProcess, interface: str, least: int, tmp_path: Path) -> None:
    check_counts(interface, throw(service, interface, 250, tmp_path), least)
