"""Who may knock: API keys as Coinbase hands them out, and the certificate of the address.

Everything is made on first use and kept in the sandbox's folder, so that a client
configured once goes on working after a restart. The keys open nothing but this sandbox.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import trustme
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the holder of a key may do."""

    may_trade: bool
    may_transfer: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    name: str  # organizations/<uuid>/apiKeys/<uuid>
    public: EllipticCurvePublicKey
    permissions: Permissions


# The keys that are made, by file: the one to trade with, and two that a careful bot refuses.
KEY_FILE = "coinbase_key.json"
_KINDS: Mapping[str, Permissions] = {
    KEY_FILE: Permissions(may_trade=True, may_transfer=False),
    "coinbase_view_key.json": Permissions(may_trade=False, may_transfer=False),
    "coinbase_transfer_key.json": Permissions(may_trade=True, may_transfer=True),
}


def api_keys(folder: Path) -> Mapping[str, ApiKey]:
    """The keys of the sandbox by name; what is missing is made. Raises OSError."""
    organisation = uuid4()
    keys = [
        _read(folder / file, permissions)
        if (folder / file).exists()
        else _made(folder / file, f"organizations/{organisation}/apiKeys/{uuid4()}", permissions)
        for file, permissions in _KINDS.items()
    ]
    return {key.name: key for key in keys}


def _made(path: Path, name: str, permissions: Permissions) -> ApiKey:
    secret = generate_private_key(SECP256R1())
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    _write(path, json.dumps({"name": name, "privateKey": pem.decode()}).encode())
    return ApiKey(name, secret.public_key(), permissions)


def _read(path: Path, permissions: Permissions) -> ApiKey:
    told = json.loads(path.read_bytes())
    secret = load_pem_private_key(told["privateKey"].encode(), password=None)
    if not isinstance(secret, EllipticCurvePrivateKey):
        raise ValueError(f"{path}: not an EC key")
    return ApiKey(told["name"], secret.public_key(), permissions)


CA_FILE = "ca.pem"


def tls_context(folder: Path) -> ssl.SSLContext:
    """The server's side of TLS on loopback, signed by the sandbox's own authority."""
    authority = _authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "::1").configure_cert(context)
    return context


def _authority(folder: Path) -> trustme.CA:
    certificate, secret = folder / CA_FILE, folder / "ca_key.pem"
    if certificate.exists() and secret.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), secret.read_bytes())
    authority = trustme.CA(organization_name="247trader sandbox")
    _write(secret, authority.private_key_pem.bytes())
    _write(certificate, authority.cert_pem.bytes())
    return authority


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=_PRIVATE)
    path.write_bytes(content)
