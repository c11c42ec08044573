"""Errors, grouped by what the caller must do next.

In trading there are three answers to a failed call, not two: nothing happened
(try again), something may have happened (ask first), a person must look (halt).
A working rule that says no is not an error but a Verdict.
"""

from __future__ import annotations


class BotError(Exception):
    """A fault with a code for programs and facts for people; never raised itself."""

    code = "BOT_ERROR"

    def __init__(self, message: str, *, code: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.code = code if code is not None else type(self).code
        self.facts = facts

    def __str__(self) -> str:
        told = super().__str__()
        facts = ", ".join(f"{name}={value}" for name, value in sorted(self.facts.items()))
        return f"{told} ({facts})" if facts else told


class RetryableError(BotError):
    """Nothing changed at the venue. The same call may work soon."""

    code = "RETRYABLE"


class UnknownOutcomeError(BotError):
    """The order may exist. Ask the venue before sending anything again."""

    code = "UNKNOWN_OUTCOME"


class FatalError(BotError):
    """A person must look. The level becomes HALTED; the process keeps running."""

    code = "FATAL"
