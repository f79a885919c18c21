"""Model files and folders that are no GGUF: recognised by their bytes, summarised, and never loaded.

``recognise`` takes one file, ``recognise_folder`` a model folder or repository. Both need the catalog of formats,
which ``desktop.store.format_catalog`` reads.
"""

from desktop.core.formats.catalog import Catalog, Entry, catalog_from_document
from desktop.core.formats.folder import recognise_folder
from desktop.core.formats.recognise import recognise
from desktop.core.formats.summary import Danger, Fact, FolderFile, Summary, TensorRow

__all__ = [
    "Catalog",
    "Danger",
    "Entry",
    "Fact",
    "FolderFile",
    "Summary",
    "TensorRow",
    "catalog_from_document",
    "recognise",
    "recognise_folder",
]
