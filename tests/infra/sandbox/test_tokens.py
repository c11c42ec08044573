"""A token opens what it was signed for, for its holder, in its time, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from infra.sandbox.coinbase.keys import ApiKey, Permissions
from infra.sandbox.coinbase.tokens import BadToken, holder, stream_holder

NAME = "organizations/o/apiKeys/k"
ASKED = "GET /api/v3/brokerage/accounts"
HOSTS = frozenset({"api.coinbase.com", "127.0.0.1:8443"})
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
START = int(NOW.timestamp())


@cache
def secret(name: str) -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def keys() -> Mapping[str, ApiKey]:
    may = Permissions(may_trade=True, may_transfer=False)
    return {NAME: ApiKey(NAME, secret("ours").public_key(), may)}


def token(*, signer: str = "ours", kid: str = NAME, **claims: Any) -> str:
    told = {
        "sub": NAME,
        "iss": "cdp",
        "nbf": START,
        "exp": START + 120,
        "uri": "GET api.coinbase.com/api/v3/brokerage/accounts",
    } | claims
    kept = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(kept, secret(signer), algorithm="ES256", headers={"kid": kid})


def opened(text: str, *, asked: str = ASKED, at: datetime = NOW) -> str:
    return holder(f"Bearer {text}", asked, HOSTS, keys(), at).name


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"iss": "coinbase-cloud", "aud": ["retail_rest_api_proxy"], "iat": START},
        {"uri": "GET 127.0.0.1:8443/api/v3/brokerage/accounts"},
        {"uri": None, "uris": ["GET 127.0.0.1:8443/api/v3/brokerage/accounts"]},
    ],
    ids=["the SDK", "ccxt", "our own address", "a list of addresses"],
)
def test_the_tokens_of_real_clients_are_taken(claims: Mapping[str, Any]) -> None:
    assert opened(token(**claims)) == NAME


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (token(signer="another"), "InvalidSignatureError"),
        (token(kid="organizations/o/apiKeys/other"), "unknown kid"),
        (token(sub="organizations/o/apiKeys/other"), "sub is not kid"),
        (token(iss="coinbase"), "issuer"),
        (token(uri="POST api.coinbase.com/api/v3/brokerage/accounts"), "signed for"),
        (token(uri="GET example.org/api/v3/brokerage/accounts"), "signed for"),
        (token(uri="GET api.coinbase.com/api/v3/brokerage/orders"), "signed for"),
        (token(uri=None), "signed for"),
        (token(uri=None, uris="GET api.coinbase.com/api/v3/brokerage/accounts"), "signed for"),
        (token(exp=START + 121), "lives 121 s"),
        (token(exp=None), "nbf or exp is missing"),
        (token(nbf=None), "nbf or exp is missing"),
        (token(nbf=float("nan")), "nbf or exp is no time"),
        (token(nbf=START + 20, exp=START + 10), "lives -10 s"),
        ("no.token.atall", "DecodeError"),
        (jwt.encode({"sub": NAME}, "x" * 32, "HS256", {"kid": NAME}), "InvalidAlgorithmError"),
    ],
)
def test_any_other_token_opens_nothing_and_the_journal_hears_why(text: str, why: str) -> None:
    with pytest.raises(BadToken, match=why):
        opened(text)


@pytest.mark.parametrize(("late", "open_to_it"), [(119, True), (120, False)])
def test_a_token_ends(late: int, open_to_it: bool) -> None:
    at = NOW + timedelta(seconds=late)
    if open_to_it:
        assert opened(token(), at=at) == NAME
    else:
        with pytest.raises(BadToken, match="ended 0 s ago"):
            opened(token(), at=at)


@pytest.mark.parametrize(("early", "open_to_it"), [(30, True), (31, False)])
def test_a_token_of_a_clock_that_is_ahead_is_taken_within_bounds(
    early: int, open_to_it: bool
) -> None:
    at = NOW - timedelta(seconds=early)
    if open_to_it:
        assert opened(token(), at=at) == NAME
    else:
        with pytest.raises(BadToken, match="begins 31 s from now"):
            opened(token(), at=at)


@pytest.mark.parametrize("header", [None, "", "Basic abc", token()])
def test_without_a_bearer_there_is_no_holder(header: str | None) -> None:
    with pytest.raises(BadToken, match="no bearer token"):
        holder(header, ASKED, HOSTS, keys(), NOW)


def test_a_streams_token_names_no_path() -> None:
    assert stream_holder(token(uri=None), keys(), NOW).name == NAME
