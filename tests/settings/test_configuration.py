"""The configuration: strict, and the same on paper as in the code."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import tomli_w

from detente.airspace.refusal import Refusal
from detente.link.card import make_card
from detente.link.directory import configuration_skeleton
from detente.record.keys import NodeKey
from detente.settings.configuration import Configuration, LinkSettings, read_configuration

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def settings_of(struct: type[msgspec.Struct], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= settings_of(field.type, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = field.default
    return found


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (?:`([^`]*)`|\(none\)) \|", REFERENCE.read_text(), re.MULTILINE)
    documented = {name: default for name, default in rows if not name.endswith((".key", ".json", ".sqlite"))}
    expected = {
        name: "" if default in (msgspec.NODEFAULT, None) else tomli_w.dumps({"v": default})[4:].strip()
        for name, default in settings_of(Configuration).items()
    }
    assert documented == expected


def test_the_first_configuration_is_read_back(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    card = make_card(NodeKey.generate(), "north", ("http://127.0.0.1:8440",), datetime.now(UTC))
    path = tmp_path / "detente.toml"
    path.write_bytes(configuration_skeleton(card))
    assert read_configuration(path) == Configuration("north")
    for address, host in (("https://node.example.org:8440", "0.0.0.0"), ("https://[2001:db8::1]:8440", "::")):
        card = make_card(NodeKey.generate(), "north", (address,), datetime.now(UTC))
        path.write_bytes(configuration_skeleton(card))
        assert read_configuration(path) == Configuration("north", link=LinkSettings(host=host))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "party"),
        ('party = "a b"', "party"),
        ('party = "n"\ncolour = 1', "colour"),
        ('party = "n"\n[http]\nport = 70000', "http.port"),
        ('party = "n"\n[http]\nport = "80"', "http.port"),
        ('party = "n"\n[http]\nlargest_body_mb = 0', "http.largest_body_mb"),
        ('party = "n"\n[link]\nlongest_wait_s = nan', "link.longest_wait_s"),
        ('party = "n"\n[settlement]\nautomatic = "yes"', "settlement.automatic"),
        ('party = "n"\n[settlement]\nmost_proposals = 0', "settlement.most_proposals"),
        ('party = "n"\n[log]\nlevel = "loud"', "log.level"),
        ("party = [", "detente.toml"),
        ("party = '\x00'", "detente.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "detente.toml"
    path.write_text(text)
    with pytest.raises(Refusal) as caught:
        read_configuration(path)
    assert str(path) in caught.value.field
    assert caught.value.field.endswith(field)


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(Refusal, match="can be read"):
            read_configuration(path)
    big = tmp_path / "big.toml"
    big.write_bytes(b"#" * 1_000_001)
    with pytest.raises(Refusal, match="megabyte"):
        read_configuration(big)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'party = "\xe9"')
    with pytest.raises(Refusal, match="TOML"):
        read_configuration(latin)
