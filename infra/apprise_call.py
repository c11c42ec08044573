"""One alert through apprise, in a process of its own: JSON on stdin, addresses from outside.

A process of its own, because apprise is large, may hang, and names addresses in its logs. The
addresses hold secrets, so they come from TRADER_ALERT_URLS, or from the file that
TRADER_ALERT_URLS_FILE names; nothing here prints them. Started by path, it needs none of ours.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_KINDS = {"began": "warning", "lasts": "failure", "over": "success"}
_NO_ADDRESS, _REFUSED, _FAILED = 3, 4, 5


def addresses(environment: Mapping[str, str]) -> list[str]:
    """One a word; in a file one a line, and lines that begin with # are for people."""
    told = environment.get("TRADER_ALERT_URLS", "").split()
    file = environment.get("TRADER_ALERT_URLS_FILE", "")
    lines = Path(file).read_text(encoding="utf-8").splitlines() if file else []
    return [*told, *(line.strip() for line in lines if line.strip() and line.strip()[0] != "#")]


def main() -> int:
    import apprise

    logging.disable(logging.CRITICAL)
    told = json.load(sys.stdin)
    urls = addresses(os.environ)
    if not urls:
        return _NO_ADDRESS
    outgoing = apprise.Apprise()
    if not all([outgoing.add(url) for url in urls]):
        return _REFUSED
    kind = apprise.NotifyType(_KINDS[told["phase"]])
    done = outgoing.notify(body=told["body"], title=told["title"], notify_type=kind)
    return 0 if done else _FAILED


if __name__ == "__main__":
    sys.exit(main())
