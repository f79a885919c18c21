"""Models that know their answers, in the place of the processes that a comparison loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from support.gate import Gate
from support.planning import GB, planning_on

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.next_token import NextToken
from desktop.engine.api import Event, Finished, Generate, Load, Loaded, Memory, Statistics, Text
from desktop.engine.server.asked import Written
from desktop.services.chat.sampling import SamplingService
from desktop.services.lab.comparing import ComparingService
from desktop.services.models.answer_settings import AnswerSettingsService
from desktop.services.models.library import LibraryService
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths
from desktop.store.votes import VoteStore

NEXT = (NextToken(" salt", 0.7), NextToken(" blue", 0.2), NextToken(" old", 0.05))


class ScriptedModel:
    """Says its ``words``, a token each. ``gate`` holds it behind the first."""

    def __init__(self, load: Load, words: tuple[str, ...], gate: Gate, ended: Callable[[], None]) -> None:
        self._words, self._gate, self._ended = words, gate, ended
        self._stopped = False
        self.loaded = Loaded(load.path, "", 512, 512, 2, 0, load.threads, "none", Memory(1, 1, 0, 1, 1, 9), 0.1)

    def answer(self, request: Generate, tell: Callable[[Event], None]) -> Written:
        for number, word in enumerate(self._words):
            tell(Text(0, word, number + 1, number + 1, 12.5))
            if number == 0 and not self._gate.go_on.is_set():
                self._gate.held.set()
                while not self._gate.go_on.wait(0.01):
                    tell(Text(0, "", 1, 1, 12.5))
                    if self._stopped:
                        raise CancelledError
        figures = Statistics(4, 0, len(self._words), 9, 512, 0.1, 50.0, 12.5, 9)
        tell(Finished(0, "stop", figures))
        return Written(f"<user>{request.messages[-1].content}", self._words)

    def next_tokens(self, written: Written, pieces: int) -> tuple[NextToken, ...]:
        assert written.pieces == self._words and pieces <= len(self._words)
        return NEXT

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        self._ended()


class Computer:
    """What was loaded when, on a computer with ``free`` bytes beside the chat's model and ``chat`` more without it."""

    def __init__(self, gate: Gate, words: Mapping[str, tuple[str, ...]]) -> None:
        self.gate, self._words = gate, words
        self.free, self.chat = 8 * GB, 0
        self.now, self.most = 0, 0
        self.loads: list[Load] = []
        self.rested = 0

    def start(self, load: Load, cancelled: Cancelled, told: Callable[[float], None]) -> ScriptedModel:
        told(0.5)
        self.loads.append(load)
        self.now += 1
        self.most = max(self.most, self.now)
        alive = [True]

        def ended() -> None:
            if alive.pop() if alive else False:
                self.now -= 1

        return ScriptedModel(load, self._words[Path(load.path).stem], self.gate, ended)

    def rest(self, cancelled: Cancelled) -> None:
        self.rested += 1
        self.free += self.chat

    def comparing(self, paths: Paths, library: LibraryService) -> ComparingService:
        """The service on this computer."""
        planning = planning_on(paths)
        answers = AnswerSettingsService(LoadSettingsStore(paths.load_settings), lambda _path: "")
        free, whole = (lambda _plan: {"": self.free}), (lambda _plan: {"": self.free + self.chat})
        return ComparingService(
            library, lambda: planning, SamplingService(lambda _path: {}), answers, self.start, free, whole, self.rest,
            VoteStore(paths.votes),
        )  # fmt: skip
