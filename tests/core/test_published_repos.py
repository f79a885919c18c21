"""No name of a well-known maker is read wrong: tests/core/published_repos.csv, and what is taken of it where."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

import pytest
from support.published_picks import MACHINES, Row, files, picked, repos

from desktop.core import naming
from desktop.core.companions import roles_of
from desktop.core.variants import named_variants, variants_of

PICKS = Path(__file__).with_name("published_picks.csv")
PICKED = list(csv.DictReader(line for line in PICKS.read_text(encoding="utf-8").splitlines() if line[0] != "#"))
# Repos of several models: each has the companions that are named like it.
OWN_COMPANIONS = {
    "cmp-nct/llava-1.6-gguf": {
        "vicuna-7b q5_k": ["mmproj-vicuna7b-f16.gguf"],
        "vicuna-13b q5_k": ["mmproj-vicuna13b-f16.gguf"],
        "mistral-7b-q_5_k": ["mmproj-mistral7b-f16.gguf"],
    }
}


def test_the_table_is_wide_enough() -> None:
    assert len(repos()) >= 40 and len(PICKED) >= 35
    makers = {repo.partition("/")[0] for repo in repos()}
    assert {"unsloth", "bartowski", "ggml-org", "lmstudio-community", "mradermacher", "Qwen", "google"} <= makers


@pytest.mark.parametrize("repo", repos())
def test_what_each_file_is(repo: str) -> None:
    rows = repos()[repo]
    sizes = {PurePosixPath(row.path): row.size for row in rows if naming.is_model_file(PurePosixPath(row.path).name)}
    roles = roles_of(sizes)
    assert {row.path: roles.get(PurePosixPath(row.path), "other") for row in rows} == {
        row.path: row.role for row in rows
    }


@pytest.mark.parametrize("repo", repos())
def test_what_is_offered(repo: str) -> None:
    rows = repos()[repo]
    found = variants_of(files(repo))
    wanted: dict[str, list[Row]] = {}
    for row in rows:
        if row.variant:
            wanted.setdefault(row.variant, []).append(row)
    assert {variant.name: [file.path for file in variant.files] for variant in found} == {
        name: [row.path for row in parts] for name, parts in wanted.items()
    }
    of_all = {role: [row.path for row in rows if row.role == role] for role in ("mmproj", "draft")}
    for variant in found:
        shards = [naming.shard(PurePosixPath(file.path).name) for file in variant.files]
        told = [f"{shard.number}/{shard.count}" if shard else "" for shard in shards]
        assert told == [row.part for row in wanted[variant.name]] and not variant.missing_shards
        own = OWN_COMPANIONS.get(repo, {}).get(variant.name, of_all["mmproj"])
        assert sorted(file.path for file in variant.mmproj) == sorted(own)
        assert sorted(file.path for file in variant.draft) == sorted(of_all["draft"])
        assert named_variants(found, variant.name) == (variant,)
        assert variant in named_variants(found, variant.label.upper())


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_recommended(machine: str) -> None:
    found = {row["repo"]: picked(row["repo"], row["shape"], machine) for row in PICKED}
    assert found == {row["repo"]: row[machine] for row in PICKED}
