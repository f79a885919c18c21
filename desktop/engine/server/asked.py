"""A model in a server of its own that answers here, beside the chat's: and tells what it held for likely."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.next_token import NextToken
from desktop.core.words import tr
from desktop.engine.api import Event, Generate
from desktop.engine.endpoint.http import ConnectionLostError, EndpointError
from desktop.engine.server.answer import Answer
from desktop.engine.server.core_share import CoreShare
from desktop.engine.server.lent import LentServer
from desktop.engine.server.questions_asked import COMPLETION

_ASK_SECONDS = 120.0  # for one token after a prompt that was read already
MOST_TOKENS = 1000  # of the vocabulary that are told of, the likeliest first


@dataclass(frozen=True)
class Written:
    """An answer as its tokens came, tags of reasoning included. ``prompt`` is the text it followed, "" where the server
    keeps it to itself; ``tokens`` are the first pieces' ids, as far as each is one token."""

    prompt: str
    pieces: tuple[str, ...]
    tokens: tuple[int, ...] = ()


class AskedServer(LentServer):
    """One question after the other, each waited for; :meth:`stop` is called from any thread."""

    asks = True
    _answer: Answer | None = None
    _stopped = False

    def answer(self, request: Generate, tell: Callable[[Event], None]) -> Written:
        """Answer; ``tell`` hears all up to Finished. Raises EngineError, CancelledError."""
        held = self._it
        question = held.questions.question(request)
        if question.path == COMPLETION:
            question = replace(question, body=question.body | {"return_tokens": True})
        share = CoreShare(held.load.threads, held.times) if held.load.shares_cores else None
        answer = Answer(
            request, held.endpoint, held.process, held.loaded.context_length, held.load.threads, share, tell
        )
        self._answer = answer
        if self._stopped:
            raise CancelledError
        try:
            answer.run(question)
        except ConnectionLostError as error:
            raise self._lost(error) from error
        prompt = str(question.body["prompt"]) if question.path == COMPLETION else ""
        return Written(prompt, tuple(answer.pieces), tuple(answer.tokens))

    def stop(self) -> None:
        """End the answer that is written now, and begin no other."""
        self._stopped = True
        if self._answer is not None:
            self._answer.stop()

    def next_tokens(self, written: Written, pieces: int) -> tuple[NextToken, ...]:
        """What the model held for likely after so many pieces of what it wrote, the likeliest first, before any
        sampling: at most MOST_TOKENS. Nothing where the prompt is not known. Raises EngineError.

        Source: ``n_probs`` of llama.cpp's tools/server/README.md.
        """
        if not written.prompt:
            return ()
        known = 0 < pieces <= len(written.tokens)  # else the text's own tokens, which may be others
        text = written.prompt + "".join(written.pieces[:pieces])
        prompt = [written.prompt, *written.tokens[:pieces]] if known else text
        body = {
            "prompt": prompt, "n_predict": 1, "n_probs": MOST_TOKENS,
            "cache_prompt": True, "temperature": 0.0, "stream": False,
        }  # fmt: skip
        self._it.process.send("go")
        try:
            found = self._it.endpoint.post(COMPLETION, body, deadline_seconds=_ASK_SECONDS)
        except ConnectionLostError as error:
            raise self._lost(error) from error
        except (EndpointError, TimeoutError) as error:
            raise EngineError(
                tr("The engine did not tell what it held for likely: {error}", error=error),
                tr("Compare again."),
                detail=str(error),
            ) from error
        steps = found.get("completion_probabilities") or [{}]
        return tuple(NextToken(one["token"], math.exp(one["logprob"])) for one in steps[0].get("top_logprobs", ()))

    def _lost(self, error: Exception) -> EngineError:
        held = self._it
        if held.process.wait(1.0):
            cause = held.cause_of_death()
            return EngineError(cause.message, cause.hint, detail=str(error), kind=cause.kind)
        return EngineError(
            tr("The engine broke its answer off."), tr("Compare again."), detail=str(error), kind=FailureKind.ENGINE
        )
