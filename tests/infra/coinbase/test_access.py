"""Keys and addresses: from where they may come, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from infra.exchange.coinbase.access import access_of
from infra.exchange.coinbase.keys import BadAccess, Keys, hidden, keys_of
from tests.builders.coinbase import terms

SECRET = "\n".join(["-----BEGIN EC PRIVATE" + " KEY-----", "MHcC" + "Q" * 60, "aBc/" + "D" * 40])


def refused(environment: dict[str, str], **changed: object) -> str:
    with pytest.raises(BadAccess) as caught:
        access_of(terms(**changed), environment)
    return str(caught.value)


def test_no_key_is_no_mistake() -> None:
    assert keys_of({}) is None
    assert keys_of({"COINBASE_API_KEY": "", "COINBASE_KEY_FILE": " "}) is None


def test_a_key_may_come_in_two_variables_with_its_line_ends_written_out() -> None:
    keys = keys_of({"COINBASE_API_KEY": "name", "COINBASE_API_SECRET": SECRET.replace("\n", "\\n")})

    assert keys == Keys("name", SECRET)


@pytest.mark.parametrize("member", ["name", "id"])
def test_a_key_may_come_in_the_file_that_coinbase_hands_out(tmp_path: Path, member: str) -> None:
    file = tmp_path / "cdp.json"
    file.write_text(json.dumps({member: "organizations/o/apiKeys/k", "privateKey": SECRET}))

    assert keys_of({"COINBASE_KEY_FILE": str(file)}) == Keys("organizations/o/apiKeys/k", SECRET)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"COINBASE_API_KEY": "name"}, "COINBASE_API_KEY is set and COINBASE_API_SECRET is not"),
        ({"COINBASE_API_SECRET": SECRET}, "COINBASE_API_SECRET is set and COINBASE_API_KEY is not"),
        (
            {"COINBASE_API_KEY": "n", "COINBASE_API_SECRET": SECRET, "COINBASE_KEY_FILE": "f"},
            "both set",
        ),
        ({"COINBASE_KEY_FILE": "nowhere.json"}, "nowhere.json cannot be read"),
    ],
)
def test_half_a_key_or_two_are_refused_without_showing_them(
    environment: dict[str, str], words: str
) -> None:
    with pytest.raises(BadAccess, match="COINBASE_") as caught:
        keys_of(environment)

    assert words in str(caught.value)
    assert "MHcC" not in str(caught.value)


@pytest.mark.parametrize("text", [SECRET, "[]", json.dumps({"privateKey": SECRET}), "\xff{"])
def test_a_file_that_is_no_key_file_is_refused_without_showing_it(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "cdp.json"
    file.write_text(text, encoding="latin-1")

    with pytest.raises(BadAccess) as caught:
        keys_of({"COINBASE_KEY_FILE": str(file)})

    assert str(file) in str(caught.value)
    assert "MHcC" not in str(caught.value)


def test_a_key_is_shown_by_nothing() -> None:
    assert repr(Keys("organizations/o/apiKeys/k", SECRET)) == "Keys()"


def test_every_spelling_of_a_key_is_cut_out_of_what_the_venue_sends() -> None:
    keys = Keys("organizations/0000/apiKeys/abcd-efgh-ijkl", SECRET)
    body = json.dumps({"echo": keys.secret, "name": keys.name, "kid": "abcd-efgh-ijkl"})
    slashed = body.replace("/", "\\/")

    for spelt in (body, slashed, SECRET):
        cut = hidden(spelt.encode(), tuple(keys.pieces()))
        for piece in ("MHcC", "aBc", "abcd-efgh-ijkl", "DDDD"):
            assert piece.encode() not in cut


# Where to go


def test_the_settings_say_where_and_the_environment_lies_over_them(tmp_path: Path) -> None:
    shipped = access_of(terms(), {})
    assert (shipped.host, shipped.ca_file, shipped.clock_speed) == (
        "api.coinbase.com",
        None,
        Decimal(1),
    )

    authority = tmp_path / "ca.pem"
    authority.write_text("")
    rehearsal = access_of(
        terms(),
        {
            "COINBASE_BASE_URL": "127.0.0.1:8443",
            "COINBASE_CA_FILE": str(authority),
            "COINBASE_CLOCK_SPEED": "60",
        },
    )
    assert (rehearsal.host, rehearsal.ca_file, rehearsal.clock_speed) == (
        "127.0.0.1:8443",
        str(authority),
        Decimal(60),
    )
    written = access_of(terms(base_url="localhost:1", ca_file=str(authority)), {})
    assert (written.host, written.ca_file) == ("localhost:1", str(authority))


def test_a_scheme_is_taken_off_because_the_sdk_puts_its_own() -> None:
    assert access_of(terms(base_url="https://api.coinbase.com/"), {}).host == "api.coinbase.com"


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "127.8.8.8", "[::1]:443"])
def test_time_may_run_faster_on_this_machine(host: str) -> None:
    assert access_of(terms(base_url=host, clock_speed=Decimal(60)), {}).is_loopback


@pytest.mark.parametrize(
    "host", ["api.coinbase.com", "10.0.0.1:443", "127.0.0.1.example.com", "localhost.example.com"]
)
def test_time_is_real_everywhere_else(host: str) -> None:
    assert "only a sandbox" in refused({}, base_url=host, clock_speed=Decimal(60))
    assert "COINBASE_CLOCK_SPEED" in refused({"COINBASE_CLOCK_SPEED": "2x"}, base_url=host)
    assert access_of(terms(base_url=host, clock_speed=Decimal(1)), {}).host == host


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"COINBASE_BASE_URL": "http://127.0.0.1:1"}, "COINBASE_BASE_URL"),
        ({"COINBASE_BASE_URL": "api.coinbase.com/api"}, "COINBASE_BASE_URL"),
        ({"COINBASE_BASE_URL": "user@host"}, "COINBASE_BASE_URL"),
        ({"COINBASE_CA_FILE": "nowhere.pem"}, "there is no file nowhere.pem"),
        ({"COINBASE_CLOCK_SPEED": "fast"}, "write it like 60x"),
        ({"COINBASE_CLOCK_SPEED": "0"}, "write it like 60x"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(environment: dict[str, str], words: str) -> None:
    assert words in refused(environment)
