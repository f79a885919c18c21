"""The trial of a further backend, in a process of its own: load it, list its devices, compute a known answer on each.

The answer is the processor's own, computed in the same process before the backend is loaded (see
:mod:`desktop.engine.known_answer`). A library of another llama.cpp is known by its interface's version, by symbols that
this engine has not, and by what it computes: no library says of which commit it is.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.loader_words import find_trouble
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.engine.device_records import Device
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.engine.helper_process import Tool, serve

if TYPE_CHECKING:
    from desktop.engine.known_answer import Computed, Question
    from desktop.engine.log import EngineLog

TRIAL_SECONDS = 60.0  # for each question: a driver compiles its kernels at first (a software device: half a minute)
_SLOW_SECONDS = 10.0  # a device that took so long for the small models is not asked for the starter's answer as well
_ROOM_FACTOR, _ROOM_BYTES = 1.5, 256 << 20  # of the starter on a device: weights, cache, buffers; the driver's own
_HINT = tr("Take a library made with the same llama.cpp as this engine.")
_DRIVER = tr("Update the graphics driver, or take another build of the backend; then try it again.")
# ggml/src/ggml-backend-reg.cpp, load_backend
_VERSIONS = re.compile(r"incompatible API version \(backend: (\d+), current: (\d+)\)")
_NO_ENTRY, _NOT_HERE = "failed to find ggml_backend_init", "is not supported on this system"
_NOT_STARTED = "ggml_backend_init returned NULL"
_CANNOT = tr("this engine cannot load it")
_NO_DRIVER = tr("Install or update the graphics driver, then try it again.")
# libraries beside the engine's, by how their names begin: what the lack of one means, and what to do
_BESIDE = (
    (
        "libcuda.so",
        tr("NVIDIA's driver is not installed here"),
        tr("Install NVIDIA's driver, then try the backend again."),
    ),
    (
        "libcud",
        tr("CUDA's own libraries are not here (any more)"),
        tr("Build the backend again: heft backends build cuda"),
    ),
    (
        "libcublas",
        tr("CUDA's own libraries are not here (any more)"),
        tr("Build the backend again: heft backends build cuda"),
    ),
    (
        "libvulkan",
        tr("the Vulkan loader is not installed here"),
        tr("Install it (on Debian and Ubuntu: apt install libvulkan1)."),
    ),
)
_SYMBOL = re.compile(r"undefined symbol: _?(ggml|gguf)_")


class Try(msgspec.Struct, frozen=True):
    """Try the backend in ``library``; ``model`` is the starter's path, "" where there is none."""

    library: str
    model: str


def try_library(
    file: Path,
    *,
    seconds: float = TRIAL_SECONDS,
    folder: Path | None = None,
    log: Path | None = None,
    cancelled: Cancelled = never,
    progress: Report = unheard,
) -> Tried:
    """What the backend in ``file`` is, once it has proven itself; called before any engine loads it.

    The trial works in ``folder`` (this process's own without one), and what is said there goes to ``log``. Raises
    HeftError when it is not to be used, CancelledError. It may take ``seconds`` for each question on each device.
    """
    written = log or Path("backend_trial.log").absolute()
    tool: Tool[Tried] = Tool("desktop.engine.backend_trial", Tried, folder, log_path=written)
    request = Try(str(file.absolute()), os.environ.get(TRIAL_MODEL_VARIABLE, ""))
    try:
        return tool.call(request, deadline_seconds=seconds, renewed=True, cancelled=cancelled, progress=progress)
    except CancelledError:
        raise
    except HeftError as error:
        if error.kind == FailureKind.REFUSED_BACKEND:
            raise
        if error.kind == FailureKind.TOO_SLOW:
            words = tr("it did not answer within {seconds:.0f} s.", seconds=seconds)
        elif isinstance(error, EngineError):
            words = tr("it crashes the engine.")
        else:
            words = tr("its trial failed ({message})", message=error.message)
        raise HeftError(words, _DRIVER, detail=error.detail, kind=FailureKind.REFUSED_BACKEND) from error
    finally:
        tool.close()


def _answer(request: Try, report: Report) -> Tried:
    import llama_cpp.llama_cpp as lib

    from desktop.engine import known_answer, llama
    from desktop.engine.backends import load_backend
    from desktop.engine.log import EngineLog

    log = EngineLog()
    callback = llama.start(log)
    before = {device.backend for device in llama.devices()} | set(llama.hello().backends)
    with _passing_files() as place:
        asked = known_answer.questions(place, request.model)
        right = [known_answer.compute(question, "none", log) for question in asked]
        log.mark()
        if load_backend(lib._lib, Path(request.library)) is None:
            words, hint = _why_not(log.since_mark, Path(request.library))
            raise _refused(words, log.since_mark, hint)
        now = llama.hello()
        added = [name for name in now.backends if name not in before]
        if not added:
            raise _refused(tr("the engine has this backend already."), log.tail)
        devices = [device for device in now.devices if device.backend in added]
        if not devices:
            raise _refused(tr("it finds no device on this computer."), log.tail)
        tested = []
        for number, device in enumerate(devices):
            step = Progress(number, len(devices), "devices", note=device.description)
            tested.append(_tested(device, asked, right, log, partial(report, step)))
    del callback
    return Tried(added[0], tuple(tested))


