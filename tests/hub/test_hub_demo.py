"""The demo Hub holds what it says: sound headers, believable sizes, every kind of repo."""

from pathlib import Path

from support.hub_server import SparseContent
from support.hub_server_demo import demo_repos

from desktop.core.gguf import read_header
from desktop.core.variants import variants_of
from desktop.hub.header import Beginning
from desktop.hub.records import RepoFile


def test_demo(vocab_dir: Path, starter_model: Path) -> None:
    repos = {repo.id: repo for repo in demo_repos(vocab_dir, starter_model)}
    sizes: dict[tuple[str, str], int] = {}
    for repo in repos.values():
        variants = variants_of([RepoFile(path, content.size, content.sha256) for path, content in repo.files.items()])
        sizes |= {(repo.id, variant.name): variant.size_bytes for variant in variants}
        for path, content in repo.files.items():
            if path.endswith(".gguf") and isinstance(content, SparseContent):
                header = read_header(Beginning(memoryview(content.head), content.size))
                assert header.data_offset + header.tensor_bytes <= content.size
                keys = list(header.metadata)
                own = [i for i, key in enumerate(keys) if key.startswith(f"{header.architecture}.")]
                vocabulary = next((i for i, key in enumerate(keys) if key.startswith("tokenizer.")), len(keys))
                assert max(own, default=-1) < vocabulary, f"{path}: 64 KB have to say what the model is"
                if header.split is None or header.split[0] == 0:
                    assert [problem for problem in header.problems if problem.severity == "error"] == [], path
    # within 3% of the sizes people know of these models
    assert abs(sizes["demo/Llama-3.1-8B-Instruct-GGUF", "Q4_K_M"] / 4.92e9 - 1) < 0.03
    assert abs(sizes["demo/Llama-3.3-70B-Instruct-GGUF", "Q4_K_M"] / 42.5e9 - 1) < 0.03
    assert abs(sizes["demo/Llama-3.1-8B-Instruct-GGUF", "Q8_0"] / 8.54e9 - 1) < 0.03
    assert repos["demo/Qwen2.5-14B-Instruct-gated-GGUF"].gated == "manual"
