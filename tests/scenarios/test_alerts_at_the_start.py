"""Alerts as the command line brings them about: refused starts, a command, apprise, pings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from infra.clock import FastClock, MarketClock
from infra.heartbeat import Heartbeat
from infra.instance_lock import InstanceLock
from runner import flatten, kill, main_loop, preflight, resume
from runner.alerts.alert import AlertCode
from runner.alerts.outside import Outside
from runner.arrival import Door, arrive
from runner.exit_codes import ExitCode, Refusal
from runner.markets import RealVenue
from tests.builders.alerts import Ear, a_teller
from tests.builders.coinbase import a_scene_of, said
from tests.builders.listener import Address, Program, an_address
from tests.builders.market import NOON
from tests.builders.rehearsal import a_rehearsal
from tests.builders.shipped import a_config_folder, shipped_configuration
from tests.builders.terminal import Answer, asked, the_bot
from tests.builders.timer import HandTimer
from tests.infra.test_sd_notify import a_supervisor

SECRET = "planted-Token-0815"
NOBODY = "  command: none "


@contextmanager
def told_by(folder: Path, *edits: tuple[str, str, str]) -> Iterator[tuple[Program, Path]]:
    """A configuration of which a program is told."""
    program = Program(folder)
    told = ("app.yaml", NOBODY, f"  command: {program.command} ")
    yield program, a_config_folder(folder, told, *edits)


def the_paper_bot(folder: Path, config: Path, cycles: int = 2) -> Answer:
    return the_bot(folder, "--config", config, "--mode", "PAPER", cycles=cycles)


def state_file(folder: Path) -> Path:
    return folder / "var" / "paper" / "embedded" / "state.json"


def test_a_command_gets_a_halt_as_json_and_in_its_environment_and_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COINBASE_API_SECRET", SECRET)
    with told_by(tmp_path) as (program, config):
        kill.main(["--state-dir", str(tmp_path / "var"), "a drill"])
        assert the_paper_bot(tmp_path, config).code == 0
        resume.main(["--state-dir", str(tmp_path / "var"), "seen to"])
        assert the_paper_bot(tmp_path, config).code == 0
        began, over = program.told
    assert (began["code"], began["phase"], began["text"]) == (
        "HALTED",
        "began",
        "KILL_SWITCH: a drill",
    )
    assert began["title"] == "247trader PAPER on embedded: HALTED began"
    assert began["environment"]["TRADER_ALERT_CODE"] == "HALTED"
    assert (over["phase"], over["since"]) == ("over", began["since"])
    assert SECRET not in json.dumps(program.told)


def test_a_start_that_is_refused_is_told_once_however_often_cron_tries(tmp_path: Path) -> None:
    with told_by(tmp_path) as (program, config):
        the_paper_bot(tmp_path, config)
        whole = state_file(tmp_path).read_bytes()
        previous = state_file(tmp_path).with_name("state.prev.json")
        kept = previous.read_bytes()
        for file in (state_file(tmp_path), previous):
            file.write_bytes(b"{")
        for _ in range(3):
            assert the_paper_bot(tmp_path, config).code == ExitCode.DAMAGED
        (message,) = program.told
        assert (message["code"], "exit code 6" in message["text"]) == ("START_REFUSED", True)
        state_file(tmp_path).write_bytes(whole)
        previous.write_bytes(kept)
        assert the_paper_bot(tmp_path, config).code == 0
    assert program.phases == [("START_REFUSED", "began"), ("START_REFUSED", "over")]


def test_a_shut_gate_is_told(tmp_path: Path) -> None:
    with told_by(tmp_path) as (program, config):
        answer = asked(
            main_loop.main,
            *("--config", config, "--mode", "LIVE", "--exchange", "coinbase"),
            *("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs"),
        )
    assert answer.code == ExitCode.GATE
    assert program.phases == [("START_REFUSED", "began")]


def test_a_key_file_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINBASE_KEY_FILE", str(tmp_path / "gone.json"))
    with told_by(tmp_path) as (program, config):
        answer = asked(
            main_loop.main,
            *("--config", config, "--mode", "PAPER", "--exchange", "coinbase", "--once"),
            *("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs"),
        )
    assert answer.code == ExitCode.USAGE
    assert program.phases == [("START_REFUSED", "began")]


def test_flatten_is_not_kept_from_selling_by_what_tells_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert the_paper_bot(tmp_path, a_config_folder(tmp_path)).code == 0
    (tmp_path / "broken").mkdir()
    broken = a_config_folder(tmp_path / "broken", ("app.yaml", NOBODY, "  command: /no/such "))
    answer = asked(
        flatten.main,
        *("--config", broken, "--mode", "PAPER", "--exchange", "embedded", "enough"),
        *("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs"),
    )
    assert answer.code == 0, answer.err


def test_a_second_start_beside_a_bot_that_runs_is_nobody_s_news(tmp_path: Path) -> None:
    with told_by(tmp_path) as (program, config):
        the_paper_bot(tmp_path, config)
        lock = InstanceLock.take(tmp_path / "var", "PAPER", "the first")
        answer = the_paper_bot(tmp_path, config)
        lock.release()
    assert (answer.code, answer.out, answer.err) == (ExitCode.LOCKED, "", "")
    assert program.told == []


def test_a_key_that_is_refused_at_the_start_is_told_until_a_key_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program(tmp_path)
    with a_rehearsal(tmp_path) as rehearsal:
        config = rehearsal.config / "app.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace(NOBODY, f"  command: {program.command} "))
        key = dict(rehearsal.venue.key())
        stranger = tmp_path / "stranger.json"
        stranger.write_text(
            json.dumps({**key, "name": "organizations/x/apiKeys/none"}), encoding="utf-8"
        )
        for name, value in rehearsal.environment(COINBASE_KEY_FILE=str(stranger)).items():
            monkeypatch.setenv(name, value)
        arguments = rehearsal.arguments("--confirm-live", "--max-cycles", "1")
        assert asked(main_loop.main, *arguments).code == ExitCode.KEY_REFUSED
        assert program.phases == [("KEY_REFUSED", "began")]
        assert key["privateKey"].splitlines()[1] not in json.dumps(program.told)
        monkeypatch.setenv("COINBASE_KEY_FILE", rehearsal.environment()["COINBASE_KEY_FILE"])
        assert asked(main_loop.main, *arguments).code == ExitCode.FINISHED
    assert ("KEY_REFUSED", "over") in program.phases


def test_a_venue_that_does_not_answer_the_start_is_told_once_it_has_lasted(tmp_path: Path) -> None:
    ear, wall, timer = Ear(), MarketClock(NOON), HandTimer(at=0.0)
    ill = said({"error": "INTERNAL"}, 503)
    scene = a_scene_of(shipped_configuration().settings.exchange, {"GET /time": ill})
    beats = Heartbeat(
        path=tmp_path / "heartbeat.json",
        clock=wall,
        mode="LIVE",
        exchange="coinbase",
        run_id="run",
    )
    with a_supervisor() as heard:
        outside = Outside(supervisor=heard.supervisor, teller=a_teller(ear, tmp_path, wall))

        def gone() -> bool:
            outside.alive()
            wall.set(NOON + timedelta(seconds=timer.at))
            return timer.at > 400

        real = RealVenue(scene.exchange, FastClock(NOON, Decimal(1)), Decimal(1))
        with pytest.raises(Refusal) as ended:
            arrive(real, Door(beats, timer, timedelta(seconds=5), gone, outside.waiting))
        first, *others = heard.lines
    assert ended.value.code is ExitCode.FINISHED
    assert ear.told == [(AlertCode.VENUE_UNREACHABLE.name, "began")]
    assert first.startswith("READY=1\nSTATUS=waiting for the venue: ")
    assert "WATCHDOG=1" in others
    assert json.loads(beats.path.read_bytes())["state"] == "STOPPED"


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ((("app.yaml", NOBODY, "  command: /no/such/program "),), "there is no program"),
        ((("app.yaml", NOBODY, "  command: '\"' "),), "cannot be read"),
        ((("app.yaml", "  apprise: false ", "  apprise: true "),), "there is no address"),
        (
            (("app.yaml", NOBODY, "  command: 'curl https://me:secret@example.com' "),),
            "looks like a secret",
        ),
    ],
)
def test_what_could_never_tell_anybody_is_refused_at_the_start(
    tmp_path: Path, edits: tuple[tuple[str, str, str], ...], says: str
) -> None:
    answer = the_paper_bot(tmp_path, a_config_folder(tmp_path, *edits))
    assert answer.code == ExitCode.USAGE
    assert says in answer.told
    assert "me:secret" not in answer.told


def test_an_address_that_is_not_safe_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADER_PING_URL", f"http://example.com/{SECRET}")
    answer = the_paper_bot(tmp_path, a_config_folder(tmp_path))
    assert answer.code == ExitCode.USAGE
    assert SECRET not in answer.told


def test_a_watcher_is_pinged_after_a_good_cycle_and_not_after_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_config_folder(tmp_path)
    with an_address() as watcher:
        monkeypatch.setenv("TRADER_PING_URL", f"http://{watcher.url}/{SECRET}")
        assert the_paper_bot(tmp_path, config, cycles=1).code == 0
        assert [(how, path) for how, path, _ in watcher.requests] == [("GET", f"/{SECRET}")]
        monkeypatch.setattr("runner.main_loop.run_cycle", failing)
        assert the_paper_bot(tmp_path, config, cycles=1).code == 0
        assert len(watcher.requests) == 1
    assert_secret_nowhere(tmp_path)


def failing(*_: object) -> None:
    raise OSError(28, "no room")


def test_a_watcher_that_does_not_answer_fails_no_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADER_PING_URL", f"http://127.0.0.1:1/{SECRET}")
    assert the_paper_bot(tmp_path, a_config_folder(tmp_path)).code == 0
    log = (tmp_path / "logs" / "paper" / "bot.log").read_text(encoding="utf-8")
    assert "the watcher could not be pinged" in log
    assert_secret_nowhere(tmp_path)


def by_apprise(folder: Path) -> Path:
    debug = ("app.yaml", "  level: INFO", "  level: DEBUG")
    return a_config_folder(folder, ("app.yaml", "  apprise: false ", "  apprise: true "), debug)


def in_a_variable(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_ALERT_URLS", address)


def in_a_file(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "addresses"
    file.write_text(f"# mine\n{address}\n", encoding="utf-8")
    monkeypatch.setenv("TRADER_ALERT_URLS_FILE", str(file))


@pytest.mark.parametrize("handed", [in_a_variable, in_a_file])
def test_apprise_tells_the_addresses_and_none_of_them_is_logged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    handed: Callable[[Path, str, pytest.MonkeyPatch], None],
) -> None:
    with an_address() as phone:
        handed(tmp_path, f"json://{phone.url}/{SECRET}", monkeypatch)
        kill.main(["--state-dir", str(tmp_path / "var"), "a drill"])
        assert the_paper_bot(tmp_path, by_apprise(tmp_path)).code == 0
        assert titles(phone) == ["247trader PAPER on embedded: HALTED began"]
    (tmp_path / "addresses").unlink(missing_ok=True)
    assert_secret_nowhere(tmp_path)


def test_an_address_that_does_not_answer_is_tried_again_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = by_apprise(tmp_path)
    kill.main(["--state-dir", str(tmp_path / "var"), "a drill"])
    monkeypatch.setenv("TRADER_ALERT_URLS", f"json://127.0.0.1:1/{SECRET}")
    assert the_paper_bot(tmp_path, config).code == 0
    assert_secret_nowhere(tmp_path)
    with an_address() as phone:
        monkeypatch.setenv("TRADER_ALERT_URLS", f"json://{phone.url}/{SECRET}")
        assert the_paper_bot(tmp_path, config).code == 0
        assert len(titles(phone)) == 1


def titles(phone: Address) -> list[str]:
    return [json.loads(body)["title"] for _, _, body in phone.requests]


def assert_secret_nowhere(folder: Path) -> None:
    """Not in anything that was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [str(path) for path in files if SECRET.encode() in path.read_bytes()] == []


def test_preflight_sends_a_test_and_says_whether_it_was_taken(tmp_path: Path) -> None:
    with told_by(tmp_path) as (program, config):
        answer = asked(
            preflight.main, "--test-alert", "--json", "--config", config, "--state-dir", tmp_path
        )
        found = {finding["check"]: finding for finding in json.loads(answer.out)}
        assert (found["test alert"]["result"], found["alerts"]["result"]) == ("OK", "OK")
    assert program.phases == [("TEST", "began")]


def test_preflight_says_that_nobody_is_told(tmp_path: Path) -> None:
    answer = asked(preflight.main, "--test-alert", "--json", "--state-dir", tmp_path)
    found = {finding["check"]: finding for finding in json.loads(answer.out)}
    assert (found["test alert"]["result"], found["alerts"]["result"]) == ("FAIL", "WARN")
    assert answer.code == ExitCode.GATE
