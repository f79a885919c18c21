"""A system without memory for a thread, or a folder for a child, is told as the refusal that it is."""

import threading
from pathlib import Path

import pytest

from desktop.system import supervised
from desktop.system.child_log import ChildLog
from desktop.system.spawn import private_directory, start_thread
from desktop.system.supervised import SupervisedProcess


def refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_thread_that_cannot_be_started_is_refused_as_a_process_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="can't start new thread"):
        start_thread(threading.Thread())


def test_a_process_whose_log_cannot_be_kept_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_log(*_arguments: object) -> ChildLog:
        raise OSError("no memory for its log")

    monkeypatch.setattr(supervised, "ChildLog", no_log)
    with pytest.raises(OSError, match="no memory"):
        SupervisedProcess("support.tool_module", lambda _stdout: None, lambda _code, _tail: None)


def test_a_child_works_in_a_private_folder_or_in_the_root(tmp_path: Path) -> None:
    assert private_directory(tmp_path / "made").is_dir()
    (tmp_path / "file").touch()
    assert private_directory(tmp_path / "file" / "below") == Path(tmp_path.anchor)


def test_a_log_that_cannot_be_written_keeps_the_last_words_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = ChildLog(tmp_path / "file" / "child.log", "wb")
    log.sink.write(b"the last words")
    log.handed_over()
    assert log.tail() == "the last words"
