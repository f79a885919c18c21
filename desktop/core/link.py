"""The link to another computer that lends its devices: how long a word takes there and back, and how much goes through.

What a token costs on it follows llama.cpp's RPC (ggml/src/ggml-rpc/ggml-rpc.cpp of 0c1e57098): the activations go to
the device without waiting for a word (``ggml_backend_rpc_set_tensor_async``), a graph that is the same as for the last
token is asked for by its number alone (``RPC_CMD_GRAPH_RECOMPUTE``), and only what comes back is waited for
(``RPC_CMD_GET_TENSOR``): one round trip for each device and token. What goes there is a token's activations in float32,
what comes back the same, or the logits where the device has the output.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

_ACTIVATION_BYTES = 4  # float32
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class Link(msgspec.Struct, frozen=True):
    """As measured through the tunnel at ``measured_at`` (ISO 8601, UTC).

    ``round_trip_seconds`` is the median; bytes per second are from this computer (``up``) and to it (``down``).
    """

    round_trip_seconds: _Positive
    up_bytes_per_second: _Positive
    down_bytes_per_second: _Positive
    measured_at: str = ""

    def token_seconds(self, embedding: int, vocabulary: int, *, tokens: int = 1) -> float:
        """Seconds that the way there and back adds for ``tokens`` tokens computed together.

        ``embedding`` is the width of the activations, ``vocabulary`` that of the output where the device has it, else
        0; of tokens that are read together only the last one's logits come back.
        """
        there = tokens * embedding * _ACTIVATION_BYTES
        back = vocabulary * _ACTIVATION_BYTES if vocabulary else there
        return self.round_trip_seconds + there / self.up_bytes_per_second + back / self.down_bytes_per_second
