"""The trial of a further backend, in a process of its own: load it, list its devices, decode a few tokens on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.loader_words import find_trouble
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.engine.helper_process import Tool, serve

TRIAL_SECONDS = 25.0
_ALL_LAYERS = 999
_HINT = "Take a library made with the same llama.cpp as this engine."


class Try(msgspec.Struct, frozen=True):
    """Try the backend in ``library``; decode with the model at ``model`` unless it is empty."""

    library: str
    model: str


class Tried(msgspec.Struct, frozen=True):
    """It works: what llama.cpp calls the backend, and its devices."""

    backend: str
    devices: tuple[str, ...]


def try_library(file: Path) -> str:
    """What llama.cpp calls the backend in ``file``; called by the engine before it loads any.

    Raises HeftError when it is not to be used.
    """
    tool: Tool[Tried] = Tool("desktop.engine.backend_trial", Tried, log_path=Path("backend_trial.log").absolute())
    request = Try(str(file), os.environ.get(TRIAL_MODEL_VARIABLE, ""))
    try:
        return tool.call(request, deadline_seconds=TRIAL_SECONDS).backend
    except HeftError as error:
        if error.kind == FailureKind.REFUSED_BACKEND:
            raise
        if error.kind == FailureKind.TOO_SLOW:
            words = f"it did not answer within {TRIAL_SECONDS:.0f} s."
        elif isinstance(error, EngineError):
            words = "it crashes the engine."
        else:
            words = f"its trial failed ({error.message})"
        raise HeftError(words, _HINT, detail=error.detail, kind=FailureKind.REFUSED_BACKEND) from error
    finally:
        tool.close()


def _answer(request: Try, _progress: object) -> Tried:
    import llama_cpp.llama_cpp as lib

    from desktop.engine import llama
    from desktop.engine.backends import load_backend
    from desktop.engine.log import EngineLog

    log = EngineLog()
    callback = llama.start(log)
    known = {device.backend for device in llama.devices()} | set(llama.hello().backends)
    log.mark()
    if load_backend(lib._lib, Path(request.library)) is None:
        trouble = find_trouble(log.since_mark)
        another = trouble is not None and trouble.name != Path(request.library).name  # a driver's library, say
        raise _refused(trouble.reason("it") if trouble and another else "this engine cannot load it.", log.tail)
    now = llama.hello()
    added = [name for name in now.backends if name not in known]
    if not added:
        raise _refused("the engine has this backend already.", log.tail)
    devices = tuple(device.name for device in now.devices if device.backend in added)
    if not devices:
        raise _refused("it finds no device on this computer.", log.tail)
    if request.model:
        _decode(lib, request.model, log)
    del callback
    return Tried(added[0], devices)


def _decode(lib: Any, model: str, log: Any) -> None:
    """Load with all layers on the devices there are, and compute one short batch."""
    params = lib.llama_model_default_params()
    params.n_gpu_layers = _ALL_LAYERS
    handle = lib.llama_model_load_from_file(os.fsencode(model), params)
    if not handle:
        raise _refused("the trial model cannot be loaded with it.", log.tail)
    settings = lib.llama_context_default_params()
    settings.n_ctx = settings.n_batch = 64
    context = lib.llama_init_from_model(handle, settings)
    if not context:
        raise _refused("no context can be made with it.", log.tail)
    tokens = (lib.llama_token * 4)(1, 2, 3, 4)
    if lib.llama_decode(context, lib.llama_batch_get_one(tokens, 4)) != 0:
        raise _refused("it fails to compute.", log.tail)
    lib.llama_synchronize(context)
    lib.llama_free(context)
    lib.llama_model_free(handle)


def _refused(words: str, detail: str) -> HeftError:
    return HeftError(words, _HINT, detail=detail, kind=FailureKind.REFUSED_BACKEND)


if __name__ == "__main__":
    os.environ.pop(FOLDER_VARIABLE, None)  # one library at a time
    serve(Try, _answer)
