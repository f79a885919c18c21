"""What was measured of a model, as it is kept."""

from __future__ import annotations

from typing import Any

from desktop.core.loss_statistics import Distance, Figure
from desktop.store.measurements import Measurement


def measurement(name: str, text: str, kld: float, **others: Any) -> Measurement:
    """``known`` is the reference's perplexity on the text."""
    known = others.pop("known", 12.0)
    distance = Distance(Figure(kld, 0.01), 1.0, Figure(0.9, 0.01), Figure(0.1, 0.01), Figure(known, 0.1), Figure(1, 0))
    given: dict[str, Any] = {
        "model": name, "name": name, "quantization": "Q2_K", "size_bytes": 10, "text": text, "text_name": text,
        "context": 512, "chunks": 2, "tokens": 510, "perplexity": Figure(13.0, 0.1), "distance": distance,
        "reference": "digest", "reference_name": "tiny-F16",
    }  # fmt: skip
    return Measurement(**(given | others))