@contextmanager
def _passing_files() -> Iterator[Callable[[str], Path]]:
    """Gives the path of a new file by name. Nothing stays of them: where the system has files that are memory, also
    where the backend ends this process.
    """
    if sys.platform != "linux":
        with tempfile.TemporaryDirectory(prefix="heft-trial-") as folder:
            yield lambda name: Path(folder, name)
        return
    with ExitStack() as open_files:

        def place(name: str) -> Path:
            number = os.memfd_create(name)
            open_files.callback(os.close, number)
            return Path(f"/proc/self/fd/{number}")

        yield place


def _tested(
    device: Device, asked: Sequence[Question], right: Sequence[Computed], log: EngineLog, next_step: Callable[[], None]
) -> ProvenDevice:
    """A device that computed each answer; ``next_step`` is told before each. Raises HeftError for one that did not."""
    from desktop.engine.known_answer import TOLERANCE, NotComputedError, compute, difference

    accelerates = device.kind == "accelerator"  # it has no layers: llama.cpp asks it for products of matrices
    where = "" if device.description in ("", device.name) else f" ({device.description})"
    named, worst, speed, processor = f"{device.name}{where}", 0.0, 0.0, 0.0
    begun = time.monotonic()
    for question, known in zip(asked, right, strict=True):
        slow = time.monotonic() - begun > _SLOW_SECONDS
        if question.timed and not accelerates and (slow or not _has_room(device, question.model)):
            continue
        next_step()
        try:
            found = compute(question, "none" if accelerates else device.name, log)
        except NotComputedError as error:
            raise _refused(f"{named} {error}.", log.tail) from error
        error_here = difference(known, found)
        if not error_here <= TOLERANCE:
            far = (
                tr("no numbers")
                if error_here == float("inf")
                else tr(
                    "an error of {error_here:.0%}, {tolerance:.0%} is right", error_here=error_here, tolerance=TOLERANCE
                )
            )
            raise _refused(tr("{named} computes a wrong answer ({far}).", named=named, far=far), log.tail, _DRIVER)
        worst = max(worst, error_here)
        if question.timed:
            speed, processor = found.tokens_per_second, known.tokens_per_second
    return ProvenDevice(device.name, device.description, device.device_id, device.kind, worst, speed, processor)


def _has_room(device: Device, model: Path) -> bool:
    """Whether the starter fits what is free there now: a card that is full says nothing of its backend."""
    return device.free_bytes >= model.stat().st_size * _ROOM_FACTOR + _ROOM_BYTES


def _why_not(log: str, file: Path) -> tuple[str, str]:
    """Why llama.cpp could not load it, a sentence, and what to do."""
    trouble = find_trouble(log)
    if found := _VERSIONS.search(log):
        versions = tr("its interface is version {found}, this engine's {found2}", found=found[1], found2=found[2])
        return tr("{cannot}: it was made for another llama.cpp ({versions}).", cannot=_CANNOT, versions=versions), _HINT
    if _SYMBOL.search(log):
        return tr(
            "{cannot}: it was made for another llama.cpp, whose functions this engine has not.", cannot=_CANNOT
        ), _HINT
    if _NO_ENTRY in log:
        return tr("{cannot}: it is no backend of llama.cpp.", cannot=_CANNOT), _HINT
    if _NOT_HERE in log:
        return tr("{cannot}: it is not for this computer.", cannot=_CANNOT), _HINT
    if _NOT_STARTED in log:
        return tr("{cannot}: it finds no driver here that works.", cannot=_CANNOT), _NO_DRIVER
    if trouble is not None and trouble.fault == "missing":
        for begins, what, hint in _BESIDE:
            if trouble.name.startswith(begins):
                return tr("{what}: {name} is missing.", what=what, name=trouble.name), hint
    if trouble is not None and trouble.name != file.name:  # a driver's library, say
        return trouble.reason("it"), tr(
            "Install what holds {name}, then try the backend again.", name=trouble.name or "it"
        )
    return f"{_CANNOT}.", _HINT


def _refused(words: str, detail: str, hint: str = _HINT) -> HeftError:
    return HeftError(words, hint, detail=detail, kind=FailureKind.REFUSED_BACKEND)


def _serve() -> None:
    os.environ.pop(FOLDER_VARIABLE, None)  # one library at a time
    serve(Try, _answer)


if __name__ == "__main__":
    _serve()
