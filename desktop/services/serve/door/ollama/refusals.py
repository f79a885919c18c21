"""What of Ollama's API Heft does not do, and what to do instead."""

from __future__ import annotations

REFUSALS = {
    "/api/pull": "Heft downloads models on its page Discover, or with `heft download REPO`.",
    "/api/push": "Heft publishes no models.",
    "/api/create": "Heft makes no models: it serves the GGUF files of its library as they are.",
    "/api/copy": "Heft copies no models; each is served under its name and its aliases.",
    "/api/delete": "Heft removes models on its page Library.",
}
BLOBS = "Heft takes no files: put a GGUF file into a folder that Heft's library looks into."
CLOUD = "Heft runs models on this computer only."
