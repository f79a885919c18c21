"""A model that is not on the card it was planned for: Chat says so, why, and the one thing to do."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from PySide6.QtWidgets import QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot
from support.chat_page import MEMORY, Desk
from support.plans import plain_plan

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.pools import gone_error
from desktop.engine.api import EngineDied, Loaded
from desktop.engine.device_records import DeviceHeld, DeviceRefusal
from desktop.services.engine.supervisor import EngineState

LOADED = Loaded("/m/smol.gguf", "llama 135M", 2048, 8192, 30, 0, 2, "model", MEMORY, 0.1)
CARD = DeviceHeld("CUDA0", "RTX 4070", weights_bytes=40_000_000)


def test_layers_that_stayed_on_the_processor_are_said(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/smol.gguf", 2048, gpu_layers=20, name="smol"))
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    said = "The model runs on the processor, though 20 of 31 layers were to be on a graphics card: "
    assert desk.label("noticeText") == said + "the engine finds no graphics card."
    assert desk.label("noticeHint").startswith("The page Machine says what became of it")
    desk.click("notice-load-again")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")


def test_a_card_without_room_is_named_with_what_it_was_asked_for(desk: Desk, qtbot: QtBot) -> None:
    plan = plain_plan("/m/smol.gguf", 2048, gpu_layers=20, name="smol")
    loaded = msgspec.structs.replace(
        LOADED, gpu_layers=8, devices=(DeviceHeld(""), CARD), refused=DeviceRefusal("CUDA0", 1_200_000_000, 20)
    )
    desk.engine.load(plan)
    desk.engine.tell(EngineState("ready", plan, 1.0, loaded, pid=1))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeText") == (
        "8 layers are on RTX 4070 instead of 20 of 31: it had no room for the 1.2 GB that were asked for at once."
    )
    assert desk.label("noticeHint") == "Close other programs that use its memory, then load the model again."


def test_a_load_that_is_where_it_was_planned_says_nothing(desk: Desk, qtbot: QtBot) -> None:
    plan = plain_plan("/m/smol.gguf", 2048, gpu_layers=20, name="smol")
    desk.engine.load(plan)
    there = msgspec.structs.replace(LOADED, gpu_layers=20, devices=(DeviceHeld(""), CARD))
    state = EngineState("ready", plan, 1.0, there, pid=1)
    desk.engine.tell(replace(state, loaded=msgspec.structs.replace(there, gpu_layers=8)))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    desk.engine.tell(state)
    qtbot.waitUntil(lambda: desk.page._strip.notice is None)


def test_a_card_that_vanished_since_the_last_start_is_said_where_nothing_was_set(desk: Desk, qtbot: QtBot) -> None:
    plan = replace(plain_plan("/m/smol.gguf", 2048, gpu_layers=0, name="smol"), gone=("RTX 4070",))
    desk.engine.load(plan)
    desk.engine.tell(EngineState("ready", plan, 1.0, LOADED, pid=1))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeText") == (
        "The model runs on the processor: RTX 4070, where it ran last, is not found by the engine now."
    )
    assert desk.label("noticeHint") == "The page Machine says what became of it."
    assert offered(desk) == ["Load again"]
    desk.answer("Hello", "Hi")  # the processor serves meanwhile
    assert desk.branch[-1] == ("assistant", "Hi")


def offered(desk: Desk) -> list[str]:
    return [b.text() for b in desk.page._strip.findChildren(QPushButton) if b.isVisibleTo(desk.page._strip)]


@pytest.mark.parametrize(
    ("kind", "message", "first"),
    [
        (FailureKind.DEVICE_LOST, "The graphics device failed.", "Load again"),
        (FailureKind.OUT_OF_MEMORY, "The graphics device has not enough free memory.", "Load with 1,024 tokens"),
    ],
    ids=["lost", "full"],
)
def test_a_card_that_fails_in_an_answer_leaves_the_text_and_the_processor_serves(
    desk: Desk, qtbot: QtBot, kind: FailureKind, message: str, first: str
) -> None:
    plan = plain_plan(desk.library.path, 2048, gpu_layers=20, name="smol")  # type: ignore[arg-type]
    desk.engine.load(plan)
    there = msgspec.structs.replace(LOADED, path=str(plan.path), gpu_layers=20, devices=(DeviceHeld(""), CARD))
    desk.engine.tell(EngineState("ready", plan, 1.0, there, pid=1))
    desk.ask("Compute")
    desk.engine.say("I am about to")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "I am about to")
    died = EngineDied(kind, message, "Load the model again.", "log", -6)
    answer, desk.engine._answer = desk.engine._answer, None
    desk.engine.tell(EngineState("died", plan, died=died))
    assert answer is not None
    answer(died)
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None and not desk.page._talk.busy)
    assert desk.label("noticeText") == f"{message} The chat is kept."
    assert desk.branch[-1] == ("assistant", "I am about to")
    assert offered(desk) == [first, "Load on the processor"]
    desk.click("notice-load-on-processor")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    again = desk.engine.last_plan
    assert again is not None and (again.gpu_layers, again.devices) == (0, "none")


@pytest.mark.parametrize(
    "error",
    [
        gone_error("Vulkan0", []),
        HeftError("20 layers would take 5.0 GB.", "Close Blender.", kind=FailureKind.DEVICE_FULL),
    ],
    ids=["gone", "full"],
)
def test_a_device_that_is_gone_or_full_is_said_before_anything_is_tried(
    desk: Desk, qtbot: QtBot, error: HeftError, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning = desk.page._models._planning()
    plans = type(planning).for_load

    def for_load(self: object, ref: ModelRef, asked: LoadSettings | None = None, **rest: object) -> LoadPlan:
        if asked is None or asked.devices != "none":
            raise error
        return plans(self, ref, asked)  # type: ignore[arg-type]

    monkeypatch.setattr(type(planning), "for_load", for_load)
    desk.write("Hello?")
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert (desk.label("noticeText"), desk.label("noticeHint")) == (error.message, error.hint)
    assert offered(desk) == ["Load on the processor"] and desk.engine.last_plan is None
    assert desk.page.findChild(QPlainTextEdit, "composerText").toPlainText() == "Hello?"
    desk.click("notice-load-on-processor")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: desk.page._strip.notice is None)
