"""The command ``heft``: parse, dispatch to one module per command, map errors to exit codes.

Exit codes: 0 success, 1 a reported failure, 2 bad usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from desktop import __version__
from desktop.cli.commands import COMMANDS, LOG_LEVEL
from desktop.cli.output import print_error
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.hub_address import is_on_hub
from desktop.system.logs import ACCEPTED, VARIABLE, LateHandler, levels_of, logged, stderr_handler

_log = logging.getLogger(__name__)
_NO_THREAD = "can't start new thread"  # how Python says that no memory is left for another one's stack
_OUT_OF_MEMORY = HeftError(  # made while there is memory
    "There is not enough memory left for Heft itself.",
    "Close other programs, or raise the limit that Heft was given.",
    kind=FailureKind.OUT_OF_MEMORY,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; without one (or with a model file only) open the window."""
    from desktop.services.engine.backend_places import offer_backends

    offer_backends()
    arguments, asked = _without_log_level(list(sys.argv[1:] if argv is None else argv))
    as_json = "--json" in arguments
    try:
        levels = levels_of(asked)
    except ValueError as error:
        words = f"'{error}' is neither a log level nor a category of the log."
        print_error(UsageError(words, f"{LOG_LEVEL} and {VARIABLE} take {ACCEPTED}."), as_json=as_json)
        return 2
    with logged(levels, [_log_file(), stderr_handler()] if asked else [_log_file()]):
        return _run(arguments, as_json)


def _run(arguments: list[str], as_json: bool) -> int:
    named = arguments[0] if arguments else None
    if named is None or (named not in COMMANDS and not named.startswith("-")):
        return _window(arguments)
    _take_any_text()
    from desktop.cli.parser import parser_of  # the window's start needs no argparse

    try:
        args = parser_of(named).parse_args(arguments)
        module = importlib.import_module(f"desktop.cli.{named}")
        _log.debug("heft %s: %s", __version__, named)
        with _captured_crashes(named):
            code: int = module.run(args)
        return code
    except UsageError as error:
        print_error(error, as_json=as_json)
        return 2
    except HeftError as error:
        _log.info("%s failed: %s", named, error.kind)
        print_error(error, as_json=as_json)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - a person gets words; the stack is in the log
        print_error(_in_words(named, error), as_json=as_json)
        return 1


def _in_words(named: str, error: Exception) -> HeftError:
    """What nothing in Heft foresaw: memory that ran out anywhere, or a mistake of Heft's own."""
    if isinstance(error, MemoryError) or str(error) == _NO_THREAD:
        return _OUT_OF_MEMORY
    _log.error("heft %s", named, exc_info=error)
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return HeftError(f"Heft made a mistake: {what}", "The log says where (heft.log); please report it.", detail=what)


def _without_log_level(arguments: list[str]) -> tuple[list[str], str]:
    """The arguments without ``--log-level``, wherever it stands, and what it or the environment asks for."""
    rest, asked = [], os.environ.get(VARIABLE, "")
    waiting = iter(arguments)
    for argument in waiting:
        name, given, value = argument.partition("=")
        if name == LOG_LEVEL:
            asked = value if given else next(waiting, "")
        else:
            rest.append(argument)
    return rest, asked


def _log_file() -> LateHandler:
    """heft.log, which begins with its first record."""

    def make() -> logging.Handler:
        from desktop.store.logfile import file_handler
        from desktop.store.paths import default_paths

        return file_handler(default_paths().logs)

    return LateHandler(make)


@contextmanager
def _captured_crashes(what: str) -> Iterator[None]:
    """Keep the stacks of a process that crashes inside the block for the next start of the window."""
    from desktop.store.paths import default_paths
    from desktop.system.crashes import CrashCapture

    capture = CrashCapture(default_paths().logs, what, f"Heft {__version__}, heft {what}")
    try:
        yield
    finally:
        capture.close()


def _take_any_text() -> None:
    """Neither a file name that is no Unicode nor a terminal of few characters ends a command with a traceback."""
    for stream, way in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=way)


def _is_openable(argument: str) -> bool:
    """Whether the window can begin with it: a GGUF file is loaded, all else is looked into."""
    return argument.lower().endswith(".gguf") or is_on_hub(argument) or Path(argument).exists()


def _window(arguments: list[str]) -> int:
    if arguments and not _is_openable(arguments[0]):
        print_error(
            UsageError(f"'{arguments[0]}' is neither a command nor a model file.", "See: heft --help"),
            as_json="--json" in arguments,
        )
        return 2
    gc.disable()  # a start allocates much and drops little; the window's own begins after its first paint
    code: int = importlib.import_module("desktop.start").main(arguments)
    return code
