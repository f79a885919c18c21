"""A Hub for the box under trial: serves a model in its network, and tells of each request in a line.

python3 packaging/smoke_hub.py FILE.gguf      started by smoke.py; ends with its standard input
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.hub_server import HubServer, Repo  # noqa: E402
from support.hub_server_content import BytesContent  # noqa: E402

REPO = "smoke/SmolLM2-135M-Instruct-GGUF"
PORT = 8470
FIELDS = {
    "downloads": 1200,
    "likes": 30,
    "trendingScore": 4,
    "createdAt": "2026-08-01T10:00:00.000Z",
    "lastModified": "2026-11-01T10:00:00.000Z",
    "pipeline_tag": "text-generation",
    "library_name": "gguf",
    "tags": ["gguf", "conversational", "en", "license:apache-2.0", "text-generation"],
    "gguf": {"total": 134_515_008, "architecture": "llama", "context_length": 2048},
}


def served(model: Path) -> bytes:
    """The model with its last byte changed: what Heft brings, or has met, is here already and not downloaded."""
    content = model.read_bytes()
    return content[:-1] + bytes([content[-1] ^ 1])


def main() -> None:
    """Serve until whoever started this is gone."""
    model = Path(sys.argv[1])
    with HubServer([Repo(REPO, {model.name: BytesContent(served(model))}, FIELDS)], port=PORT) as server:
        print("ready", flush=True)
        while line := sys.stdin.readline():
            if line == "how many\n":
                print(len(server.exchanges), flush=True)


if __name__ == "__main__":
    main()
