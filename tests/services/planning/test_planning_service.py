"""``heft fit`` and its service: the engine's plan of real and header-only files, profiles, refusals."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.forge import TINY, forge, with_layers
from support.forge_shapes import deepseek2_lite, gemma3_12b, llama_8b, qwen3_30b_a3b
from support.planning import planning_on
from support.rpc_device import rpc_device

from desktop.cli.main import main
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory, to_json
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.pools import Reclaimable
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths

GB = 1_000_000_000
HERE = Machine(Cpu("here"), Memory(16 * GB, 12 * GB), engine=EngineInfo("llama.cpp b1"))
Make = Callable[..., PlanningService]


class Fixed:
    """A computer that stays as it is."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __call__(self) -> Machine:
        return self._machine

    for_load = __call__


@pytest.fixture
def container(paths: Paths) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


@pytest.fixture
def service(container: Container) -> Make:
    def make(machine: Machine = HERE) -> PlanningService:
        return PlanningService(
            lambda: container.inspection, lambda: container.dry_run, Fixed(machine), lambda: container.speed,
            container.load_settings,
        )  # fmt: skip

    return make


@pytest.mark.engine
def test_the_starter_model_is_planned_by_the_engine(service: Make, starter_model: Path, paths: Paths) -> None:
    found = service().weigh_source("starter", LoadSettings(4096))
    assert found.fit.method == "engine"
    assert found.fit.placement == "cpu"
    assert found.fit.band == 0
    assert found.fit.memory.kv_bytes == 90 * 1024 * 1024
    assert found.fit.max_context == found.shape.trained_context == 8192
    assert found.quantization == "Q4_1"
    assert not list((paths.scratch / "planner").iterdir())  # no stub stays behind


@pytest.mark.engine
def test_engine_and_formulas_say_the_same_of_a_large_file(service: Make, tmp_path: Path) -> None:
    path = str(gemma3_12b().write(tmp_path / "gemma.gguf"))
    plan = service().weigh_source(path, LoadSettings(16384, "q8_0", "q8_0")).fit
    formulas = service().weigh_source(path, LoadSettings(16384, "q8_0", "q8_0"), method="estimate").fit
    assert (plan.method, formulas.method) == ("engine", "estimate")
    assert plan.memory.total_bytes == pytest.approx(formulas.memory.total_bytes, rel=0.001)
    assert plan.max_context == pytest.approx(formulas.max_context, rel=0.01)


@pytest.mark.engine
def test_what_the_engine_does_not_plan_gets_an_estimate_and_a_note(service: Make, tmp_path: Path) -> None:
    keys_only = str(deepseek2_lite().write(tmp_path / "m.gguf"))  # its cache holds no values to quantize
    found = service().weigh_source(keys_only, LoadSettings(4096, "q8_0", "f16"))
    assert found.fit.method == "estimate"
    assert found.fit.band >= 0.05
    assert "estimate" in found.plan.note


@pytest.mark.engine
def test_a_model_the_engine_refuses_gets_its_words_and_no_figures(service: Make, tmp_path: Path) -> None:
    unknown = llama_8b()
    unknown.architecture = "never-heard-of"
    with pytest.raises(HeftError, match="does not know the architecture 'never-heard-of'") as caught:
        service().weigh_source(str(unknown.write(tmp_path / "m.gguf")), LoadSettings(4096))
    assert caught.value.kind == FailureKind.UNKNOWN_ARCHITECTURE


def test_a_profile_is_what_if(service: Make, tmp_path: Path) -> None:
    path = str(qwen3_30b_a3b().write(tmp_path / "m.gguf"))
    card = Gpu(name="RTX 4060", vendor="nvidia", total_bytes=8 * GB, probe="nvml")
    there = Machine(Cpu("there"), Memory(32 * GB, 32 * GB), (card,), engine=EngineInfo("llama.cpp, CPU only"))
    found = service().weigh_source(path, LoadSettings(4096), machine=there)
    assert found.fit.placement == "experts-in-ram"
    assert found.fit.method == "estimate"
    assert found.plan.note


