"""requests without the library that guesses what encoding a text has.

It takes 3 MB for as long as the bot runs, and nothing here asks for a guess: bodies are
read as bytes. requests itself goes on without it, and says so in a warning.
"""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import cast

_GUESSES = "charset_normalizer"


def load_requests() -> None:
    """Load it so, unless somebody has loaded it already; to be called before the SDK comes."""
    if "requests" in sys.modules or _GUESSES in sys.modules:
        return
    sys.modules[_GUESSES] = cast(ModuleType, None)  # whoever imports it now is told it is absent
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import requests  # noqa: F401
    finally:
        del sys.modules[_GUESSES]
