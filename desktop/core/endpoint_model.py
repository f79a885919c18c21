"""The name of a model of another server: ``endpoint:NAME/MODEL``.

NAME is what the user calls the server and has no slash; MODEL is the server's own word for the model, with any.
"""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "endpoint:"


class EndpointModel(NamedTuple):
    """A model of another server."""

    endpoint: str
    model: str

    @property
    def identity(self) -> str:
        """``endpoint:NAME/MODEL``."""
        return f"{PREFIX}{self.endpoint}/{self.model}"

    @property
    def title(self) -> str:
        """The model in few characters: llama-server names a model by the path of its file, others by OWNER/NAME."""
        last = self.model.rstrip("/").rsplit("/", 1)[-1] or self.model
        return last.removesuffix(".gguf") or self.model


def endpoint_model(identity: str) -> EndpointModel | None:
    """The model that an identity names; None for one of this computer or of the Hub, and for half a name."""
    if not identity.startswith(PREFIX):
        return None
    endpoint, _, model = identity.removeprefix(PREFIX).partition("/")
    return EndpointModel(endpoint, model) if endpoint and model else None
