"""Where a model goes on computers that are not here: machines of the table, one verdict each."""

import pytest
from support.forge_shapes import gemma3_12b, llama_8b, qwen3_30b_a3b

from desktop.core.gguf import BytesSource, read_header
from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights, shape_of, weights_of
from desktop.core.placement import Fit, place, shortage, split_layers
from desktop.core.pools import hypothetical, pools_of

GB = 1_000_000_000
Model = tuple[ModelShape, Weights]


def machine(ram: float, *gpus: float, shared: bool = False) -> Machine:
    found = tuple(Gpu(name=f"GPU {i}", total_bytes=int(size * GB), shared_memory=shared) for i, size in enumerate(gpus))
    return Machine(Cpu("x"), Memory(int(ram * GB), int(ram * GB)), found)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    folder = tmp_path_factory.mktemp("shapes")
    found = {}
    for make in (llama_8b, gemma3_12b, qwen3_30b_a3b):
        path = make().write(folder / f"{make.__name__}.gguf")
        with path.open("rb") as file:
            header = read_header(BytesSource(file.read(1 << 22)))
        shape = shape_of(header)
        assert shape is not None
        found[make.__name__] = (shape, weights_of([header], shape))
    return found


@pytest.mark.parametrize(
    ("name", "computer", "verdict"),
    [
        ("llama_8b", machine(16, 24), "gpu"),
        ("llama_8b", machine(16, 4), "partial"),
        ("llama_8b", machine(16), "cpu"),
        ("llama_8b", machine(4), "too-large"),
        ("llama_8b", machine(2.5, 3), "too-large"),
        ("llama_8b", machine(2, 8), "gpu"),
        ("qwen3_30b_a3b", machine(32, 8), "experts-in-ram"),
        ("qwen3_30b_a3b", machine(32, 24), "gpu"),
        ("qwen3_30b_a3b", machine(8, 12, 12), "gpu"),  # neither card holds it alone
        ("gemma3_12b", machine(16, 12, shared=True), "gpu"),
        ("gemma3_12b", machine(8, 6, shared=True), "too-large"),
    ],
)
def test_verdicts(models: dict[str, Model], name: str, computer: Machine, verdict: str) -> None:
    shape, weights = models[name]
    fit = place(shape, weights, LoadSettings(4096), computer)
    assert fit.placement == verdict
    assert fit.fits == (shortage(fit.memory, fit.pools) <= 0)
    assert (fit.short_by_bytes > 0) == (verdict == "too-large")


def test_one_layer_more_would_not_fit(models: dict[str, Model]) -> None:
    shape, weights = models["llama_8b"]
    computer = machine(16, 4)
    fit = place(shape, weights, LoadSettings(4096), computer)
    more = place(shape, weights, LoadSettings(4096, gpu_layers=fit.gpu_layers + 1), computer)
    same = place(shape, weights, LoadSettings(4096, gpu_layers=fit.gpu_layers), computer)
    assert 0 < fit.gpu_layers < fit.layers
    assert same.fits
    assert not more.fits


def test_one_expert_layer_less_in_main_memory_would_not_fit(models: dict[str, Model]) -> None:
    shape, weights = models["qwen3_30b_a3b"]
    computer = machine(32, 8)
    fit = place(shape, weights, LoadSettings(4096), computer)
    asked = LoadSettings(4096, gpu_layers=fit.layers, cpu_expert_layers=fit.cpu_expert_layers - 1)
    assert not place(shape, weights, asked, computer).fits


def test_the_longest_context_is_the_longest(models: dict[str, Model]) -> None:
    shape, weights = models["llama_8b"]
    computer = machine(16, 8)

    def at(context: int) -> Fit:
        return place(shape, weights, LoadSettings(context), computer)

    longest = at(4096).max_context
    assert at(longest).placement == "gpu"
    assert at(longest + 256).placement != "gpu"
    assert place(shape, weights, LoadSettings(4096), machine(512, 512)).max_context == shape.trained_context


def test_what_would_be_unloaded_counts_as_free(models: dict[str, Model]) -> None:
    shape, weights = models["llama_8b"]
    busy = Machine(Cpu("x"), Memory(16 * GB, 3 * GB))
    assert place(shape, weights, LoadSettings(4096), busy).placement == "too-large"
    assert place(shape, weights, LoadSettings(4096), busy, freed_bytes=5 * GB).placement == "cpu"


def test_main_memory_is_never_more_than_there_is() -> None:
    (pool,) = pools_of(Machine(Cpu("x"), Memory(8 * GB, 7 * GB)), freed_bytes=100 * GB)
    assert pool.free_bytes + pool.reserve_bytes == 8 * GB


