"""Every option, declared once: key, kind, default, words and page. All that is done with options follows from here.

Reading and writing (:mod:`desktop.store.settings`), the settings' pages (:mod:`desktop.ui.shell.settings`), their
search and the command palette, and ``heft config`` know no option by name; only the one who acts on its value does:
``settings.get(options.THREADS)``. How to add one: docs/contributing.md, "A new option".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from desktop.core.reserves import GPU_RESERVE_BYTES, RAM_RESERVE_BYTES
from desktop.core.sampling_fields import SamplingValues
from desktop.core.settings_pages import PAGES, SettingsPage
from desktop.core.words import LANGUAGES, tr
from desktop.store.option_kinds import Address, ByteSize, Choice, Folder, Folders, Kind, Record, Switch, Whole

T = TypeVar("T")
Appearance = Literal["system", "light", "dark"]
IdleMinutes = Literal["never", "5", "15", "30", "60"]
ServedMinutes = Literal["never", "1", "5", "10", "30", "60"]


@dataclass(frozen=True)
class WindowGeometry:
    """Where the window was; logical pixels. ``maximized`` keeps the normal rectangle for later."""

    x: int
    y: int
    width: int
    height: int
    maximized: bool = False


@dataclass(frozen=True)
class Preset:
    """Named chat settings; ``sampling`` holds what it sets (desktop/core/sampling_fields.py)."""

    name: str
    system_prompt: str = ""
    sampling: SamplingValues = field(default_factory=dict)
    max_tokens: int = 0


@dataclass(frozen=True)
class SavedPrompt:
    """A system prompt under a name."""

    name: str
    text: str


@dataclass(frozen=True, eq=False)
class Option(Generic[T]):
    """One option. ``label`` is a few words, ``explanation`` the line below them.

    Without a ``page`` the program remembers it for itself, and nothing shows it. ``restart``: a change counts from the
    next start on. ``variable`` is an environment variable that goes before it. ``words`` find it in a search though
    its label and explanation do not hold them.
    """

    key: str
    kind: Kind[T]
    default: T
    page: SettingsPage | None = None
    label: str = ""
    explanation: str = ""
    restart: bool = False
    variable: str = ""
    words: str = ""

    @property
    def overruled_by(self) -> str:
        """The environment variable that is set and goes before this option; "" when none is."""
        return self.variable if self.variable and os.environ.get(self.variable) else ""

    def matches(self, text: str) -> bool:
        """Whether all words of a search are in the option's own."""
        own = " ".join((self.key, self.label, self.explanation, self.words, PAGES[self.page] if self.page else ""))
        return all(word in own.casefold() for word in text.casefold().split())


# -- General -------------------------------------------------------------------------------------

