"""The real window asked again and again; prints memory after each answer as a line of JSON. Run by test_endurance."""

from __future__ import annotations

import json
import os
import sys

from support.led_window import LedWindow, run

TURNS = 10  # of one chat
TOKENS = 4  # of one answer


def main() -> None:
    """Arguments: the model file, how many answers."""
    if hasattr(os, "sched_setaffinity"):  # no other core to wait for: the engine's threads spin where others work too
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    led = LedWindow(sys.argv[1])
    for number in range(int(sys.argv[2])):
        if number % TURNS == 0:
            led.new_chat(TOKENS)
        answer = led.ask("And then?")
        sys.stdout.write(json.dumps([*led.resident(), len(answer)]) + "\n")
        sys.stdout.flush()
    led.close()


if __name__ == "__main__":
    run(main)