def test_the_devices_on_offer_are_those_of_the_engine_with_what_would_be_given_back(paths: Paths) -> None:
    cards = (
        Gpu("RTX 4070", "nvidia", 12 * GB, 6 * GB, probe="nvml", engine_devices=("CUDA0",)),
        Gpu("llvmpipe", total_bytes=2 * GB, free_bytes=2 * GB, kind="software", engine_devices=("Vulkan0",)),
        Gpu("A card without a backend", "nvidia", 8 * GB, 8 * GB, probe="nvml"),
    )
    machine = Machine(Cpu("here"), Memory(16 * GB, 12 * GB), cards, engine=EngineInfo("llama.cpp b1"))
    offered = planning_on(paths, machine).offered()
    assert [(pool.engine_device, pool.left_for) for pool in offered] == [("CUDA0", ""), ("Vulkan0", "software")]
    held = planning_on(paths, machine, Reclaimable(GB, 3 * GB)).offered()
    assert held[0].free_bytes - offered[0].free_bytes == 3 * GB


def test_where_there_is_no_engine_no_device_is_on_offer(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    planning = planning_on(paths)

    def gone() -> Machine:
        raise EngineError("There is no engine here.", "")

    monkeypatch.setattr(planning, "_machine", Mock(for_load=gone))
    assert planning.offered() == ()


def test_a_projector_is_no_language_model(service: Make, tmp_path: Path) -> None:
    from support.forge_header import Forged

    path = Forged("clip", 1, {"projection_dim": 4}).write(tmp_path / "mmproj.gguf")
    with pytest.raises(HeftError) as caught:
        service().weigh_source(str(path), LoadSettings(4096))
    assert caught.value.kind == "no-language-model"


@pytest.mark.engine
def test_the_most_layers_that_fit_a_device_load_there(
    service: Make, container: Container, vocab_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = forge(tmp_path / "m.gguf", with_layers(TINY, 8), "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    with rpc_device() as endpoint:
        monkeypatch.setenv("HEFT_RPC", endpoint)
        found = service().weigh_source(str(path), LoadSettings(2048)).fit
        plan = container.planning.for_load(local_ref(path), LoadSettings(2048))
        loaded = HeadlessEngine(container.engine).load(plan)
    assert found.placement == "gpu"
    assert found.gpu_layers == plan.gpu_layers == loaded.gpu_layers == 9
    assert plan.fit is not None and plan.fit.memory.total_bytes == found.memory.total_bytes


# -- the command -----------------------------------------------------------------------------------


def test_the_command_prints_the_contract(heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = llama_8b().write(tmp_path / "llama.gguf")
    profile = tmp_path / "laptop.json"
    profile.write_bytes(to_json(Machine(Cpu("laptop"), Memory(8 * GB))))
    arguments = ["fit", str(path), "--context", "8192", "--kv", "q8_0", "--machine", str(profile), "--estimate"]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    memory = document["memory"]
    assert (document["context"], document["kv_type"], document["method"]) == (8192, "q8_0", "estimate")
    assert (document["placement"], document["gpu_layers"], document["layers"]) == ("cpu", 0, 33)
    terms = ("weights_bytes", "kv_bytes", "recurrent_bytes", "compute_bytes", "output_bytes")
    assert memory["total_bytes"] == sum(memory[term] for term in terms)
    assert document["free_bytes"] == 7 * GB
    assert document["max_context"] >= 8192
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "Fits in main memory" in text
    assert "KV cache" in text
    known = document["kv_quality"]
    assert known["effect"] == "small" and 0 < known["kld_high"] < 0.001 and known["source"] in known["words"]
    assert known["words"] in text.replace("\n", " ")


def test_the_command_says_what_a_quantized_cache_costs(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(llama_8b().write(tmp_path / "llama.gguf"))
    for kind, effect in {"f16": "unquantized", "q4_0": "worse-tool-calls", "q5_1": "not-measured"}.items():
        assert main(["fit", path, "--kv", kind, "--estimate", "--json"]) == 0
        known = json.loads(capsys.readouterr().out)["kv_quality"]
        assert (known["effect"], known["kld_high"]) == (effect, None)
        assert main(["fit", path, "--kv", kind, "--estimate"]) == 0
        text = capsys.readouterr().out
        assert known["words"] in text and bool(known["words"]) == (kind != "f16")


def test_a_machine_is_named_as_for_variants(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = llama_8b().write(tmp_path / "llama.gguf")
    for name, placement in (("rtx-4090", "gpu"), ("RTX 4090", "gpu"), ("laptop-8gb", "too-large")):
        assert main(["fit", str(path), "--context", "512", "--machine", name, "--estimate", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["placement"] == placement, name
    assert main(["fit", str(path), "--machine", "no such card", "--json"]) == 2
    assert "There is no machine" in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["fit"], 2), (["fit", "starter", "--gpu-layers", "many"], 2), (["fit", "no-such-model"], 1)],
)
def test_wrong_use_is_told_from_failure(
    arguments: list[str], code: int, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["hint"]
