"""The command line and the environment of a server: what a plan comes to, and nothing that was not planned.

Options are llama.cpp 0c1e57098's (tools/server/README.md). Whatever takes memory is named, so that the plan's figures
hold: as many slots, no cache of prompts in main memory, no fitting to what the server thinks is free.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from desktop.core.memory.cache import CHECKPOINTS, batch_for
from desktop.core.speculation import DRAFT_TOKENS, NGRAM_LENGTH, NGRAM_TOKENS
from desktop.engine.api import Load
from desktop.engine.endpoint.http import Address
from desktop.engine.remote import remote_servers
from desktop.system.atomic import write_atomically
from desktop.system.spawn import child_environment

_STATES_ON_STDOUT = "LLAMA_SERVER_ROUTER_PORT"  # set, the server tells its states as it does to llama.cpp's router
_REMOTE = "RPC"  # how llama.cpp names other computers' devices: RPC0, RPC1 ... (ggml-rpc.cpp)
_NOT_OURS = ("LLAMA_", "GGML_BACKEND_PATH")  # options by environment would change what was planned


@dataclass
class Place:
    """A private folder for one server, and where it listens; :meth:`close` removes it."""

    folder: Path = field(default_factory=lambda: _private_folder(Path(tempfile.gettempdir())))
    address: Address = field(init=False)

    def __post_init__(self) -> None:
        if sys.platform == "win32":
            self.address = Address(port=_free_port(), key=secrets.token_urlsafe(32))
        else:
            self.address = Address(socket=self.folder / "engine.sock")

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def template(self, source: str) -> Path:
        """A file with a chat template to use in place of the model's own."""
        file = self.folder / "template.jinja"
        write_atomically(file, source.encode("utf-8", "replace"), durable=False)
        return file


def arguments(load: Load, gpu_layers: int, place: Place, *, template: str, packs: bool) -> list[str]:
    """The server's options for one load, ``gpu_layers`` of it on the GPUs.

    ``template`` stands in for the model's own, "" keeps it; ``packs`` False keeps weights in the order of the file.
    """
    batch = batch_for(load.purpose, load.context_length, load.batch)
    options = [
        "--model", str(Path(load.path).absolute()),  # the server works in a folder of its own
        "--ctx-size", str(load.slots * load.context_length),
        "--batch-size", str(batch),
        "--ubatch-size", str(batch),
        "--cache-type-k", load.cache_type_k,
        "--cache-type-v", load.cache_type_v,
        "--flash-attn", load.flash_attention,
        "--gpu-layers", str(gpu_layers),
        "--n-cpu-moe", str(load.cpu_expert_layers),
        "--threads", str(load.threads),
        "--threads-batch", str(load.threads),
        "--parallel", str(load.slots),
        "--no-kv-unified",  # each conversation has its own cache: one that fills it ends alone
        "--fit", "off",
        "--cache-ram", "0",
        "--ctx-checkpoints", str(CHECKPOINTS),
        "--no-warmup",
        "--no-ui",
        "--offline",
        "--no-reasoning-preserve",
        "--threads-http", str(4 * load.slots + 4),  # one is taken by each answer, as long as it streams or waits
        "--sse-ping-interval", "-1",
        "--log-colors", "off", "--no-log-prefix", "--no-log-timestamps",
        "--log-verbosity", "4",  # llama.cpp's own lines of memory are at this level
    ]  # fmt: skip
    options += _speculation(load, gpu_layers)
    if load.projector:
        options += ["--mmproj", str(Path(load.projector).absolute())]
        options.append("--mmproj-offload" if gpu_layers else "--no-mmproj-offload")
    if load.tensor_split:  # as it was planned, whatever is free on each device by now
        options += ["--tensor-split", load.tensor_split]
    if not load.kv_offload:
        options.append("--no-kv-offload")
    if load.purpose != "text":
        options.append("--embedding" if load.purpose == "embedding" else "--rerank")
    if place.address.socket is not None:
        options += ["--host", str(place.address.socket)]
    else:
        options += ["--host", "127.0.0.1", "--port", str(place.address.port)]
    if template:
        options += ["--chat-template-file", str(place.template(template))]
    if not packs:
        options.append("--no-repack")
    remote = remote_servers()[0] if _takes_remote(load.devices) else ()
    if remote:
        options += ["--rpc", ",".join(remote)]
    if load.devices:  # after the option that adds some
        options += ["--device", load.devices]
    return options


def _takes_remote(devices: str) -> bool:
    """Whether other computers' devices are among those to use: a server that is joined to one ends with it."""
    return not devices or any(name.strip().startswith(_REMOTE) for name in devices.split(","))


def _speculation(load: Load, gpu_layers: int) -> list[str]:
    """How tokens are guessed. What a draft model takes is named as all else: it is planned with the model's own types
    and threads, all of it on a GPU where the model is, at least in part.
    """
    match load.speculation:
        case "off":
            return ["--spec-type", "none"]
        case "ngram":
            return [
                "--spec-type", "ngram-map-k",
                "--spec-ngram-map-k-size-n", str(NGRAM_LENGTH),
                "--spec-ngram-map-k-size-m", str(NGRAM_TOKENS),
            ]  # fmt: skip
    options = [
        "--spec-draft-n-max", str(DRAFT_TOKENS),
        "--spec-draft-type-k", load.cache_type_k,
        "--spec-draft-type-v", load.cache_type_v,
        "--spec-draft-threads", str(load.threads),
        "--spec-draft-threads-batch", str(load.threads),
    ]  # fmt: skip
    if load.speculation == "mtp":
        return ["--spec-type", "draft-mtp", *options]
    layers = "all" if gpu_layers else "0"
    draft = str(Path(load.draft).absolute())
    return ["--spec-type", "draft-simple", "--spec-draft-model", draft, "--spec-draft-ngl", layers, *options]


def environment(place: Place, mark_key: str, backends: list[Path]) -> dict[str, str]:
    """This process's environment for a server; ``backends`` are further libraries it loads first."""
    kept = {name: value for name, value in child_environment().items() if not name.startswith(_NOT_OURS)}
    kept |= {_STATES_ON_STDOUT: "0", "HEFT_MARK_KEY": mark_key}
    if backends:
        kept["HEFT_BACKEND_FILES"] = "\n".join(map(str, backends))
    if place.address.key:
        kept["LLAMA_API_KEY"] = place.address.key
    return kept


def _private_folder(parent: Path) -> Path:
    """A new folder that only this user enters (mkdtemp makes it 0700); those of a Heft that was killed go.

    Below the system's folder for temporary files: a path below a home may be too long for a socket (108 bytes).
    """
    for left in parent.glob("heft-*-*"):
        number = left.name.split("-")[1]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)  # another user's stays
    return Path(tempfile.mkdtemp(prefix=f"heft-{os.getpid()}-", dir=parent))


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port
