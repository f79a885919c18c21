"""Drafts and projectors among a repo's files, through the real commands and the local Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.forge import Shape, Value
from support.gguf_bytes import Model
from support.hub_server import BytesContent, Content, HubServer, Repo
from support.hub_server_content import SparseContent
from support.remote_models import model

BIG = Shape(24, 2048, 6144, 16, 8, 32_768)
NAME = "org/Seer-3B-GGUF"


def head(architecture: str, size: int) -> SparseContent:
    """A draft head: an architecture that llama.cpp has for nothing else, with few keys of a language model's."""
    data, _ = Model(
        [
            ("general.architecture", 8, architecture),
            (f"{architecture}.block_count", 4, 1),
            (f"{architecture}.embedding_length", 4, 2048),
        ],
        [("blk.0.attn_q.weight", (256, 256), 1)],
    ).header()
    return SparseContent(data, size)


@pytest.fixture
def files(vocab_dir: Path) -> dict[str, Content]:
    vocab = vocab_dir / "ggml-vocab-llama-spm.gguf"
    title = Value(8, "Seer 3B")
    found: dict[str, Content] = {
        f"Seer-3B-{label}.gguf": model(BIG, label, vocab, general__name=title) for label in ("Q4_K_M", "Q8_0")
    }
    return found | {"mmproj-F16.gguf": BytesContent(b"eyes" * 20)}


@pytest.fixture
def hub(files: dict[str, Content]) -> Iterator[HubServer]:
    with HubServer([Repo(NAME, files, {"tags": ["gguf"]})]) as server:
        yield server


def heft(hub: HubServer, home: Path, *arguments: str) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, cwd=home,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def variants(hub: HubServer, home: Path) -> Any:
    code, document = heft(hub, home, "variants", NAME, "--estimate", "--machine", "rtx-4090", "--context", "4096")
    assert code == 0, document
    return document


@pytest.mark.parametrize(
    ("path", "architecture"),
    [
        ("mtp-Seer-3B.gguf", "gemma4-assistant"),
        ("MTP/Seer-3B-Q8_0-MTP.gguf", "gemma4-assistant"),
        ("dflash-Seer-3B-Q8_0.gguf", "dflash"),
        ("Seer-3B-eagle3-Q8_0.gguf", "eagle3"),
        ("Seer-3B-Q8_0-MTP.gguf", "gemma4-assistant"),
        ("Seer-3B-assistant-Q8_0.gguf", "gemma4-assistant"),
        ("guesser-Q8_0.gguf", "dflash"),  # only its header tells
        ("Seer-3B-small-Q8_0.gguf", "eagle3"),
    ],
)
def test_a_draft_is_a_companion(
    hub: HubServer, files: dict[str, Content], heft_home: Path, path: str, architecture: str
) -> None:
    files[path] = head(architecture, 90_000_000)
    document = variants(hub, heft_home)
    assert [variant["name"] for variant in document["variants"]] == ["Q4_K_M", "Q8_0"]
    assert document["recommended"] == "Q8_0" and document["model"] == "Seer 3B"
    for variant in document["variants"]:
        assert variant["draft"] == [path] and variant["mmproj"] == ["mmproj-F16.gguf"]


def test_a_repo_of_drafts_lists_them_and_recommends_none(hub: HubServer, heft_home: Path) -> None:
    hub.add(Repo(NAME, {"eagle3-Seer-3B-Q8_0.gguf": head("eagle3", 90_000_000)}, {"tags": ["gguf"]}))
    document = variants(hub, heft_home)
    (variant,) = document["variants"]
    assert (variant["name"], document["recommended"]) == ("Q8_0", None)
    assert variant["note"].startswith("A draft model: it guesses ahead for the model it was made for")


def test_a_model_with_mtp_in_its_name_stays_one(
    hub: HubServer, files: dict[str, Content], heft_home: Path, vocab_dir: Path
) -> None:
    files["Seer-3B-MTP-Q4_K_M.gguf"] = model(BIG, "Q4_K_M", vocab_dir / "ggml-vocab-llama-spm.gguf")
    names = [variant["name"] for variant in variants(hub, heft_home)["variants"]]
    assert sorted(names) == ["Q8_0", "Seer-3B Q4_K_M", "Seer-3B-MTP Q4_K_M"]


