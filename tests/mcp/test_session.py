"""A server of tools through a process of its own: what honest ones do, and what the others do."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import psutil
import pytest
from support.tool_server import INJECTION
from support.tool_sessions import MakeSession

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.mcp_config import ToolServer
from desktop.mcp.session import Session


def _tool_names(session: Session) -> list[str]:
    return [tool.name for tool in session.tools]


def test_a_server_says_what_it_is_and_answers(session: Session) -> None:
    assert session.opened is not None
    assert (session.opened.title, session.opened.version) == ("scripted", "1.0")
    assert "add" in _tool_names(session)
    found = session.call("add", {"a": 2, "b": 3})
    assert [part.text for part in found.parts] == ["5"]
    assert not found.is_error


def test_what_is_no_message_is_in_the_log(session: Session) -> None:
    assert any("Welcome to my server!" in line for line in session.log)


def test_a_tool_that_fails_says_so(session: Session) -> None:
    found = session.call("fail", {})
    assert found.is_error
    assert found.parts[0].text == "the disk said no"


def test_a_long_result_is_cut_and_its_size_told(session: Session) -> None:
    found = session.call("long", {})
    assert (len(found.parts[0].text), found.size) == (1_000_000, 3_000_000)


def test_pictures_and_files_are_what_they_are(session: Session) -> None:
    found = session.call("pictures", {})
    assert [part.kind for part in found.parts] == ["text", "picture", "resource", "link"]
    assert found.parts[1].mime == "image/png"
    assert found.parts[1].size == 70
    assert found.parts[2].text == "hi"


def test_an_answer_that_is_none_of_the_protocol(session: Session) -> None:
    with pytest.raises(HeftError) as raised:
        session.call("nonsense", {})
    assert raised.value.kind == FailureKind.BAD_ANSWER
    assert session.call("add", {"a": 1, "b": 1}).parts[0].text == "2"


def test_noise_on_stderr_is_bounded_and_counted(make_session: MakeSession) -> None:
    heard = threading.Event()
    session = make_session()
    session.open()
    session._changed = heard.set
    assert session.call("noisy", {}).parts[0].text == "quiet again"
    while not any("more lines in that second" in line for line in session.log):
        assert heard.wait(20)
        heard.clear()
    noise = [line for line in session.log if line.startswith("noise")]
    assert 0 < len(noise) <= 200


def test_a_list_that_changes_is_asked_for_again(make_session: MakeSession) -> None:
    heard = threading.Event()
    session = make_session()
    session.open()
    session._changed = heard.set
    assert "new_tool" not in _tool_names(session)
    session.call("change", {})
    assert heard.wait(20)
    assert "new_tool" in _tool_names(session)


def test_a_stop_counts_at_once_and_a_server_that_hangs_is_ended(make_session: MakeSession) -> None:
    session = make_session()
    session.open()
    assert session.pid is not None
    (server,) = psutil.Process(session.pid).children()
    began = time.monotonic()
    with pytest.raises(CancelledError):
        session.call("hang", {}, cancelled=lambda: True)
    assert time.monotonic() - began < 30
    with pytest.raises(HeftError) as raised:
        session.call("add", {"a": 1, "b": 1}, seconds=30)
    assert "did not answer any more" in raised.value.message
    server.wait(30)


def test_a_call_has_a_time_limit(make_session: MakeSession) -> None:
    session = make_session()
    session.open()
    with pytest.raises(HeftError) as raised:
        session.call("hang", {}, seconds=0.5)
    assert raised.value.kind == FailureKind.TOO_SLOW


def test_a_crash_in_a_call_is_told_with_the_log(make_session: MakeSession) -> None:
    session = make_session()
    session.open()
    with pytest.raises(HeftError) as raised:
        session.call("crash", {})
    assert "ended by itself with code 3" in raised.value.message
    assert "segmentation fault, sort of" in raised.value.detail
    with pytest.raises(HeftError):
        session.call("add", {})


def test_a_message_without_an_end_ends_the_server(make_session: MakeSession) -> None:
    session = make_session()
    session.open()
    with pytest.raises(HeftError) as raised:
        session.call("flood", {})
    assert "without an end" in raised.value.message


def test_a_crash_at_the_start_says_what_the_server_said(make_session: MakeSession) -> None:
    with pytest.raises(HeftError) as raised:
        make_session("crash-at-start").open()
    assert "ended by itself with code 1" in raised.value.message
    assert "no licence key" in raised.value.detail
    assert raised.value.settings_page == "tools"


def test_a_server_that_says_nothing_is_not_waited_for(make_session: MakeSession) -> None:
    session = make_session("hang-at-start")
    with pytest.raises(HeftError) as raised:
        session.open(seconds=3)
    assert "said nothing within 3 seconds" in raised.value.message


def test_a_program_that_is_not_there(make_session: MakeSession) -> None:
    with pytest.raises(HeftError) as raised:
        make_session(server=ToolServer("files", command="no-such-program-of-tools")).open()
    assert raised.value.message == "files: The program no-such-program-of-tools is not on this computer."
    assert raised.value.hint == "Install it, or give its whole path."


def test_an_address_that_nobody_answers_at(make_session: MakeSession) -> None:
    with pytest.raises(HeftError) as raised:
        make_session(server=ToolServer("far", "http", url="http://127.0.0.1:9/mcp")).open()
    assert "does not answer" in raised.value.message


def test_odd_tools_are_told_and_not_offered(make_session: MakeSession) -> None:
    session = make_session("odd")
    session.open()
    refused = {tool.name[:9]: tool.refused for tool in session.tools if tool.refused}
    assert set(refused) == {"huge", "deep", "add"}
    assert "characters" in refused["huge"]
    described = next(tool for tool in session.tools if tool.name.startswith("read"))
    assert described.description == INJECTION


def test_a_server_gets_its_variables_and_no_token_of_heft(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    monkeypatch.setenv("SOMETHING_ELSE", "private")
    session = make_session(env={"API_KEY": "k-1"})
    session.open()
    environment = json.loads(session.call("environment", {}).parts[0].text)
    assert environment["API_KEY"] == "k-1"
    assert "HF_TOKEN" not in environment
    assert "SOMETHING_ELSE" not in environment


def test_secrets_are_in_no_log(make_session: MakeSession, tmp_path: Path) -> None:
    leaky = tmp_path / "leaky.py"
    leaky.write_text("import os, sys\nprint('key is', os.environ['API_KEY'], file=sys.stderr)\nsys.exit(1)\n")
    import sys

    server = ToolServer("leaky", command=sys.executable, args=(str(leaky),), env={"API_KEY": "very-secret-key"})
    with pytest.raises(HeftError) as raised:
        make_session(server=server).open()
    assert "key is" in raised.value.detail
    assert "very-secret-key" not in raised.value.detail


def test_a_server_that_stays_is_ended_with_heft(make_session: MakeSession) -> None:
    session = make_session("stays")
    session.open()
    assert session.pid is not None
    (server,) = psutil.Process(session.pid).children()
    session.close()
    server.wait(30)
    assert not server.is_running()
