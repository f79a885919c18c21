"""How a process of Heft's own is started, and how its life is tied to its parent's."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from desktop.core.secrets import TOKEN_VARIABLES
from desktop.system.child import own_environment

PARENT_VARIABLE = "HEFT_PARENT_PID"
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


def child_environment() -> dict[str, str]:
    """This process's environment without the Hub's token, and its process id for :func:`die_with_parent`.

    The child reads strangers' files; it asks the Hub for nothing.
    """
    kept = {name: value for name, value in own_environment(os.environ).items() if name not in TOKEN_VARIABLES}
    # without the variable, an abort inside ggml starts a debugger to print a backtrace and takes seconds to die
    return {**kept, PARENT_VARIABLE: str(os.getpid()), "GGML_NO_BACKTRACE": "1"}


def private_directory(wanted: Path) -> Path:
    """Where a child works: ``wanted``, made if need be, or the root where nothing can be written.

    Never a folder in which others could plant a library.
    """
    try:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return Path(wanted.anchor or os.sep)
    return wanted


def start_thread(thread: threading.Thread) -> None:
    """Start it. Raises OSError where the system has no memory for one, as it does for a process."""
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.ENOMEM, str(error)) from error


def run_at_most(seconds: float, call: Callable[[], object], name: str) -> None:
    """Do it in a thread of its own and wait for it no longer than so; here, where the system has no memory for one."""
    thread = threading.Thread(target=call, name=name, daemon=True)
    try:
        start_thread(thread)
    except OSError:
        call()
    else:
        thread.join(seconds)


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends; call first thing in the child.

    Linux only; elsewhere the closed stdin pipe ends the child. The parent's id closes the race with a parent that
    ended before this call.
    """
    if sys.platform != "linux" or PARENT_VARIABLE not in os.environ:
        return
    parent_pid = int(os.environ[PARENT_VARIABLE])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)
