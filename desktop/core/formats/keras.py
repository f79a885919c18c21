"""Keras models: the configuration in a .keras zip or an HDF5 file, and whether it carries code.

Lambda layers hold marshalled Python code, which Keras runs when it loads the model (safe mode refuses them).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.reading import parse_json
from desktop.core.formats.summary import Fact, Summary
from desktop.core.formats.zips import ZipEntry, read_entry
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.units import human_bytes
from desktop.core.words import tr

MAX_CONFIG = 8 << 20
_CODE = re.compile(rb'"class_name"\s*:\s*"(Lambda|__lambda__)"')
_LAYER = re.compile(rb'"class_name"\s*:\s*"(\w{1,80})"')


def keras_zip(source: ByteSource, entries: Mapping[str, ZipEntry], catalog: Catalog) -> Summary:
    """A .keras file; FileFormatError when its metadata cannot be read."""
    metadata = parse_json(read_entry(source, entries["metadata.json"], 1 << 20), "metadata.json")
    config = read_entry(source, entries["config.json"], MAX_CONFIG)
    facts = []
    if isinstance(metadata, dict):
        labels = (("keras_version", "Keras version"), ("date_saved", "Saved"))
        facts = [Fact(label, one_line(metadata[key], 60)) for key, label in labels if key in metadata]
    weights = entries.get("model.weights.h5")
    if weights is not None:
        facts.append(Fact(tr("Weights"), human_bytes(weights.bytes)))
    return catalog.summary("keras", **config_words(config), facts=(*facts, *config_facts(config)))


def config_facts(config: bytes) -> tuple[Fact, ...]:
    """The model's class and how many objects it names."""
    classes = [match[1].decode() for match in _LAYER.finditer(config)]
    return (Fact(tr("Model class"), classes[0]), Fact(tr("Objects"), f"{len(classes):,}")) if classes else ()


def config_words(config: bytes) -> dict[str, Any]:
    """Danger and findings of a model configuration, for Catalog.summary."""
    if not _CODE.search(config):
        return {}
    message = "The model holds a Lambda layer: Python code that runs when the model is loaded or used."
    action = "Keep Keras's safe mode on, or do not load it."
    return {
        "danger": "dangerous",
        "findings": (Finding("error", message, tr("Keras stores it as marshalled bytecode."), action),),
    }
