"""The key of the account: from the environment or a key file, and never anywhere else.

A key is shown by nothing: not by repr, not in an error, not when the venue sends it
back to us. `hidden` is what every answer goes through before anybody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

NAME, SECRET, FILE = "COINBASE_API_KEY", "COINBASE_API_SECRET", "COINBASE_KEY_FILE"

_CUT = b"[secret]"
_SHORTEST = 12  # a shorter piece could be a word


class BadAccess(ValueError):
    """How we are told to reach the venue cannot be meant: a user's mistake, in one line."""


class _File(msgspec.Struct):
    name: str | None = None
    id: str | None = None
    privateKey: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """The name of a key and its secret, an EC or Ed25519 private key."""

    name: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def type(self) -> str:
        """By its armour: PEM holds an EC key, a bare line an Ed25519 one."""
        return "EC (ES256)" if "BEGIN EC" in self.secret else "Ed25519 (EdDSA)"

    def pieces(self) -> Iterator[bytes]:
        """Everything of the key that must not be seen, as it may be spelt."""
        lines = self.secret.replace("\\n", "\n").splitlines()
        for piece in (self.secret, *lines, self.name, self.name.rpartition("/")[2]):
            text = piece.strip()
            if len(text) >= _SHORTEST and not text.startswith("-----"):
                yield text.encode()
                yield text.replace("/", "\\/").encode()


def hidden(body: bytes, pieces: tuple[bytes, ...]) -> bytes:
    """The same with every piece cut out, longest first."""
    for piece in sorted(pieces, key=len, reverse=True):
        body = body.replace(piece, _CUT)
    return body


def keys_of(environment: Mapping[str, str]) -> Keys | None:
    """The key that the environment names, or None where it names none."""
    name, secret, file = (
        environment.get(variable, "").strip() for variable in (NAME, SECRET, FILE)
    )
    if file and (name or secret):
        raise BadAccess(f"{FILE} and {NAME} are both set; unset one of them")
    if file:
        return _from_file(Path(file))
    if bool(name) != bool(secret):
        missing, there = (SECRET, NAME) if name else (NAME, SECRET)
        raise BadAccess(f"{there} is set and {missing} is not; set both, or {FILE}")
    return Keys(name, secret.replace("\\n", "\n")) if name else None


def _from_file(path: Path) -> Keys:
    """Never repeats what stands in the file."""
    try:
        told = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise BadAccess(f"{FILE}: {path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadAccess(f"{FILE}: {path} is not the JSON file that Coinbase hands out") from None
    name = told.name or told.id
    if not name or not told.privateKey:
        raise BadAccess(f"{FILE}: {path} has no name or no privateKey; download the key again")
    return Keys(name, told.privateKey.replace("\\n", "\n"))
