"""The figures of an answer, from what its chunks say, and of a request, which may have several answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.services.serve.door.chunks import Chunk
from desktop.services.serve.door.requests import Entry


@dataclass(slots=True)
class Figures:
    """Tokens of the prompt (``cached``: not read again) and of the answer (``reasoning``: of its thinking)."""

    prompt: int = 0
    cached: int = 0
    generated: int = 0
    reasoning: int = 0
    tokens_per_second: float = 0.0


class Tally:
    """Keeps a request's record while its answers come: their tokens in sum, the prompt once."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._answers: list[Figures] = []
        self._writes = False

    def answer(self) -> Figures:
        """Another answer's, to be counted up."""
        figures = Figures()
        self._answers.append(figures)
        return figures

    def tell(self, *, writes: bool, ended: bool) -> None:
        """Something came. ``writes``: words did; ``ended``: an answer has all its figures."""
        changes = {
            "prompt_tokens": max(each.prompt for each in self._answers),
            "cached_tokens": max(each.cached for each in self._answers),
            "generated_tokens": sum(each.generated for each in self._answers),
            "tokens_per_second": sum(each.tokens_per_second for each in self._answers),
        }
        if writes and not self._writes:
            self._writes = True
            self._entry.update(**changes, state="answering", seconds_to_first_token=self._entry.seconds)
        elif ended:
            self._entry.update(**changes)
        else:
            self._entry.progress(**changes)


class Meter:
    """Counts one answer."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.figures = tally.answer()
        self._finish = self._stop_word = ""

    def take(self, chunk: Chunk) -> None:
        """Count it, and hold back how the answer ended until all its figures are there."""
        self._finish = chunk.finish or self._finish
        self._stop_word = chunk.stop_word or self._stop_word
        chunk.finish, chunk.stop_word = (self._finish, self._stop_word) if chunk.last else ("", "")
        figures = self.figures
        figures.prompt = chunk.prompt_tokens or figures.prompt
        figures.cached = max(chunk.cached_tokens, figures.cached)
        figures.generated = max(chunk.generated_tokens, figures.generated)
        if chunk.reasoning and not chunk.text:
            figures.reasoning = figures.generated
        figures.tokens_per_second = chunk.tokens_per_second or figures.tokens_per_second

    def tell(self, chunks: Sequence[Chunk]) -> None:
        """Note what came in one go."""
        self._tally.tell(writes=any(chunk.says for chunk in chunks), ended=any(chunk.last for chunk in chunks))