THEME = Option(
    key="theme",
    kind=Choice[Appearance]((("system", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark")))),
    default="system",
    page="general",
    label=tr("Appearance"),
    explanation=tr("Light or dark"),
    words=tr("theme colour scheme night"),
)
LANGUAGE = Option(
    key="language",
    kind=Choice[str]((("system", tr("As the system")), *LANGUAGES.items())),
    default="system",
    page="general",
    label=tr("Language"),
    explanation=tr("Of the window; commands speak English"),
    restart=True,
    words="language sprache deutsch german chinese 语言 中文",
)
LOAD_AT_START = Option(
    key="load_at_start",
    kind=Switch(),
    default=True,
    page="general",
    label=tr("Load a model when Heft starts"),
    explanation=tr(
        "The last one when it fits into half of the free memory or its server answers, else the starter model"
    ),
)

# -- Models --------------------------------------------------------------------------------------

LIBRARY_FOLDERS = Option(
    key="library_folders",
    kind=Folders(os.pathsep),
    default=(),
    page="models",
    label=tr("Folders of yours"),
    explanation=tr("Heft looks for models in them and below; files stay where they are"),
    words=tr("library directory path"),
)
USE_HUGGINGFACE = Option(
    key="use_huggingface",
    kind=Switch(),
    default=True,
    page="models",
    label=tr("Models in the Hugging Face cache"),
    explanation=tr("Where downloads go, unless they have a folder of their own"),
    words=tr("stores library"),
)
USE_LMSTUDIO = Option(
    key="use_lmstudio",
    kind=Switch(),
    default=True,
    page="models",
    label=tr("Models of LM Studio"),
    explanation=tr("They are used where they lie; nothing is copied or changed"),
    words=tr("stores library"),
)
USE_OLLAMA = Option(
    key="use_ollama",
    kind=Switch(),
    default=True,
    page="models",
    label=tr("Models of Ollama"),
    explanation=tr("They are used where they lie; nothing is copied or changed"),
    words=tr("stores library"),
)
DOWNLOAD_FOLDER = Option(
    key="download_folder",
    kind=Folder(tr("the Hugging Face cache")),
    default="",
    page="models",
    label=tr("Downloads go to"),
    explanation=tr("The Hugging Face cache is shared with other programs, so a file is fetched once for all of them"),
    words=tr("directory path"),
)

REFERENCE_CACHE = Option(
    key="reference_cache_bytes",
    kind=ByteSize(1 << 44),
    default=10_000_000_000,
    page="models",
    label=tr("Disk space for measurements, at most"),
    explanation=tr(
        "What a reference expects at each token of a text is kept, so that more variants are measured quickly"
    ),
    words=tr("lab measure disk cache logits"),
)

# The option that says whether a store of models is looked into, by the store's name (desktop.store.found_file.Source).
STORES: Mapping[str, Option[bool]] = {
    "huggingface": USE_HUGGINGFACE,
    "lmstudio": USE_LMSTUDIO,
    "ollama": USE_OLLAMA,
}

# -- Engine --------------------------------------------------------------------------------------

THREADS = Option(
    key="threads",
    kind=Whole(0, 1024, "auto"),
    default=0,
    page="engine",
    label=tr("Threads"),
    explanation=tr(
        "For a model that says nothing else; by itself Heft takes the physical cores, fewer on a busy computer"
    ),
    words=tr("cpu cores processor"),
)
RAM_RESERVE = Option(
    key="ram_reserve_bytes",
    kind=ByteSize(1 << 40),
    default=RAM_RESERVE_BYTES,
    page="engine",
    label=tr("Main memory kept free"),
    explanation=tr("For the system and other programs; a model that needs more counts as too large"),
    words=tr("ram reserve limit"),
)
GPU_RESERVE = Option(
    key="gpu_reserve_bytes",
    kind=ByteSize(1 << 40),
    default=GPU_RESERVE_BYTES,
    page="engine",
    label=tr("Memory of each graphics card kept free"),
    explanation=tr("For the driver and what the desktop draws"),
    words=tr("gpu vram reserve limit"),
)

IDLE_MINUTES = Option(
    key="idle_minutes",
    kind=Choice[IdleMinutes](
        (
            ("never", tr("Never")),
            ("5", tr("5 minutes")),
            ("15", tr("15 minutes")),
            ("30", tr("30 minutes")),
            ("60", tr("1 hour")),
        )
    ),
    default="never",
    page="engine",
    label=tr("Free the model's memory after"),
    explanation=tr("Without use; the next question loads it again and reads its whole conversation anew"),
    words=tr("idle sleep unload timeout keep alive"),
)

# -- Serve ---------------------------------------------------------------------------------------

SERVE_PORT = Option(
    key="serve_port",
    kind=Whole(1024, 65535, counts=False),
    default=8321,
    page="serve",
    label=tr("Port"),
    explanation=tr("Part of the address that other programs use; choose another one where this is taken"),
    words=tr("server address api openai"),
)
SERVE_AT_START = Option(
    key="serve_at_start",
    kind=Switch(),
    default=False,
    page="serve",
    label=tr("Serve from the start"),
    explanation=tr("Other programs can use your models as soon as Heft's window is open"),
    words=tr("server autostart"),
)
SERVE_IDLE_MINUTES = Option(
    key="serve_idle_minutes",
    kind=Choice[ServedMinutes](
        (
            ("never", tr("Never")),
            ("1", tr("1 minute")),
            ("5", tr("5 minutes")),
            ("10", tr("10 minutes")),
            ("30", tr("30 minutes")),
            ("60", tr("1 hour")),
        )
    ),
    default="10",
    page="serve",
    label=tr("Unload a served model after"),
    explanation=tr("Without a request; the next one loads it again"),
    words=tr("idle sleep unload timeout keep alive memory"),
)
SERVE_REQUEST_MEGABYTES = Option(
    key="serve_request_megabytes",
    kind=Whole(1, 4096),
    default=32,
    page="serve",
    label=tr("Largest request, in MB"),
    explanation=tr("What is larger is refused before it is read"),
    words=tr("server limit body size"),
)
SERVE_WEB_PAGE = Option(
    key="serve_web_page",
    kind=Switch(),
    default=False,
    page="serve",
    label=tr("llama.cpp's own web page"),
    explanation=tr("A chat in the browser at the same address, behind the key"),
    words=tr("server browser phone"),
)

# -- Hub -----------------------------------------------------------------------------------------

HUB_ENDPOINT = Option(
    key="hub_endpoint",
    kind=Address(("https", "http"), tr("the Hugging Face Hub")),
    default="",
    page="hub",
    label=tr("Address"),
    explanation=tr("Of the Hub, or of a mirror that speaks its protocol"),
    variable="HF_ENDPOINT",
    words=tr("endpoint url mirror server"),
)
HUB_OFFLINE = Option(
    key="hub_offline",
    kind=Switch(),
    default=False,
    page="hub",
    label=tr("Never ask the Hub"),
    explanation=tr("Nothing goes over the network; models that are here work as ever"),
    variable="HF_HUB_OFFLINE",
    words=tr("offline network privacy"),
)

# -- Network -------------------------------------------------------------------------------------

PROXY = Option(
    key="proxy",
    kind=Address(("http", "https"), tr("what the system says"), path=False),
    default="",
    page="network",
    label=tr("Proxy"),
    explanation=tr(
        "Used instead of the system's; addresses that the variable NO_PROXY lists are "
        "reached without one. A password in it can be read in the settings file"
    ),
    words=tr("network firewall http"),
)

# -- what the program remembers for itself -------------------------------------------------------

WINDOW = Option[WindowGeometry | None]("window", Record(WindowGeometry | None), None)
LAST_MODEL = Option[str]("last_model", Record(str), "")  # a path
PRESETS = Option[tuple[Preset, ...]]("presets", Record(tuple[Preset, ...]), ())
PROMPTS = Option[tuple[SavedPrompt, ...]]("prompts", Record(tuple[SavedPrompt, ...]), ())
TOKEN_ALTERNATIVES = Option[bool]("token_alternatives", Record(bool), False)
CHAT_FOLDS = Option[dict[str, bool]]("chat_folds", Record(dict[str, bool]), {})  # open or not, of those turned
SERVE_NETWORK = Option[bool]("serve_network", Record(bool), False)  # by the page Serve alone, after a warning
RECENT_INSPECTED = Option[tuple[str, ...]]("recent_inspected", Record(tuple[str, ...]), ())  # newest first

ALL: tuple[Option[Any], ...] = tuple(found for found in list(globals().values()) if isinstance(found, Option))
OPTIONS: tuple[Option[Any], ...] = tuple(option for option in ALL if option.page is not None)
"""What a person may change, in the order of the pages."""


def matching(text: str) -> tuple[Option[Any], ...]:
    """The options that a search for these words finds."""
    return tuple(option for option in OPTIONS if option.matches(text))
