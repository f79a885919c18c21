"""A card that fails in the middle of an answer, in each backend's own way: it is said, and the processor serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine import GREEDY, driven_engine
from support.planted_backends import COMPUTES_FAILING, plant

from desktop.cli.main import main
from desktop.engine.api import ChatMessage, EngineDied, Failed, Finished, Generate, Text
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE

pytestmark = pytest.mark.engine
LAYERS = 31
GRAPHS = 60  # a load, a prompt, and the first words of an answer


@pytest.mark.parametrize(
    ("does", "kind"),
    [
        ('{ fputs("CUDA error: out of memory\\n", stderr); abort(); }', "out-of-memory"),
        ('{ fputs("CUDA error: unspecified launch failure\\n", stderr); abort(); }', "device-lost"),
        # GGML_STATUS_ALLOC_FAILED
        ('{ fputs("Device memory allocation of size 99 failed.\\n", stderr); return -2; }', "out-of-memory"),
    ],
    ids=["full, and it aborts", "lost, and it aborts", "full, and it says so"],
)
def test_a_card_that_fails_in_an_answer_is_said_and_the_processor_serves(
    does: str, kind: str, starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, now = tmp_path / "backends", tmp_path / "now"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    plant(folder, "cuda", called="CUDA", computes=COMPUTES_FAILING, fails=f'if (access("{now}", F_OK) == 0) {does}')
    folder.chmod(0o700)
    with driven_engine(tmp_path) as engine:
        assert "CUDA0" in {device.name for device in engine.hello().devices}
        engine.load(starter_model, 512, gpu_layers=LAYERS, devices="CUDA0")
        engine.send(Generate(1, (ChatMessage("user", "Tell me a long story."),), sampling=GREEDY))
        written = engine.wait(Text)
        now.touch()
        ended = engine.wait(EngineDied, Failed, Finished)
        assert written.text and isinstance(ended, EngineDied | Failed), ended
        assert ended.kind == kind and ended.hint
    now.unlink()
    with driven_engine(tmp_path) as engine:  # as the supervisor does with one that died
        loaded = engine.load(starter_model, 512, gpu_layers=0, devices="none")
        text, _ = engine.ask("Hello", max_tokens=3)
    assert loaded.gpu_layers == 0 and text


@pytest.mark.parametrize(
    ("words", "said"),
    [("out of memory", "graphics device has not enough free memory"), ("unspecified launch failure", "device failed")],
    ids=["full", "lost"],
)
def test_the_command_keeps_what_was_written_says_why_it_ended_and_runs_on_the_processor(
    words: str,
    said: str,
    heft_home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, now = tmp_path / "backends", tmp_path / "now"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    fails = (
        f'static int graphs; if (access("{now}", F_OK) == 0 && ++graphs > {GRAPHS}) '
        f'{{ fputs("CUDA error: {words}\\n", stderr); abort(); }}'
    )
    plant(folder, "cuda", called="CUDA", computes=COMPUTES_FAILING, fails=fails)
    folder.chmod(0o700)
    asked = ["run", "starter", "--context", "512", "--prompt", "Tell me a long story.", "--temperature", "0"]
    assert main([*asked, "--max-tokens", "1", "--device", "CUDA0"]) == 0  # tried by now
    whole = capsys.readouterr().out
    now.touch()
    assert main([*asked, "--max-tokens", "200", "--device", "CUDA0"]) == 1
    broken = capsys.readouterr()
    assert broken.out.startswith(whole.strip()) and len(broken.out) > len(whole)
    assert said in " ".join(broken.err.split())
    assert main([*asked, "--max-tokens", "20", "--device", "none"]) == 0
    assert capsys.readouterr().out.startswith(whole.strip())
