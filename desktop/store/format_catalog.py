"""The catalog of formats that comes with Heft: resources/data/formats.toml."""

from __future__ import annotations

from functools import lru_cache

from desktop.core.formats import Catalog, catalog_from_document


@lru_cache(maxsize=1)
def format_catalog() -> Catalog:
    """What Heft knows about formats other than GGUF; FileNotFoundError when the installation is incomplete."""
    import tomllib  # only when a file is inspected: it would cost the window's start
    from importlib.resources import files

    return catalog_from_document(tomllib.loads((files("resources") / "data" / "formats.toml").read_text("utf-8")))
