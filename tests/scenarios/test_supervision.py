"""docs/supervision.md, tried: the unit file under a stand-in for systemd, the cron line under sh.

Real processes of the bot, real signals, a real notify socket.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

from runner.exit_codes import ExitCode
from tests.architecture.sources import ROOT
from tests.builders.listener import Program
from tests.builders.shipped import a_config_folder
from tests.builders.supervising import placed, service, supervised

PAGE = (ROOT / "docs" / "supervision.md").read_text(encoding="utf-8")
WATCHDOG = 4.0  # seconds


def a_config(folder: Path, program: Program) -> Path:
    return a_config_folder(
        folder, ("app.yaml", "  command: none ", f"  command: {program.command} ")
    )


def test_the_unit_starts_feeds_the_watchdog_survives_a_kill_and_a_hang_and_stops(
    tmp_path: Path,
) -> None:
    program = Program(tmp_path)
    config = a_config(tmp_path, program)
    with supervised(tmp_path, watchdog=WATCHDOG, config=config) as unit:
        unit.start()
        assert unit.hears("READY=1") == "READY=1\nSTATUS=started"
        assert unit.hears("STATUS=cycle 1") == "STATUS=cycle 1, NORMAL"
        for _ in range(3):  # the next cycle is a quarter of an hour away, and it is alive
            unit.hears("WATCHDOG=1")

        unit.signals(signal.SIGKILL)
        assert unit.starts_again(unit.ends())
        assert unit.hears("STATUS=cycle ").startswith("STATUS=cycle 2")

        unit.hears("WATCHDOG=1")
        unit.signals(signal.SIGSTOP)  # it hangs
        unit.waits_for_silence(WATCHDOG)
        unit.signals(signal.SIGKILL)
        assert unit.starts_again(unit.ends())
        unit.hears("STATUS=cycle 3")

        unit.signals(signal.SIGTERM)
        unit.hears("STOPPING=1")
        code = unit.ends()
        assert (code, unit.starts_again(code), unit.starts) == (0, False, 3)
    assert program.phases == [("CRASHED", "began"), ("CRASHED", "over")] * 2
    assert (tmp_path / "out").read_bytes() == b""


def test_a_cycle_that_hangs_says_where_when_it_is_ended(tmp_path: Path) -> None:
    config = a_config_folder(tmp_path)
    with supervised(tmp_path, watchdog=WATCHDOG, config=config) as unit:
        unit.start()
        unit.hears("STATUS=cycle 1")
        unit.signals(signal.SIGABRT)  # as systemd does when the watchdog starves
        assert unit.ends() == -signal.SIGABRT
    assert b"main_loop.py" in (tmp_path / "err").read_bytes()


def test_no_start_follows_an_end_that_a_start_cannot_mend(tmp_path: Path) -> None:
    named = {int(word) for word in service()["RestartPreventExitStatus"].split()}
    assert named == {
        ExitCode.USAGE,
        ExitCode.GATE,
        ExitCode.LOCKED,
        ExitCode.DAMAGED,
        ExitCode.KEY_REFUSED,
    }
    config = a_config_folder(tmp_path, ("app.yaml", "  bar: 15m ", "  bar: 15 "))
    with supervised(tmp_path, watchdog=WATCHDOG, config=config) as unit:
        unit.start()
        code = unit.ends()
        assert (code, unit.starts_again(code)) == (ExitCode.USAGE, False)


def cron_line() -> str:
    """The command of the page's first crontab line."""
    (line,) = re.findall(r"^\* \* \* \* \* (.+main_loop.+)$", PAGE, re.M)
    return str(line)


def test_a_second_start_by_cron_ends_without_a_word_while_one_runs(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("TRADER_ALERT_URLS=\n", encoding="utf-8")
    line = placed(cron_line(), tmp_path)
    line = line.replace("/etc/247trader/environment", str(tmp_path / "environment"))
    line = line.replace("cd /opt/247trader", f"cd {ROOT}")
    line = line.replace("exec .venv/bin/python", f"exec {service_python()}")
    line = line.replace("--exchange coinbase", "--exchange embedded")
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SHELL": "/bin/sh"}

    with supervised(tmp_path, watchdog=WATCHDOG, config=ROOT / "config") as unit:
        unit.words, unit.environment = ["sh", "-c", line], {**unit.environment, **bare}
        unit.start()
        unit.hears("STATUS=cycle 1")
        second = subprocess.run(["sh", "-c", line], env=bare, capture_output=True, check=False)
        assert (second.returncode, second.stdout, second.stderr) == (ExitCode.LOCKED, b"", b"")
        unit.signals(signal.SIGTERM)
        assert unit.ends() == 0
    assert (tmp_path / "err").read_bytes() == b""
    heartbeat = tmp_path / "var" / "paper" / "embedded" / "heartbeat.json"
    assert json.loads(heartbeat.read_bytes())["state"] == "STOPPED"


def service_python() -> str:
    return placed("/opt/247trader/.venv/bin/python", Path())


def test_the_watcher_of_the_page_hears_of_a_bot_that_is_silent_and_of_no_other(
    tmp_path: Path,
) -> None:
    (watch,) = re.findall(r"^\*/5 \* \* \* \* (jq .+?) /var/lib/\S+ >/dev/null", PAGE, re.M)
    file = tmp_path / "heartbeat.json"

    def is_content() -> bool:
        asked = ["sh", "-c", f"{watch} {file}"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def told(overdue_at: str | None) -> bool:
        file.write_text(json.dumps({"overdue_at": overdue_at}), encoding="utf-8")
        return is_content()

    assert told(None)
    assert told("2999-01-01T00:00:00.123456Z")
    assert not told("2020-01-01T00:00:00.123456Z")
    file.unlink()
    assert not is_content()
