"""What speculation gives a loaded model, measured answer by answer, and whether to go on with it.

What an answer was written with is held against what the model writes without. That is known from steps of the same
answer in which nothing was guessed (n-gram), or from earlier runs of this computer (``Load.plain_seconds``), or, where
there are none, from one answer that is written without for it. A server is told at its start how to guess, and not
again (server-schema.cpp, "speculative.*" is compiled out), so a change is a new server between two answers.
"""

from __future__ import annotations

from desktop.core.speculation import PlainSpeed, gain
from desktop.engine.api import Load, Loaded, Statistics

ENOUGH_TOKENS = 96  # written with guesses, before anything is concluded from them
_ENOUGH_PLAIN = 32
_LOSS = -0.03  # what is lost less than this is noise
REFUSED_NOTE = "The engine could not use speculation with this model, so its answers are written without."


class Gain:
    """Of one load. Not thread-safe."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._plain = PlainSpeed(load.plain_seconds, load.plain_growth)
        self._tokens = 0
        self._seconds = self._plain_seconds = 0.0  # of answers with guesses: as they were, as they would have been
        self._waiting: list[Statistics] = []  # answers with guesses, while nothing is known to hold them against
        self._lost = False
        self._note = ""

    @property
    def plain(self) -> PlainSpeed:
        """What is known of the model's speed without speculation."""
        return self._plain

    def loaded(self, loaded: Loaded) -> None:
        """The engine began: it may not be able to do what it was asked for."""
        if loaded.speculation == "off" != self.load.speculation and not self._lost:
            self._lost, self._note = True, REFUSED_NOTE

    def wanted(self) -> bool:
        """Whether the next answer is to be written with speculation."""
        if self.load.speculation == "off" or self._lost:
            return False
        if not self._plain.seconds:  # an answer without shows what the others are worth
            return self.load.speculation == "ngram" or sum(s.generated_tokens for s in self._waiting) < ENOUGH_TOKENS
        return True

    def note(self) -> str:
        """What to tell the user, once; "" where there is nothing."""
        said, self._note = self._note, ""
        return said

    def add(self, statistics: Statistics) -> None:
        """An answer was written. One for which threads were given away says nothing."""
        if self.load.speculation == "off" or statistics.given_up_threads or statistics.tokens_per_second <= 0:
            return
        if not statistics.drafted_tokens:
            if statistics.generated_tokens >= _ENOUGH_PLAIN:
                rate, used = statistics.tokens_per_second, _middle(statistics)
                self._plain = PlainSpeed.measured(rate, used, self._plain.growth)
        else:
            self._waiting.append(statistics)
        if self._plain.seconds or self.load.speculation == "ngram":
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                self._judge(one)

    def _judge(self, statistics: Statistics) -> None:
        plain = statistics.plain_tokens_per_second or self._plain.rate(_middle(statistics))
        if plain <= 0:
            return
        self._tokens += statistics.generated_tokens
        self._seconds += statistics.generated_tokens / statistics.tokens_per_second
        self._plain_seconds += statistics.generated_tokens / plain
        if self._tokens < ENOUGH_TOKENS:
            return
        found = gain(self._tokens / self._seconds, self._tokens / self._plain_seconds)
        if found is not None and found < _LOSS:
            self._lost = True
            self._note = (
                f"Speculation was switched off until the model is loaded again: with it, answers came at "
                f"{self._tokens / self._seconds:.1f} tokens per second, without it at "
                f"{self._tokens / self._plain_seconds:.1f}."
            )


class PlainSteps:
    """Times the steps of an answer in which nothing was guessed."""

    def __init__(self) -> None:
        self._last: tuple[int, float, int] | None = None  # tokens, milliseconds, guesses so far
        self._steps = 0
        self._milliseconds = 0.0

    def add(self, tokens: int, milliseconds: float, drafted: int) -> None:
        """The timings of one token; all tokens of a step come with the same."""
        last, self._last = self._last, (tokens, milliseconds, drafted)
        if last is None or drafted != last[2] or tokens != last[0] + 1 or milliseconds <= last[1]:
            return
        self._steps += 1
        self._milliseconds += milliseconds - last[1]

    @property
    def rate(self) -> float:
        """Tokens per second; 0 where there were too few."""
        return self._steps * 1000.0 / self._milliseconds if self._steps >= _LEAST_STEPS else 0.0


_LEAST_STEPS = 12


def _middle(statistics: Statistics) -> int:
    """Tokens in the context while half of the answer was written."""
    return max(1, statistics.context_used - statistics.generated_tokens // 2)
