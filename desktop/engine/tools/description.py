"""What the installed engine is, from a process of its own: version, backends, devices, architectures.

It loads what a server loads, in the same order, so it also tries the libraries of the user's folder that have no
verdict yet (:mod:`desktop.engine.further_backends`).
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from desktop.core.progress import Progress, Report
from desktop.engine.api import Hello
from desktop.engine.backend_records import Tried
from desktop.engine.backend_trial import TRIAL_SECONDS, try_library
from desktop.engine.backends import chosen_cpu, engine_package
from desktop.engine.device_report import ReportLog, reported
from desktop.engine.further_backends import FOLDER_VARIABLE, confirm, examine
from desktop.engine.helper_process import serve
from desktop.engine.remote import remote_servers


class Describe(msgspec.Struct, frozen=True):
    """Say what the engine is; a trial that comes first may take so long."""

    trial_seconds: float = TRIAL_SECONDS


def _describe(request: Describe, progress: Report) -> Hello:
    from desktop.engine.llama import add_rpc_devices, hello, start

    folder = os.environ.get(FOLDER_VARIABLE, "")

    def trial(file: Path) -> Tried:
        progress(Progress(note=file.name))  # whoever waits waits for each
        return try_library(file, seconds=request.trial_seconds, progress=progress)

    left_out = examine(folder, engine_package(), trial)
    log = ReportLog()
    callback = start(log)
    remote, silent = remote_servers()
    add_rpc_devices(remote)
    left_out += [f"The RPC server at {endpoint} does not answer: its devices are left out." for endpoint in silent]
    found = hello()
    devices = reported(found.devices, log.said)
    found = msgspec.structs.replace(found, devices=devices, cpu_variant=chosen_cpu(log.tail), left_out=tuple(left_out))
    confirm(folder)
    _kept.append(callback)  # llama.cpp keeps only its address
    return found


_kept: list[object] = []


def main() -> None:
    """Answer until stdin closes."""
    serve(Describe, _describe)


if __name__ == "__main__":
    main()
