"""Model folders and repositories: what the configuration files in them say about the weights beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.folder_config import base_model_of, config_facts, model_card, parameters_of
from desktop.core.formats.quantization import quantization_of
from desktop.core.formats.reading import parse_json
from desktop.core.formats.summary import Fact, FolderFile, Summary
from desktop.core.text import one_line
from desktop.core.units import human_bytes, human_parameters
from desktop.core.words import counted, tr

MAX_FILES = 20_000
MAX_JSON = 4 << 20  # bytes of a configuration file
MAX_INDEX = 32 << 20  # bytes of an index: 280,000 tensors of the largest GPTQ models
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SIDECARS = ("quantize_config.json", "quant_config.json", "hf_quant_config.json")
_TOKENIZERS = frozenset({"tokenizer.json", "tokenizer.model", "vocab.json", "tokenizer_config.json", "merges.txt"})
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})
_NO_WEIGHTS = frozenset({"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"})
_WEIGHT_OF = re.compile(rb'"([^"\\]{1,200}\.(?:safetensors|bin))"\s*[,}]')
_TOTAL = re.compile(rb'"total_size"\s*:\s*(\d{1,18})')
_TOTAL_PARAMETERS = re.compile(rb'"total_parameters"\s*:\s*(\d{1,15})')
_FETCH_AGAIN = "Download this file again."
_SETTINGS = "Without its settings a program cannot tell how to load the weights."
_PICKLED = "A pickle is a little program that builds its objects; safetensors files hold data only."
_NO_VARIABLES = Finding(
    "warning",
    tr("The folder variables with the weights is missing."),
    tr("A SavedModel is its graph and this folder."),
    tr("Download the whole folder."),
)


def recognise_folder(files: Sequence[FolderFile], read: Callable[[str], bytes], catalog: Catalog) -> Summary:
    """What a model folder or repository holds, from its file names and small JSON files.

    ``read`` gives the whole content of a file by name; it is asked only for listed files below 32 MB, one at a time.
    Errors of ``read`` pass; what cannot be parsed becomes a finding.
    """
    return _Folder(files, read, catalog).summary()


class _Folder:
    def __init__(self, files: Sequence[FolderFile], read: Callable[[str], bytes], catalog: Catalog) -> None:
        self.sizes = {file.name: file.size for file in files[:MAX_FILES]}
        self.read = read
        self.catalog = catalog
        self.findings: list[Finding] = []
        self.missing: tuple[str, ...] = ()

    def summary(self) -> Summary:
        """The first description that fits, the most telling file first."""
        gguf = self.ending(".gguf")
        weights = self.weights()
        if "model_index.json" in self.sizes:
            kind = self.json("model_index.json").get("_class_name", "")
            return self.made("diffusers", [Fact(tr("Pipeline"), one_line(kind, 80))])
        if "adapter_config.json" in self.sizes:
            return self.adapter()
        if "config.json" in self.sizes and weights:
            return self.transformers(weights)
        if gguf:
            return self.made("gguf-folder", [Fact(tr("GGUF files"), f"{len(gguf):,}, {self.bytes_of(gguf)}")])
        if "saved_model.pb" in self.sizes:
            inside = [name for name in self.sizes if name.startswith("variables/")]
            if not inside:
                self.findings.append(_NO_VARIABLES)
            return self.made("savedmodel", [Fact(tr("Weights"), self.bytes_of(inside))])
        onnx = self.ending(".onnx")
        if onnx:
            return self.made("onnx", [Fact(tr("Graphs"), f"{len(onnx):,}, {self.bytes_of(onnx)}")])
        if weights:
            return self.made(
                "safetensors" if weights[0].endswith(".safetensors") else "pytorch", self.weight_facts(weights)
            )
        if _TOKENIZERS & self.sizes.keys():
            return self.made("tokenizer", [Fact(tr("Files"), ", ".join(sorted(_TOKENIZERS & self.sizes.keys())))])
        if "config.json" in self.sizes:
            return self.made("config", list(config_facts(self.json("config.json"))))
        return self.other()

    def ending(self, ending: str) -> list[str]:
        """Names with an ending, in order."""
        return sorted(name for name in self.sizes if name.lower().endswith(ending))

    def weights(self) -> list[str]:
        """The weight files: safetensors if there are any, pickles otherwise."""
        found = [n for n in self.ending(".safetensors") if "/" not in n]
        if found:
            return found
        names = sorted(n for n in self.sizes if "/" not in n and PurePosixPath(n).suffix.lower() in _PICKLES)
        return [name for name in names if name not in _NO_WEIGHTS]

    def bytes_of(self, names: Sequence[str]) -> str:
        """Their size in words."""
        return human_bytes(sum(self.sizes[name] for name in names))

    def content(self, name: str, limit: int) -> bytes:
        """A file's bytes, none (and a finding) when it is larger than expected."""
        if self.sizes[name] > limit:
            message = f"{name} has {human_bytes(self.sizes[name])}, more than Heft reads of such a file."
            self.findings.append(Finding("warning", message, tr("It was not looked at."), _FETCH_AGAIN))
            return b""
        return self.read(name)[:limit]

    def json(self, name: str) -> Mapping[str, Any]:
        """A JSON object; {} and a finding when it is none."""
        data = self.content(name, MAX_JSON)
        if not data:
            return {}
        try:
            value = parse_json(data, f"the file {name}")
        except FileFormatError as error:
            self.findings.append(Finding("error", error.message, _SETTINGS, error.hint))
            return {}
        if isinstance(value, dict):
            return value
        self.findings.append(Finding("error", tr("{name} is no JSON object.", name=name), _SETTINGS, _FETCH_AGAIN))
        return {}

    def transformers(self, weights: list[str]) -> Summary:
        """A folder with a configuration and weights, quantized or not."""
        config = self.json("config.json")
        sidecars = {name: self.json(name) for name in SIDECARS if name in self.sizes}
        quantization = quantization_of(config, sidecars)
        total, parameters = self.index(weights)
        if not parameters and quantization is None:
            parameters = parameters_of(config, total or sum(self.sizes[name] for name in weights))
        self.warn(config, weights)
        facts = [*config_facts(config)]
        if parameters:
            facts.append(Fact(tr("Parameters"), f"about {human_parameters(parameters)}"))
        facts += self.weight_facts(weights)
        id = "hf-transformers"
        if quantization is not None:
            id = quantization.id
            facts += quantization.facts
        return self.made(id, facts, config, parameters)

    def adapter(self) -> Summary:
        """A LoRA or another PEFT adapter."""
        config = self.json("adapter_config.json")
        labels = (
            ("peft_type", "Kind"),
            ("r", "Rank"),
            ("lora_alpha", "Alpha"),
            ("base_model_name_or_path", "Base model"),
        )
        facts = [Fact(label, one_line(config[key], 120)) for key, label in labels if config.get(key) is not None]
        return self.made("lora", facts + self.weight_facts(self.weights()), config)

    def index(self, weights: list[str]) -> tuple[int, int]:
        """Bytes and parameters of the whole model as the index says (0: it does not); notes shards that lack."""
        name = next((name for name in INDEXES if name in self.sizes), "")
        if not name or (name.startswith("pytorch") and weights[0].endswith(".safetensors")):
            return 0, 0
        data = self.content(name, MAX_INDEX)
        # By pattern and not as JSON: the index of a large model has 300,000 entries, and only its values count.
        named = sorted({match[1].decode("utf-8", "replace") for match in _WEIGHT_OF.finditer(data)})
        total, parameters = _TOTAL.search(data), _TOTAL_PARAMETERS.search(data)
        self.missing = tuple(shard for shard in named if shard not in self.sizes)
        if self.missing:
            self.findings.append(
                Finding(
                    "error",
                    tr(
                        "{missing:,} of {named:,} weight files are missing: {missing2}{value}",
                        missing=len(self.missing),
                        named=len(named),
                        missing2=", ".join(self.missing[:3]),
                        value=" …" if len(self.missing) > 3 else "",
                    ),
                    tr("{name} lists them.", name=name),
                    tr("Download the missing files."),
                )
            )
        return (int(total[1]) if total else 0), (int(parameters[1]) if parameters else 0)

    def warn(self, config: Mapping[str, Any], weights: list[str]) -> None:
        """Findings about what loading the folder may run."""
        if "auto_map" in config:
            message = "The model asks to run Python code of this folder (auto_map, trust_remote_code)."
            reason = "Transformers runs it only when told to; llama.cpp never does."
            self.findings.append(Finding("warning", message, reason, tr("Read the code before you allow it.")))
        if weights and not weights[0].endswith(".safetensors"):
            message = "The weights are pickles, which can run code when loaded."
            self.findings.append(Finding("warning", message, _PICKLED, tr("Inspect each file before you load it.")))
        gguf = self.ending(".gguf")
        if gguf:
            self.findings.append(
                Finding(
                    "note",
                    tr("The folder holds {gguf} too.", gguf=counted(len(gguf), "GGUF file")),
                    tr("That is the format Heft runs."),
                    tr("Open one of them."),
                )
            )

    def weight_facts(self, weights: Sequence[str]) -> list[Fact]:
        """Number, kind and size of the weight files."""
        if not weights:
            return []
        kind = "safetensors" if weights[0].endswith(".safetensors") else "pickle"
        return [Fact(tr("Weight files"), f"{len(weights):,} {kind}, {self.bytes_of(weights)}")]

    def other(self) -> Summary:
        """A folder of something else: its most frequent endings."""
        endings = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in self.sizes)
        facts = [Fact(tr("Files"), f"{len(self.sizes):,}, {self.bytes_of(list(self.sizes))}")] if self.sizes else []
        facts += [Fact(one_line(ending, 40), counted(count, "file")) for ending, count in endings.most_common(8)]
        what = (
            "None of its files belongs to a model format that Heft recognises."
            if self.sizes
            else "The folder is empty."
        )
        return self.made("unknown", facts, title="Not a model folder Heft knows", what=what)

    def made(
        self, id: str, facts: Sequence[Fact], config: Mapping[str, Any] | None = None, parameters: int = 0, **words: str
    ) -> Summary:
        """The summary, with the model card's word on the base model."""
        card = model_card(self.content("README.md", MAX_JSON)) if "README.md" in self.sizes else {}
        weights = self.weights()
        pickled = bool(weights) and not weights[0].endswith(".safetensors")
        return self.catalog.summary(
            id,
            danger="dangerous" if pickled else "none",
            facts=tuple(fact for fact in facts if fact.value),
            findings=tuple(self.findings),
            base_model=base_model_of(config or {}, card),
            parameters=parameters,
            metadata=card,
            missing=self.missing,
            **words,
        )
