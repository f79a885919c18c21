"""The server switched on and off: its state, its door, its one owner, and what follows from the settings."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.serving import Serving, asked, served

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.model_kind import ModelKind
from desktop.services import single_instance
from desktop.services.serve import owner
from desktop.services.serve.addresses import allowed_hosts, shown_address
from desktop.services.serve.api import ModelState
from desktop.services.serve.service import Phase, ServeState
from desktop.store import options
from desktop.store.paths import Paths

CHAT, OTHER = ModelState(served("qwen3-8b")), ModelState(served("gpt-oss-20b"))


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other Heft of this computer is asked."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def serving(paths: Paths, runtime: None) -> Iterator[Serving]:
    made = Serving(paths, CHAT, OTHER)
    yield made
    made.service.close()


@contextmanager
def until(serving: Serving, phase: Phase) -> Iterator[None]:
    """What is done in the block brings the state to this phase."""
    there = threading.Event()

    def hear(state: ServeState) -> None:
        if state.phase == phase:
            there.set()

    stop = serving.service.subscribe(hear)
    yield
    assert there.wait(30), serving.service.state
    stop()


# -- on and off ----------------------------------------------------------------------------------


def test_nothing_listens_until_it_is_switched_on(serving: Serving) -> None:
    assert serving.service.state == ServeState("off", "http://127.0.0.1:8321")
    assert serving.doors == [] and owner.ask_owner(serving.paths.data, owner.STATUS) is None


def test_switched_on_it_listens_on_this_computer_alone_with_a_key(serving: Serving) -> None:
    phases: list[str] = []
    serving.service.subscribe(lambda state: phases.append(state.phase))
    state = serving.service.switch_on()
    assert (state.phase, state.address, state.network, state.error) == ("on", "http://127.0.0.1:8321", False, None)
    wishes = serving.door.wishes
    assert (wishes.host, wishes.port, wishes.network, wishes.web_page) == ("127.0.0.1", 8321, False, False)
    assert wishes.key == serving.key.get() and wishes.key.startswith("heft-")
    assert set(wishes.allowed_hosts) == {"localhost", "127.0.0.1", "::1"} and wishes.request_bytes == 32_000_000
    assert serving.door.open and phases == ["starting", "on"]
    assert serving.service.switch_on() is state and len(serving.doors) == 1, "it is on already"
    serving.service.switch_off()
    assert not serving.door.open and serving.service.state.phase == "off" and phases[-1] == "off"


def test_switched_off_only_the_models_of_clients_are_let_go(serving: Serving) -> None:
    serving.service.switch_on()
    serving.lender.turn("qwen3-8b", "ready")
    serving.lender.turn("gpt-oss-20b", "ready", in_chat=True)
    serving.service.switch_off()
    assert serving.lender.let_go == ["qwen3-8b"]


def test_a_port_of_its_own_holds_for_this_run_alone(serving: Serving) -> None:
    state = serving.service.switch_on(port=9000, network=True)
    assert serving.door.wishes.port == 9000 and serving.door.wishes.host == "0.0.0.0" and state.network
    assert state.address.endswith(":9000")
    serving.service.switch_off()
    assert serving.service.switch_on().address == "http://127.0.0.1:8321"


def test_a_taken_port_is_told_with_one_thing_to_do_and_tried_again_with_another(serving: Serving) -> None:
    serving.fault = OSError(errno.EADDRINUSE, "Address already in use")
    state = serving.service.switch_on()
    assert state.phase == "failed" and state.error is not None and not state.elsewhere
    assert state.error.kind == FailureKind.PORT_TAKEN and state.error.settings_page == "serve"
    assert "8321" in state.error.message and "another port" in state.error.hint
    assert owner.ask_owner(serving.paths.data, owner.STATUS) is None, "who does not serve owns nothing"
    serving.fault = None
    with until(serving, "on"):
        serving.settings.set(options.SERVE_PORT, 8400)
    assert serving.service.state.address == "http://127.0.0.1:8400"


def test_what_else_keeps_it_from_starting_is_told(serving: Serving) -> None:
    serving.fault = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    state = serving.service.switch_on()
    assert state.error is not None and "Cannot assign requested address" in state.error.message


# -- settings and key ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "wish", "wished"),
    [
        (options.SERVE_PORT, 8500, "port", 8500),
        (options.SERVE_WEB_PAGE, True, "web_page", True),
        (options.SERVE_REQUEST_MEGABYTES, 64, "request_bytes", 64_000_000),
        (options.SERVE_NETWORK, True, "host", "0.0.0.0"),
    ],
)
def test_a_setting_counts_at_once(
    serving: Serving, option: options.Option[object], value: object, wish: str, wished: object
) -> None:
    serving.service.switch_on()
    with until(serving, "on"):
        serving.settings.set(option, value)
    before, now = serving.doors
    assert not before.open and now.open and getattr(now.wishes, wish) == wished


def test_a_setting_that_cannot_be_leaves_the_server_as_it_was(serving: Serving) -> None:
    """Clients go on; the state says why, until a setting can be again."""
    serving.service.switch_on()
    serving.faults = {8500: OSError(errno.EADDRINUSE, "Address already in use")}
    with until(serving, "on"):
        serving.settings.set(options.SERVE_PORT, 8500)
    state = serving.service.state
    assert state.error is not None and "8500" in state.error.message and state.address == "http://127.0.0.1:8321"
    assert serving.door.open and serving.door.wishes.port == 8321
    with until(serving, "on"):
        serving.settings.set(options.SERVE_PORT, 8600)
    assert serving.service.state.error is None and serving.service.state.address == "http://127.0.0.1:8600"


def test_a_new_key_counts_also_where_a_setting_cannot_be(serving: Serving) -> None:
    serving.service.switch_on()
    serving.faults = {8500: OSError(errno.EADDRINUSE, "Address already in use")}
    with until(serving, "on"):
        serving.settings.set(options.SERVE_PORT, 8500)
    key = serving.service.new_key()
    assert serving.door.open and serving.door.wishes.key == key and serving.door.wishes.port == 8321


def test_other_settings_leave_the_door_alone(serving: Serving) -> None:
    serving.service.switch_on()
    serving.settings.set(options.SERVE_IDLE_MINUTES, "60")
    serving.settings.set(options.THEME, "dark")
    assert len(serving.doors) == 1 and serving.door.open


def test_open_to_the_network_it_takes_its_names_there_and_keeps_the_key(serving: Serving) -> None:
    serving.service.switch_on()
    with until(serving, "on"):
        serving.service.open_to_network(True)
    wishes = serving.door.wishes
    assert wishes.network and wishes.key == serving.key.get() and serving.service.state.network
    assert set(wishes.allowed_hosts) == set(allowed_hosts(network=True)) > set(allowed_hosts(network=False))
    with until(serving, "on"):
        serving.service.open_to_network(False)
    assert serving.door.wishes.host == "127.0.0.1" and not serving.service.state.network


def test_an_address_of_this_computer_is_always_one_that_can_be_copied() -> None:
    assert shown_address(1234, network=False) == "http://127.0.0.1:1234"
    assert shown_address(1234, network=True).startswith("http://") and shown_address(1234, network=True).endswith(
        ":1234"
    )


def test_a_new_key_is_asked_of_clients_at_once(serving: Serving) -> None:
    serving.service.switch_on()
    before = serving.door.wishes.key
    key = serving.service.new_key()
    assert key != before and serving.door.wishes.key == key and serving.door.open and not serving.doors[0].open


# -- one owner -----------------------------------------------------------------------------------


def test_while_one_process_serves_another_says_where(serving: Serving) -> None:
    serving.service.by = "command"
    serving.service.switch_on()
    other = Serving(serving.paths)
    state = other.service.switch_on()
    assert state.phase == "failed" and state.elsewhere and state.error is not None
    assert "http://127.0.0.1:8321" in state.error.message and "heft serve (process" in state.error.message
    assert "heft serve stop" in state.error.hint and other.doors == []
    serving.service.switch_off()
    assert other.service.switch_on().phase == "on"
    other.service.close()


def test_a_window_that_serves_is_named_so(serving: Serving) -> None:
    serving.service.switch_on()
    other = Serving(serving.paths)
    error = other.service.switch_on().error
    assert error is not None and error.message.startswith("Heft's window serves already")
    other.service.close()


def test_one_process_takes_over_from_another(serving: Serving) -> None:
    serving.service.switch_on()
    other = Serving(serving.paths)
    other.service.switch_on()
    assert other.service.take_over().phase == "on"
    assert serving.service.state.phase == "off" and not serving.door.open
    other.service.close()


def test_one_that_ends_in_this_moment_is_waited_for(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = single_instance.hold(serving.paths.data / "serve")
    assert ending is not None and ending.listener is not None
    ending.listener.close()
    Path(ending.address).unlink()
    monkeypatch.setattr(time, "sleep", lambda _seconds: ending.release())
    assert serving.service.switch_on().phase == "on"


def test_one_that_neither_answers_nor_ends_is_told(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = single_instance.hold(serving.paths.data / "serve")
    assert hangs is not None and hangs.listener is not None
    hangs.listener.close()
    Path(hangs.address).unlink()
    monkeypatch.setattr(owner, "HAND_OVER_SECONDS", 0.0)
    state = serving.service.switch_on()
    hangs.release()
    assert state.phase == "failed" and state.error is not None and state.error.kind == FailureKind.BUSY


def test_a_window_that_is_off_finds_out_that_another_process_serves(serving: Serving) -> None:
    serving.service.by = "command"
    other = Serving(serving.paths)
    other.service.look_elsewhere()
    assert other.service.state == ServeState("off", "http://127.0.0.1:8321")
    serving.service.switch_on()
    other.service.look_elsewhere()
    state = other.service.state
    assert state.phase == "off" and state.elsewhere and state.error is not None
    assert "http://127.0.0.1:8321" in state.error.message
    serving.service.switch_off()
    other.service.look_elsewhere()
    assert other.service.state.error is None and not other.service.state.elsewhere
    other.service.close()


def test_the_one_who_serves_is_asked_and_told_by_others(serving: Serving) -> None:
    serving.service.switch_on()
    serving.door.tell(asked(1, prompt_tokens=100, cached_tokens=98))
    told = owner.ask_owner(serving.paths.data, owner.STATUS)
    assert told is not None and told["address"] == "http://127.0.0.1:8321" and told["served_by"] == "window"
    assert [model["name"] for model in told["models"]] == ["qwen3-8b", "gpt-oss-20b"]
    assert told["requests"]["done"] == 1 and told["requests"]["latest"][0]["cached_tokens"] == 98
    before = serving.key.get()
    assert owner.ask_owner(serving.paths.data, owner.NEW_KEY) is not None
    assert serving.door.wishes.key == serving.key.get() != before
    assert owner.stop_owner(serving.paths.data)
    serving.service.wait_until_off()
    assert serving.service.state.phase == "off"
    assert not owner.stop_owner(serving.paths.data)


def test_who_waits_for_the_end_is_woken_by_a_stop(serving: Serving) -> None:
    serving.service.switch_on()
    waiting = threading.Thread(target=serving.service.wait_until_off)
    waiting.start()
    assert owner.stop_owner(serving.paths.data)
    waiting.join(30)
    assert not waiting.is_alive()


# -- models, requests, log -----------------------------------------------------------------------


def test_models_are_loaded_and_unloaded_as_a_request_would(serving: Serving) -> None:
    vectors = served("nomic-embed", ModelKind.EMBEDDING)
    scores = served("bge-reranker", ModelKind.RERANKER)
    serving.lender.all += [ModelState(vectors), ModelState(scores)]
    for model in (CHAT.model, vectors, scores):
        serving.service.load(model)
    assert serving.lender.asked == [("qwen3-8b", "text"), ("nomic-embed", "embedding"), ("bge-reranker", "rerank")]
    serving.service.unload(vectors)
    assert serving.lender.let_go == ["nomic-embed"]
    serving.lender.refusal = EngineError("It does not fit.", kind=FailureKind.OUT_OF_MEMORY)
    with pytest.raises(EngineError):
        serving.service.load(CHAT.model)


def test_changes_of_models_and_requests_are_told(serving: Serving) -> None:
    serving.service.switch_on()
    serving.service.models()
    heard: list[ServeState] = []
    serving.service.subscribe(heard.append)
    serving.lender.turn("qwen3-8b", "loading")
    serving.door.tell(asked(1, "waiting"))
    assert len(heard) == 2
    serving.service.close()
    assert heard[-1].phase == "off"
    told = len(heard)
    serving.lender.turn("qwen3-8b", "ready")
    assert len(heard) == told


def test_requests_outlast_the_door_that_they_came_through(serving: Serving) -> None:
    serving.service.switch_on()
    serving.door.tell(asked(1))
    serving.door.tell(asked(2))
    serving.service.new_key()
    serving.door.tell(asked(1, prompt_tokens=7))
    assert [(each.number, each.prompt_tokens) for each in serving.service.requests()] == [(1, 7), (2, 0), (1, 0)]


def test_the_log_says_what_happened_and_never_the_key(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "desktop.services.serve"):
        serving.service.switch_on()
        key = serving.service.new_key()
        serving.service.switch_off()
    lines = serving.service.log.lines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "serving on port 8321", "the key is another one", "serving on port 8321", "serving ended",
    ]  # fmt: skip
    assert key not in "".join(lines)


def test_closing_ends_it_and_hears_no_settings_any_more(paths: Paths, runtime: None) -> None:
    made = Serving(paths)
    made.service.switch_on()
    made.service.close()
    made.service.close()
    assert not made.door.open
    made.settings.set(options.SERVE_PORT, 8600)
    assert len(made.doors) == 1
