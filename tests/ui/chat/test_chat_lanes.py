"""With a disk that is asleep and a Hub that does not answer, a chat goes on."""

from __future__ import annotations

from pathlib import Path

from support.chat_page import Desk
from support.stalling import stalled

from desktop.ui.shell.tasks import Tasks


def test_sending_and_stopping_wait_for_nothing(desk: Desk, tasks: Tasks) -> None:
    with stalled(tasks):
        desk.ask("Hello?")
        desk.engine.say("Hel")
        desk.qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Hel"))
        desk.click("composerSend")
        desk.qtbot.waitUntil(lambda: desk.engine.cancels > 0 and not desk.page._talk.busy)
        desk.answer("And now?", "Now it is written.")


def test_a_load_begins_and_is_cancelled(desk: Desk, tasks: Tasks, tmp_path: Path) -> None:
    with stalled(tasks):
        desk.page.open_model(tmp_path / "smol.gguf")
        desk.qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
        desk.click("cancelLoad")
        desk.qtbot.waitUntil(lambda: desk.engine.cancels == 1)
