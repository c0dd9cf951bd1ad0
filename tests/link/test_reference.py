"""The reference page says what the code does."""

import re
from pathlib import Path

import msgspec
import pytest

from detente.link import envelope, receipt
from detente.link.answer import HTTP_STATUS, MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES, DeliveryAnswer
from detente.link.backoff import Backoff
from detente.link.card import Card
from detente.link.links import RefusalBudget
from detente.link.session import LINK_KINDS
from detente.record.rotation import ROTATION_FORM

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "link.md").read_text()


def cells(heading):
    """The first and second columns of the tables under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [tuple(row) for row in re.findall(r"^\| (`.*?) \| (.*?) \|", section, re.MULTILINE)]


@pytest.mark.parametrize("form", [envelope.ENVELOPE_FORM, receipt.RECEIPT_FORM, ROTATION_FORM])
def test_the_lines_are_the_documented_ones_in_their_order(form):
    block = PAGE.split(f"```text\n{form.magic}\n")[1].split("```")[0]
    documented = re.findall(r"^([a-z0-9-]+) ", block, re.MULTILINE)
    assert tuple(documented) == form.fields


def test_the_reasons_and_their_status_are_documented():
    documented = {reason.strip("`"): int(status) for reason, status in cells("Over HTTP") if status.isdigit()}
    assert documented == {str(reason): status for reason, status in HTTP_STATUS.items()}
    fields = [name.strip("`") for name, status in cells("Over HTTP") if not status.isdigit()]
    assert fields == [field.name for field in msgspec.structs.fields(DeliveryAnswer)]


def test_the_fields_of_a_card_are_documented():
    assert [name.strip("`") for name, _ in cells("Card")] == [field.name for field in msgspec.structs.fields(Card)]


def test_the_kinds_of_entry_are_documented():
    documented = {name for row, _ in cells("In the journal") for name in re.findall(r"`(\w+)`", row)}
    assert documented == LINK_KINDS


def test_the_limits_are_documented():
    assert f"up to {MAX_BATCH_ENVELOPES} of them and {MAX_BATCH_BYTES // 2**20} MiB" in PAGE
    assert f"0 to {envelope.MAX_BODY_BYTES}," in PAGE
    backoff = Backoff()
    assert f"after {backoff.first_s} s, doubling to {backoff.longest_s:.0f} s" in PAGE
    assert backoff.jitter == 0.5
    budget = RefusalBudget()
    assert (budget.burst, budget.refill_s) == (64, 60.0)