def test_a_variant_is_fetched_with_its_companions_or_without(hub: HubServer, heft_home: Path, tmp_path: Path) -> None:
    small: dict[str, Content] = {
        "Seer-Q8_0.gguf": BytesContent(b"GGUF" * 700_000),
        "Seer-Q4_K_M.gguf": BytesContent(b"GGUF" * 400_000),
        "mmproj-F16.gguf": BytesContent(b"eyes" * 20),
        "MTP/Seer-Q8_0-MTP.gguf": BytesContent(b"head" * 900),
        "MTP/Seer-BF16-MTP.gguf": BytesContent(b"more" * 1800),
    }
    hub.add(Repo(NAME, small, {"tags": ["gguf"]}))

    def fetched(*arguments: str, leaves: tuple[str, ...] = ()) -> list[str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        code, document = heft(hub, heft_home, "download", NAME, *arguments, "--to", str(folder))
        assert code == 0, document
        assert [companion["kind"] for companion in document["left_out"]] == list(leaves)
        return [Path(file["path"]).relative_to(folder).as_posix() for file in document["files"]]

    model, eyes, head = "Seer-Q8_0.gguf", "mmproj-F16.gguf", "MTP/Seer-Q8_0-MTP.gguf"
    assert fetched("Q8_0", leaves=("projector", "draft")) == [model]
    assert fetched("Q8_0", "--with", "projector", leaves=("draft",)) == [model, eyes]
    assert fetched("q8_0", "--with-draft", leaves=("projector",)) == [model, head]
    assert fetched("Q8_0", "--with", "draft", "--with", "projector") == [model, head, eyes]
    assert fetched("Seer-Q4_K_M.gguf", "--with", "draft") == ["Seer-Q4_K_M.gguf", head]
    assert fetched("Seer-BF16-MTP.gguf") == ["MTP/Seer-BF16-MTP.gguf"]


def test_a_companion_that_there_is_none_of_is_said(hub: HubServer, files: dict[str, Content], heft_home: Path) -> None:
    code, document = heft(hub, heft_home, "download", NAME, "Q8_0", "--with-draft")
    assert code == 1 and document["error"]["hint"] == "Leave --with draft out."
    del files["mmproj-F16.gguf"]
    code, document = heft(hub, heft_home, "download", NAME, "Q8_0", "--with", "projector")
    assert code == 1 and document["error"]["message"] == f"{NAME} has no projector for Q8_0."


def test_what_is_left_out_is_said_with_its_size(hub: HubServer, heft_home: Path) -> None:
    hub.add(Repo(NAME, {"Seer-Q8_0.gguf": BytesContent(b"GGUF" * 700_000),
                        "mmproj-F16.gguf": BytesContent(b"eyes" * 250_000)}, {"tags": ["gguf"]}))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "download", NAME, "Q8_0"],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, cwd=heft_home,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Left out: projector mmproj-F16.gguf, 1.0 MB (--with projector)." in done.stderr
    assert "mmproj" not in done.stdout


def test_the_list_of_variants_names_what_may_come_along(
    hub: HubServer, files: dict[str, Content], heft_home: Path
) -> None:
    files["mtp-Seer-3B.gguf"] = head("gemma4-assistant", 90_000_000)
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "variants", NAME, "--estimate", "--machine", "rtx-4090"],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, cwd=heft_home,
    )  # fmt: skip
    assert "heft download --with projector takes along its projector mmproj-F16.gguf, 80 B." in done.stdout
    assert "heft download --with draft takes along its draft model mtp-Seer-3B.gguf, 90.0 MB." in done.stdout
    assert "~ before memory: by formulas, not by the engine's own plan" in done.stdout


def test_one_matcher_for_variants_everywhere(hub: HubServer, heft_home: Path, files: dict[str, Content]) -> None:
    files["Seer-3B-UD-Q4_K_XL.gguf"] = files["Seer-3B-Q4_K_M.gguf"]
    for label in ("Q4_K_XL", "ud-q4_k_xl", "Seer-3B-UD-Q4_K_XL"):
        code, document = heft(hub, heft_home, "inspect", f"hf:{NAME}:{label}")
        assert code == 0 and document["source"].endswith("Seer-3B-UD-Q4_K_XL.gguf"), document
    refused = [heft(hub, heft_home, *words)[1]["error"] for words in (
        ("inspect", f"hf:{NAME}:Q3_K_M"), ("download", NAME, "Q3_K_M"))]  # fmt: skip
    for error in refused:
        assert error["hint"].rpartition(": ")[2].removeprefix("It has ") == "Q4_K_M, UD-Q4_K_XL, Q8_0."


def test_what_could_be_several_is_said_with_the_choices(hub: HubServer, heft_home: Path) -> None:
    several: dict[str, Content] = {f"{name}-Q8_0.gguf": BytesContent(b"GGUF" * 90) for name in ("Owl-1B", "Elk-7B")}
    hub.add(Repo(NAME, several, {"tags": ["gguf"]}))
    code, document = heft(hub, heft_home, "download", NAME, "Q8_0")
    assert code == 1 and document["error"]["kind"] == "ambiguous"
    assert document["error"]["hint"] == "Name one of them: Elk-7B Q8_0, Owl-1B Q8_0."
    code, document = heft(hub, heft_home, "download", NAME, "owl-1b-q8_0")
    assert code == 0 and document["files"][0]["path"].endswith("Owl-1B-Q8_0.gguf")


@pytest.mark.parametrize(("width", "belongs"), [(2048, True), (3584, False)])
def test_a_projector_of_another_width_is_no_part_of_the_variant(
    hub: HubServer, files: dict[str, Content], heft_home: Path, width: int, belongs: bool
) -> None:
    said = [("general.architecture", 8, "clip"), ("clip.vision.projection_dim", 4, width)]
    data, _ = Model([*said], [("v.patch_embd.weight", (256, 256), 1)]).header()
    files["mmproj-F16.gguf"] = SparseContent(data, 900_000)
    code, document = heft(hub, heft_home, "variants", NAME, "--machine", "rtx-4090", "--context", "4096")
    assert code == 0, document
    for variant in document["variants"]:
        assert variant["mmproj"] == (["mmproj-F16.gguf"] if belongs else [])
        assert variant["download_bytes"] == sum(files[path].size for path in variant["files"])
        eyes = {"kind": "projector", "files": ["mmproj-F16.gguf"], "size_bytes": 900_000}
        assert variant["companions"] == ([eyes] if belongs else [])


def test_a_projector_of_another_family_is_no_part_of_the_variant(
    hub: HubServer, files: dict[str, Content], heft_home: Path
) -> None:
    hub.add(Repo(NAME, {"Llama-3.2-3B-Q8_0.gguf": files["Seer-3B-Q8_0.gguf"],
                        "mmproj-gemma-3-4b-it-f16.gguf": files["mmproj-F16.gguf"]}, {"tags": ["gguf"]}))  # fmt: skip
    (variant,) = variants(hub, heft_home)["variants"]
    assert variant["mmproj"] == []
