"""What can be done on the page Discover."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.what_if_actions import LOAD_PROFILE, OWN_SIZES, THIS_COMPUTER
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

CONVERT_SHOWN = Condition("convert-shown", tr("Choose a model in safetensors first."))
REPO_CHOSEN = Condition("repo-chosen", tr("Choose a model in the results first."))
WEIGHED = Condition("repo-weighed", tr("Choose a model with GGUF files in the results first."))
HERE_ALREADY = tr("It is on this computer already.")
PROJECTOR_MISSES = Condition("projector-to-fetch", tr("Choose a variant that is here and whose projector is not."))
DRAFT_MISSES = Condition("draft-to-fetch", tr("Choose a variant that is here and whose draft model is not."))

SEARCH = Action(
    "discover.search",
    tr("Search the Hub"),
    ("Ctrl+F",),
    tip=tr("Words of a model's name, its maker or size"),
)
TO_RESULTS = Action("discover.to-results", tr("Go to the results"), ("Down",), widget="discoverSearch")
DOWNLOAD = Action("discover.download", tr("Download the variant"), ("Ctrl+D",), needs=(WEIGHED,))
FETCH_PROJECTOR = Action(
    "discover.fetch-projector",
    tr("Download the projector of a variant that is here"),
    needs=(PROJECTOR_MISSES,),
    short=tr("Download the projector"),
)
FETCH_DRAFT = Action(
    "discover.fetch-draft",
    tr("Download the draft model of a variant that is here"),
    needs=(DRAFT_MISSES,),
    short=tr("Download the draft model"),
)
INSPECT = Action(
    "discover.inspect",
    tr("Inspect the chosen variant"),
    tip=tr("Look into the chosen variant: only its header is read"),
    icon="inspect",
    needs=(REPO_CHOSEN,),
    short=tr("Inspect"),
)
MODEL_PAGE = Action(
    "discover.model-page", tr("Open the model's page in a browser"), needs=(REPO_CHOSEN,), short=tr("Model page ↗")
)
EXPLAIN_NAME = Action(
    "discover.explain-name",
    tr("Say what the model's name says, part by part"),
    needs=(WEIGHED,),
    short=tr("What the name says"),
)
CHOOSE_PLACE = Action("discover.download-place", tr("Choose the folder of downloads…"), short=tr("Another folder…"))
OPEN_PLACE = Action("discover.open-download-place", tr("Open the folder of downloads"), short=tr("Open the folder"))
VERSIONS = Action(
    "discover.versions", tr("Show the GGUF versions of the model"), needs=(REPO_CHOSEN,), short=tr("Show GGUF versions")
)
COPY_CONVERT = Action(
    "discover.copy-convert",
    tr("Copy the command that downloads and converts the model"),
    needs=(CONVERT_SHOWN,),
    short=tr("Copy the command"),
)
FITS_ONLY = Action(
    "discover.fits-only", tr("Show only models that fit this machine, or all"), short=tr("Fits this machine")
)
OTHER_FORMATS = Action(
    "discover.other-formats",
    tr("Search in other formats too, or in GGUF alone"),
    tip=tr("AWQ, GPTQ, MLX, safetensors …: named, with what runs them"),
    short=tr("Other formats too"),
)

RESULT_KEYS = WidgetKeys(tr("Open the result again"), "discoverResults", (("Enter", True), ("Return", True)))
VARIANT_KEYS = WidgetKeys(
    tr("Press the variant's button"),
    "variantTable",
    (("Enter", True), ("Return", True), ("Space", True)),
)
CHART_KEYS = WidgetKeys(tr("Previous and next variant of the chart"), "variantChart", (("Left", -1), ("Right", 1)))

DISCOVER_ACTIONS: Declared = (
    SEARCH,
    TO_RESULTS,
    CLEAR_SEARCH,
    DOWNLOAD,
    FETCH_PROJECTOR,
    FETCH_DRAFT,
    INSPECT,
    MODEL_PAGE,
    EXPLAIN_NAME,
    LOAD_PROFILE,
    OWN_SIZES,
    THIS_COMPUTER,
    CHOOSE_PLACE,
    OPEN_PLACE,
    VERSIONS,
    COPY_CONVERT,
    FITS_ONLY,
    OTHER_FORMATS,
    RESULT_KEYS,
    VARIANT_KEYS,
    CHART_KEYS,
)
