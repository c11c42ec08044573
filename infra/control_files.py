"""KILL and RESUME: the files by which an operator speaks to a bot that runs or sleeps.

The text is the reason, for the record. Other programs only write them; the bot
alone takes RESUME away, after the cycle that obeyed it is on record.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.state import Controls
from infra.disk import replace_quickly

_REASON_MAX = 400  # characters; a reason is a sentence, not a file


@dataclass(frozen=True, slots=True)
class ControlFolder:
    """The control files of one state folder."""

    folder: Path

    @property
    def _kill(self) -> Path:
        return self.folder / "KILL"

    @property
    def _resume(self) -> Path:
        return self.folder / "RESUME"

    def read(self) -> Controls:
        return Controls(kill=_reason(self._kill), resume=_reason(self._resume))

    def killed(self) -> bool:
        """One look at one name; cheap enough before every send."""
        return self._kill.exists()

    def write_kill(self, why: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_quickly(self._kill, why.encode())

    def write_resume(self, why: str) -> None:
        """RESUME first, then KILL away: at no moment does the bot see neither by mistake."""
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_quickly(self._resume, why.encode())
        self._kill.unlink(missing_ok=True)

    def consume_resume(self) -> None:
        self._resume.unlink(missing_ok=True)


def _reason(path: Path) -> str | None:
    """The text of a control file on one line; a file that cannot be read still counts."""
    try:
        with path.open("rb") as file:
            text = file.read(_REASON_MAX).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path.name} is there and cannot be read: {error.strerror}"
    return " ".join(text.split()) or "no reason given"
