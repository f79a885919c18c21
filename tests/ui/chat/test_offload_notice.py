"""A model that is not on the card it was planned for: Chat says so, why, and the one thing to do."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from pytestqt.qtbot import QtBot
from support.chat_page import MEMORY, Desk
from support.plans import plain_plan

from desktop.engine.api import Loaded
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
