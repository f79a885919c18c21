"""OpenAI's answers: every field that its own have is there, those that mean nothing here as null or 0."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

from desktop import __version__
from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.metering import Figures

FINGERPRINT = f"heft-{__version__}"
LEAST_LOGPROB = -9999.0  # what OpenAI says of a token that could not come; llama.cpp says -3.4e38
DONE = b"data: [DONE]\n\n"


def new_id(prefix: str) -> str:
    """One that no other answer has."""
    return f"{prefix}-{secrets.token_hex(16)}"


def head(kind: str, identity: str, model: str) -> dict[str, Any]:
    """What an answer and each chunk of it begin with."""
    return {"id": identity, "object": kind, "created": int(time.time()), "model": model}


def usage(figures: Iterable[Figures]) -> dict[str, Any]:
    """The tokens of an answer; the prompt of several choices counts once."""
    found = list(figures)
    prompt = max((each.prompt for each in found), default=0)
    generated = sum(each.generated for each in found)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        "prompt_tokens_details": {"cached_tokens": min((each.cached for each in found), default=0), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sum(each.reasoning for each in found),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def logprobs(steps: Iterable[Step], top: int) -> list[dict[str, Any]]:
    """The entries of ``logprobs.content``, with as many alternatives as were asked for."""
    return [
        {**_token(entry), "top_logprobs": [_token(each) for each in entry.get("top_logprobs", ())[:top]]}
        for step in steps
        for entry in step.logprobs
    ]


def _token(entry: dict[str, Any]) -> dict[str, Any]:
    logprob = max(float(entry.get("logprob", LEAST_LOGPROB)), LEAST_LOGPROB)
    return {"token": entry.get("token", ""), "logprob": logprob, "bytes": entry.get("bytes")}


class Choice:
    """One choice of an answer, put together from its steps."""

    def __init__(self) -> None:
        self.text = self.reasoning = self.finish = self.stop_word = ""
        self.tool_calls: dict[int, dict[str, Any]] = {}
        self.steps: list[Step] = []
        self.figures = Figures()

    def take(self, step: Step) -> None:
        """What is new."""
        self.text += step.text
        self.reasoning += step.reasoning
        for delta in step.tool_calls:
            self._call(delta)
        if step.logprobs:
            self.steps.append(step)
        self.finish = step.finish or self.finish
        self.stop_word = step.stop_word or self.stop_word
        self.figures = step.figures or self.figures

    def _call(self, delta: dict[str, Any]) -> None:
        empty = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        call = self.tool_calls.setdefault(int(delta.get("index", 0)), empty)
        call["id"] = delta.get("id") or call["id"]
        function = delta.get("function") or {}
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of tools, in their order."""
        return [self.tool_calls[index] for index in sorted(self.tool_calls)]
