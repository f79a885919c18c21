"""What the files of a folder are to each other: models, projectors, drafts, and which belongs to which."""

from __future__ import annotations

from pathlib import PurePosixPath as P

import pytest

from desktop.core.companions import companions_for, contradict, roles_of, several_models

GB = 10**9


def test_projectors_go_to_their_model() -> None:
    near, named, far = P("r/mmproj-F16.gguf"), P("r/mmproj-gemma-3-4b-it-f16.gguf"), P("other/mmproj-F16.gguf")
    assert companions_for(P("r/gemma-3-4b-it-Q4_0.gguf"), [near, far], several=False) == (near,)
    assert companions_for(P("r/Q4_0/gemma-3-4b-it-Q4_0.gguf"), [near, far], several=False) == (near,)
    assert companions_for(P("r/gemma-3-4b-it-Q4_0.gguf"), [near, named], several=True) == (named,)
    assert companions_for(P("r/llama-Q4_0.gguf"), [near, named], several=True) == ()


@pytest.mark.parametrize(
    ("model", "companion"),
    [
        ("gemma-3-4b-it-q4_0.gguf", "mmproj-model-f16-4B.gguf"),
        ("llava-v1.6-mistral-7b.Q4_K_M.gguf", "mmproj-model-f16.gguf"),
        ("vicuna-7b-q5_k.gguf", "mmproj-vicuna7b-f16.gguf"),
        ("Qwen_Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf", "mmproj-Qwen_Qwen2.5-VL-7B-Instruct-f16.gguf"),
        ("Cydonia-24B-v4-Q4_K_M.gguf", "mmproj-mistralai_Mistral-Small-3.1-24B-Instruct-2503-f16.gguf"),
        ("ggml-model-Q4_K_M.gguf", "mmproj-MiniCPM-V-2_6-f16.gguf"),
        ("gemma-3-4b-it.Q4_K_M.gguf", "gemma-3-4b-it.mmproj-Q8_0.gguf"),
        ("gemma-3-4b-it.Q4_K_M.gguf", "mmproj/gemma-3-4b-it-F16.gguf"),
        ("Q4_K_M.gguf", "mmproj-Qwen2-VL-2B-f16.gguf"),
    ],
)
def test_a_lone_model_takes_what_does_not_contradict_it(model: str, companion: str) -> None:
    assert companions_for(P(model), [P(companion)], several=False) == (P(companion),)


@pytest.mark.parametrize(
    ("model", "companion"),
    [
        ("Llama-3.1-8B-Instruct-Q4_K_M.gguf", "mmproj-gemma-3-4b-it-f16.gguf"),
        ("Meta-Llama-3-8B.Q4_K_M.gguf", "mmproj-Qwen2-VL-7B-Instruct-f16.gguf"),
        ("gemma-3-12b-it-Q4_K_M.gguf", "mmproj-google_gemma-3-27b-it-f16.gguf"),
    ],
)
def test_a_projector_of_another_family_or_size_is_not_taken(model: str, companion: str) -> None:
    assert companions_for(P(model), [P(companion)], several=False) == ()
    assert contradict(model, companion)


def test_several_models_by_their_names() -> None:
    assert not several_models([P("x-Q4_0.gguf"), P("x-qat-Q4_0.gguf"), P("X-Q8_0.gguf"), P("x-MTP-Q4_0.gguf")])
    assert not several_models([P("Q4_K_M.gguf"), P("Q8_0.gguf")])
    assert several_models([P("x-0.6B-Q4_0.gguf"), P("x-14B-Q4_0.gguf")])


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("mtp-Q27.gguf", 0.9, "draft"),
        ("MTP/Q27-Q8_0-MTP.gguf", 0.9, "draft"),
        ("MTP/Q27-BF16-MTP.gguf", 1.7, "draft"),
        ("MTP/Q27-Q4_K_M.gguf", 16.4, "model"),  # a folder of whole models with layers for guessing
        ("Q27-Q8_0-MTP.gguf", 0.9, "draft"),
        ("Q27-IQ4_XS-mtp.gguf", 15.2, "model"),
        ("Q27-MTP-Q4_K_M.gguf", 16.9, "model"),
        ("Q27-MTP-UD-IQ2_M.gguf", 10.0, "model"),
        ("Q27-assistant-Q8_0.gguf", 0.5, "draft"),
        ("Q27-assistant.gguf", 0.9, "draft"),
        ("Other-assistant-Q8_0.gguf", 0.5, "model"),
        ("Q27-eagle3-Q8_0.gguf", 0.9, "draft"),
        ("Q27-DFlash-b16-Q8_0.gguf", 0.9, "draft"),
        ("dflash-Q27-Q8_0.gguf", 0.9, "draft"),
        ("Q27-dspark-Q4_1.gguf", 1.1, "draft"),
        ("Q27-dspark-Q4_1.gguf", 17.0, "model"),
        ("Draft-Horse-27B-Q4_K_M.gguf", 16.0, "model"),
        ("dspark-Q27.gguf", 0.9, "draft"),
        ("draft/Q-0.6B-Q8_0.gguf", 0.6, "draft"),
        ("mmproj/Q27-F16.gguf", 0.9, "mmproj"),
        ("Q27.imatrix.gguf", 0.02, "imatrix"),
        ("Q27-BF16-imatrix.gguf", 0.02, "imatrix"),
        ("Q27-Q5_K_M-imatrix.gguf", 19.0, "model"),
        ("Q27-imatrix-Q5_K_M.gguf", 19.0, "model"),
    ],
)
def test_roles_beside_a_model_of_27_billion(name: str, size: float, expected: str) -> None:
    found = roles_of({P("Q27-Q4_K_M.gguf"): int(16.5 * GB), P("Q27-Q8_0.gguf"): 28 * GB, P(name): int(size * GB)})
    assert found[P(name)] == expected
    assert found[P("Q27-Q4_K_M.gguf")] == found[P("Q27-Q8_0.gguf")] == "model"


def test_a_repo_whose_files_all_speak_of_guessing() -> None:
    whole = {P("Q27-MTP-Q4_K_M.gguf"): int(16.9 * GB), P("Q27-MTP-Q8_0.gguf"): 28 * GB, P("mtp-Q27-Q8_0.gguf"): GB}
    assert list(roles_of(whole).values()) == ["model", "model", "draft"]
    assert set(roles_of({P("mtp-a-Q8_0.gguf"): GB, P("mtp-a-Q4_0.gguf"): GB}).values()) == {"model"}
    assert set(roles_of({P("mtp-7b-Q8_0.gguf"): 7 * GB, P("mmproj-F16.gguf"): GB}).values()) == {"model", "mmproj"}


def test_what_a_header_said_goes_before_the_name() -> None:
    files = {P("Q27-Q4_K_M.gguf"): 16 * GB, P("head-Q8_0.gguf"): GB, P("eyes-F16.gguf"): GB}
    found = roles_of(files, {P("head-Q8_0.gguf"): "draft", P("eyes-F16.gguf"): "mmproj"})
    assert list(found.values()) == ["model", "draft", "mmproj"]


def test_without_sizes_the_name_decides() -> None:
    files = {P("x-Q4_K_M.gguf"): 0, P("x-MTP-Q4_K_M.gguf"): 0, P("x-Q8_0-MTP.gguf"): 0, P("MTP/x-Q8_0.gguf"): 0}
    assert list(roles_of(files).values()) == ["model", "model", "draft", "draft"]