def test_a_gpu_the_installed_engine_cannot_use_does_not_count() -> None:
    seen = Gpu(name="RTX", total_bytes=24 * GB, probe="nvml")
    here = Machine(Cpu("x"), Memory(16 * GB), (seen,), engine=EngineInfo("llama.cpp b1"))
    assert len(pools_of(here)) == 1
    assert len(pools_of(hypothetical(here))) == 2
    offered = Gpu(name="RTX", total_bytes=24 * GB, probe="nvml", engine_devices=("CUDA0",))
    assert len(pools_of(Machine(Cpu("x"), Memory(16 * GB), (offered,), engine=EngineInfo("llama.cpp b1")))) == 2


def test_an_integrated_gpu_is_left_out_beside_a_discrete_one() -> None:
    both = (Gpu(name="integrated", shared_memory=True), Gpu(name="discrete", total_bytes=8 * GB))
    assert [pool.name for pool in pools_of(Machine(Cpu("x"), Memory(16 * GB), both))] == ["main memory", "discrete"]


def test_the_last_layers_go_to_the_gpus_by_their_free_memory() -> None:
    split = split_layers(8, 6, [10, 30])  # five layers and the output
    assert split.layers == (0, 0, 0, 1, 1, 2, 2, 2)
    assert split.output == 2
    assert split_layers(8, 99, [10]).layers == (1,) * 8
    assert split_layers(8, 99, []).layers == (0,) * 8


def test_a_busy_card_is_left_out_for_the_one_beside_it(models: dict[str, Model]) -> None:
    shape, weights = models["llama_8b"]
    busy = Gpu(name="busy", total_bytes=24 * GB, free_bytes=GB // 5, engine_devices=("CUDA0",))
    idle = Gpu(name="idle", total_bytes=12 * GB, free_bytes=12 * GB, engine_devices=("CUDA1",))
    fit = place(shape, weights, LoadSettings(4096), Machine(Cpu("x"), Memory(32 * GB), (busy, idle)))
    assert fit.placement == "gpu"
    assert [pool.name for pool in fit.pools] == ["main memory", "idle"]
    assert [pool.name for pool in fit.aside] == ["busy"]
    assert fit.devices == "CUDA1"
    assert [device.device for device in fit.memory.devices] == [0, 1]


def test_cards_that_are_all_busy_leave_the_model_to_the_processor(models: dict[str, Model]) -> None:
    shape, weights = models["llama_8b"]
    busy = [Gpu(name=f"{n}", total_bytes=24 * GB, free_bytes=GB // 5, engine_devices=(f"CUDA{n}",)) for n in range(2)]
    fit = place(shape, weights, LoadSettings(4096), Machine(Cpu("x"), Memory(32 * GB), tuple(busy)))
    assert (fit.placement, fit.gpu_layers, fit.devices) == ("cpu", 0, "none")
    assert [pool.name for pool in fit.aside] == ["0", "1"]


@pytest.mark.parametrize("free", [GB // 5, 7 * GB // 10, 1 * GB, 3 * GB])
def test_a_second_card_never_makes_it_worse(models: dict[str, Model], free: int) -> None:
    first = Gpu(name="first", total_bytes=6 * GB, free_bytes=6 * GB)
    second = Gpu(name="second", total_bytes=4 * GB, free_bytes=free)
    for shape, weights in models.values():
        alone = place(shape, weights, LoadSettings(4096), Machine(Cpu("x"), Memory(32 * GB), (first,)))
        both = place(shape, weights, LoadSettings(4096), Machine(Cpu("x"), Memory(32 * GB), (first, second)))
        assert (-both.gpu_layers, both.cpu_expert_layers) <= (-alone.gpu_layers, alone.cpu_expert_layers)


def test_unequal_cards_share_by_what_is_free_and_all_is_used(models: dict[str, Model]) -> None:
    shape, weights = models["llama_8b"]
    fit = place(shape, weights, LoadSettings(4096), machine(32, 24, 8))
    large, small = fit.memory.devices[1:]
    assert (fit.devices, fit.aside) == ("", ())
    assert large.total_bytes > 2 * small.total_bytes > 0


def test_what_the_firmware_set_aside_for_a_gpu_is_not_taken_from_main_memory(models: dict[str, Model]) -> None:
    shape, weights = models["gemma3_12b"]
    main = Memory(8 * GB, 4 * GB)

    def chip(set_aside: int) -> Machine:
        gpu = Gpu(name="chip", total_bytes=12 * GB, free_bytes=12 * GB, shared_memory=True, set_aside_bytes=set_aside)
        return Machine(Cpu("x"), main, (gpu,))

    (_, pool) = pools_of(chip(8 * GB))
    assert pool.free_bytes == 8 * GB + 3 * GB
    assert place(shape, weights, LoadSettings(4096), chip(8 * GB)).placement == "gpu"
    assert place(shape, weights, LoadSettings(4096), chip(0)).placement == "too-large"
