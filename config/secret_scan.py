"""Keys of exchanges have no place in YAML, not even in a comment.

Looks at the raw lines, before anything is parsed, so that no later message can
repeat what was found. It names the line and never the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.complaints import Complaint, Place

_NAMED = re.compile(
    r"""[\w"'-]*(api[_-]?key|secret|passphrase|private[_-]?key|password|token|credential)[\w"'-]*"""
    r"""\s*[:=]\s*[^\s#]""",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"-----BEGIN|organizations/[^\s/]+/apiKeys/|[a-z]://[^/\s:@]+:[^/\s@]+@", re.IGNORECASE
)
_OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_ADVICE = (
    "looks like a secret; delete it here, withdraw the key at the exchange, and hand a new one "
    "over by COINBASE_KEY_FILE or COINBASE_API_KEY and COINBASE_API_SECRET; addresses of alerts "
    "by TRADER_ALERT_URLS"
)


def _opaque(line: str) -> bool:
    """A long run of letters and digits that no word of ours looks like."""
    for run in _OPAQUE.findall(line):
        kinds = (str.isdigit, str.isupper, str.islower)
        if _HEX.search(run) or all(any(kind(sign) for sign in run) for kind in kinds):
            return True
    return False


def looks_secret(line: str) -> bool:
    """Whether a line holds a key or a password, or a name that such a thing would have."""
    return bool(_MARKED.search(line) or _NAMED.search(line) or _opaque(line))


def secrets_in(text: str, file: str) -> Iterator[Complaint]:
    """A complaint for each line that holds what looks like a secret."""
    for number, line in enumerate(text.split("\n"), start=1):
        if looks_secret(line):
            yield Complaint(Place(file, number), "secret", f"the line {_ADVICE}")
