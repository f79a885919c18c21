"""The catalog of formats that comes with Heft: resources/data/formats.toml."""

from __future__ import annotations

from functools import lru_cache

from desktop.core.formats import Catalog, catalog_from_document
from desktop.system.packaged import read_text


@lru_cache(maxsize=1)
def format_catalog() -> Catalog:
    """What Heft knows about formats other than GGUF; FileNotFoundError when the installation is incomplete."""
    import tomllib  # only when a file is inspected: it would cost the window's start

    return catalog_from_document(tomllib.loads(read_text("data", "formats.toml")))
