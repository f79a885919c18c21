"""What a person does in the window: ask and read, open a file, search the Hub, open other programs, quit."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from smoke_commands import QUESTION
from smoke_desk import Desk
from smoke_hub import PORT, REPO, served
from smoke_reading import READ_SHARE, share_read
from smoke_screen import SmokeError, poll

LOAD_SECONDS = 90.0
ANSWER_SECONDS = 180.0
ENOUGH_SECONDS = 20.0  # of an answer, before it is stopped
READ_SECONDS = 30.0
FORBIDDEN_VARIABLES = ("LD_LIBRARY_PATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH")
ENDED = ("complete", "context-full", "length", "stopped")
# What the pages say (desktop/ui)
LOADED = "ready"
ENGINE_DIED = "stopped working"
RECOMMENDED = "the only variant"
DOWNLOADED = "verified"


def wait_for_model(desk: Desk) -> float:
    """Until the window is there, and its foot says that a model is ready; seconds until the window was there."""
    begun = time.monotonic()
    desk.wait_for_window()
    seconds = time.monotonic() - begun
    desk.screen.wait_for(LOADED, LOAD_SECONDS, ENGINE_DIED)
    check_engine(desk)
    desk.screen.focus()
    return seconds


def check_engine(desk: Desk) -> None:
    """The model is held by one server, that of the package."""
    engines = desk.engines()
    if [engine.parts[-3:] for engine in engines] != [("llama_cpp", "lib", "llama-server")]:
        raise SmokeError(f"a model is loaded, and what holds it is {[str(engine) for engine in engines]}")


def ask(desk: Desk, picture: Path) -> str:
    """Type a question, and read the answer on the screen; what was kept of it. SmokeError when another one is shown."""
    already = len(desk.answers(*ENDED))
    desk.screen.type(QUESTION)
    poll(lambda: len(desk.answers("streaming", *ENDED)) > already, ANSWER_SECONDS, "an answer begins")
    with contextlib.suppress(SmokeError):
        poll(lambda: len(desk.answers(*ENDED)) > already, ENOUGH_SECONDS, "the answer ends by itself")
    if len(desk.answers(*ENDED)) == already:  # so small a model may talk without end
        desk.screen.key("Escape")
        poll(lambda: len(desk.answers(*ENDED)) > already, ANSWER_SECONDS, "the answer was stopped")
    answer = desk.answers(*ENDED)[-1].strip()
    share = 0.0
    deadline = time.monotonic() + READ_SECONDS
    while share < READ_SHARE and time.monotonic() < deadline:
        share = max(share, share_read(answer, desk.screen.text()))
    desk.screen.picture(picture)
    if share < READ_SHARE:
        raise SmokeError(f"of the answer {answer[:200]!r} only {share:.0%} of the words can be read on the screen")
    return answer


def check_association(desk: Desk, model: Path) -> tuple[str, str]:
    """Two model files in the home folder, known by their first bytes and by their name as Heft's."""
    files = desk.give(model, "a model"), desk.give(model, "Größe & Maß.gguf")
    for file in files:
        kind = desk.run(["gio", "info", "-a", "standard::content-type", file])
        if "application/x-gguf" not in kind:
            raise SmokeError(f"{file} is not known as a GGUF file: {kind}")
    if "heft.desktop" not in desk.run(["gio", "mime", "application/x-gguf"]).splitlines()[0]:
        raise SmokeError("Heft is not the program for GGUF files")
    return files


def hand_over(desk: Desk, file: str) -> None:
    """A double-click while Heft runs: the second start hands its file to the window that is there, and ends."""
    windows = desk.windows()
    desk.start(["gio", "open", file])
    poll(lambda: desk.last_model() == file, LOAD_SECONDS, f"the window loads {file}")
    poll(lambda: desk.windows() == windows, 20, "the second start ended")
    desk.screen.wait_for(LOADED, LOAD_SECONDS, ENGINE_DIED)
    check_engine(desk)
    desk.screen.focus()


@contextlib.contextmanager
def hub(desk: Desk, model: Path) -> Iterator[subprocess.Popen[str]]:
    """The Hub of smoke_hub.py in the box's network, for all that is started after it."""
    script = Path(__file__).with_name("smoke_hub.py")
    words = desk.box.beside([sys.executable, script, model])
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        if server.stdout.readline() != "ready\n":
            raise SmokeError("the local Hub did not start")
        desk.variables["HF_ENDPOINT"] = f"http://127.0.0.1:{PORT}"
        yield server


def requests(server: subprocess.Popen[str]) -> int:
    """How often the Hub was asked so far."""
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write("how many\n")
    server.stdin.flush()
    return int(server.stdout.readline())


def discover(desk: Desk, server: subprocess.Popen[str], model: Path, pictures: Path) -> None:
    """Search, weigh and download a model, of which the Hub hears nothing before."""
    if requests(server):
        raise SmokeError("the Hub was asked before the page Discover was opened")
    desk.screen.key("ctrl+1")
    desk.screen.key("ctrl+f")
    desk.screen.type("smollm2")
    desk.screen.wait_for(f"{REPO.split('/')[1]} {RECOMMENDED}")
    desk.screen.picture(pictures / "discover.png")
    desk.screen.key("ctrl+d")
    desk.screen.wait_for(DOWNLOADED)
    desk.screen.picture(pictures / "downloaded.png")
    kept = list((desk.home / ".cache/huggingface/hub").glob("models--*/blobs/*"))
    if [file.read_bytes() for file in kept] != [served(model)]:
        raise SmokeError(f"the download is not the file that the Hub serves: {kept}")


def look_around(desk: Desk, pictures: Path) -> None:
    """The page Machine, the settings, About with its licences, and the folder of the logs."""
    screen = desk.screen
    screen.key("ctrl+7")
    screen.wait_for("Processor Memory")
    screen.picture(pictures / "machine.png")
    screen.open_settings()
    screen.wait_for("Settings General Keyboard shortcuts")
    screen.picture(pictures / "settings.png")
    screen.click("About Heft")
    screen.wait_for("Made with Part Licence")
    screen.picture(pictures / "about.png")
    screen.close_dialog("About Heft")
    screen.click("Open the log folder")
    check_other_program(desk)
    screen.close_dialog("Settings")
    screen.focus()


def check_other_program(desk: Desk) -> None:
    """A program that Heft starts (here the one for folders) must not meet Heft's own libraries."""
    environment = poll(desk.other_program, 30, "the folder of the logs is opened")
    told = [line for line in environment.splitlines() if line.startswith(FORBIDDEN_VARIABLES)]
    if told:
        raise SmokeError(f"other programs are started with {told}")


def quit_program(desk: Desk) -> None:
    """Ctrl+Q: the window ends and its engine with it, and nothing unexpected was printed."""
    desk.screen.key("ctrl+q")
    poll(lambda: not desk.box.processes(), 30, "the program ended, and its engine with it")
    desk.check_output()
