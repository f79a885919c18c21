"""The guards of the tests themselves (tests/conftest.py): they blame no test for what is ending."""

from __future__ import annotations

import threading


def test_a_thread_that_another_begins_may_still_end() -> None:
    pause = threading.Event()

    def begin() -> None:
        pause.wait(0.1)
        threading.Thread(target=pause.wait, args=(0.1,), name="begun by another").start()

    threading.Thread(target=begin).start()  # the guard finds it running, and the other one after it
