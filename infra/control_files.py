"""KILL, RESUME and FLATTEN: the files by which an operator speaks to a bot that runs or sleeps.

The text is the reason, for the record. Other programs only write them; the bot
alone takes RESUME and FLATTEN away, after the cycle that obeyed them is on record. In doubt it
is a kill: what stands under the name KILL and cannot be read still stops the bot.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.state import Controls
from infra.crash_points import CrashPoint, reached
from infra.disk import replace_durably

_REASON_MAX = 400  # bytes; a reason is a sentence, not a file
_UNSAID = "no reason given"


@dataclass(slots=True)
class ControlFolder:
    """The control files of one state folder, and the signal that asked this process to end."""

    folder: Path
    stopping: str | None = None

    @property
    def _kill(self) -> Path:
        return self.folder / "KILL"

    @property
    def _resume(self) -> Path:
        return self.folder / "RESUME"

    @property
    def _flatten(self) -> Path:
        return self.folder / "FLATTEN"

    def read(self) -> Controls:
        """What stands there now. An unreadable KILL is a kill, any other one is none."""
        try:
            kill = _reason(self._kill)
        except OSError as error:
            kill = f"KILL is there and cannot be read: {error.strerror}"
        return Controls(
            kill=kill,
            resume=_reason_or_none(self._resume),
            flatten=_reason_or_none(self._flatten),
            stop=self.stopping,
        )

    def killed(self) -> bool:
        """One look at one name; cheap enough before every send. What cannot be told is a kill."""
        try:
            os.lstat(self._kill)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def flattening(self) -> bool:
        """Whether somebody asked for it and nobody has obeyed yet."""
        return self._flatten.exists()

    def write_flatten(self, why: str) -> None:
        """Durable when it returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _say(self._flatten, why)

    def write_kill(self, why: str) -> None:
        """Durable when it returns, so that a power cut does not end it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _say(self._kill, why)

    def write_resume(self, why: str) -> None:
        """KILL goes first: a bot that saw both would obey KILL and use RESUME up.

        Between the two it sees neither and stays at the level where it is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._kill.unlink(missing_ok=True)
        replace_durably(self._resume, _one_line(why).encode())

    def ask_to_stop(self, why: str) -> None:
        """By a signal, so it ends with this process."""
        self.stopping = why

    def consume_flatten(self) -> None:
        self._flatten.unlink(missing_ok=True)

    def consume_resume(self) -> None:
        self._resume.unlink(missing_ok=True)
        reached(CrashPoint.RESUME_TAKEN)


def _say(path: Path, why: str) -> None:
    """On a full disk there is still room for a name, and the name alone is obeyed."""
    try:
        replace_durably(path, _one_line(why).encode())
    except OSError:
        path.touch()


def _reason_or_none(path: Path) -> str | None:
    try:
        return _reason(path)
    except OSError:
        return None


def _reason(path: Path) -> str | None:
    """The text of a control file on one line; None where there is none."""
    try:
        # A pipe under the name must not hold the cycle up until somebody writes to it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        return _one_line(os.read(handle, _REASON_MAX).decode("utf-8", errors="replace"))
    finally:
        os.close(handle)


def _one_line(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split()) or _UNSAID
