"""What can be done on the page Inspect."""

from __future__ import annotations

from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.tables import COPY_ROWS
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

MODEL_OPEN = Condition("model-open", "Open a model first.")
COMPARABLE = Condition("model-comparable", "Open a GGUF file first: only those can be compared.")
RUNNABLE = Condition("model-runnable", "Only GGUF files run here")
GGUF_OPEN = Condition("gguf-open", "Open a GGUF file first.")
LOADED = Condition("engine-holds-model", "No model of this computer is loaded.")
COMPARED = Condition("models-compared", "No other model is beside this one.")
SEARCHABLE = Condition("view-searchable", "This view has no search field.")
TEMPLATE_EDITED = Condition("template-edited", "No chat template is being changed.")
TEMPLATE_OWN = Condition("template-own", "The model's own chat template is in view and in use.")
CONVERTIBLE = Condition("folder-convertible", "Open a folder of safetensors of this computer first.")
MAP_SHOWN = Condition("layer-map-shown", "Open the view Layers of a model first.")

OPEN = Action(
    "inspect.open", "Open another model…", ("Ctrl+Shift+O",), tip="Open another model", icon="folder", short="Open…"
)
OPEN_FOLDER = Action("inspect.open-folder", "Open a folder of model files…", icon="folder")
OPEN_ADDRESS = Action("inspect.open-address", "Open a file or repo of the Hub…", icon="discover")
OPEN_LOADED = Action("inspect.open-loaded", "Inspect the model that is loaded", needs=(LOADED,), icon="inspect")
OPEN_STARTER = Action("inspect.open-starter", "Inspect the starter model", icon="inspect", short="The starter model")
COMPARE = Action(
    "inspect.compare",
    "Compare with another file…",
    tip="Put another model beside this one",
    needs=(COMPARABLE,),
    short="Compare with…",
)
END_COMPARISON = Action("inspect.end-comparison", "End the comparison", needs=(COMPARED,), short="End comparison")
CHECK = Action(
    "inspect.check-everything",
    "Check everything: read every weight",
    tip="Read every weight and check it",
    needs=(GGUF_OPEN,),
    short="Check everything",
)
EXPORT_CSV = Action("inspect.export-csv", "Export the tensors as CSV…", needs=(GGUF_OPEN,), short="CSV…")
EXPORT_JSON = Action("inspect.export-json", "Export the tensors as JSON…", needs=(GGUF_OPEN,), short="JSON…")
EDIT_TEMPLATE = Action(
    "inspect.edit-template",
    "Change the chat template for this model…",
    tip="Change the chat template that is used with this model; its file stays as it is",
    needs=(GGUF_OPEN,),
    icon="edit",
    short="Change…",
)
SAVE_TEMPLATE = Action(
    "inspect.save-template",
    "Use the changed chat template with this model",
    ("Ctrl+S",),
    tip="Use this chat template with this model from now on",
    needs=(TEMPLATE_EDITED,),
    short="Save",
)
DISCARD_TEMPLATE = Action(
    "inspect.discard-template",
    "Discard the change of the chat template",
    tip="Forget what was changed",
    needs=(TEMPLATE_EDITED,),
    short="Discard",
)
RESET_TEMPLATE = Action(
    "inspect.reset-template",
    "Use the model's own chat template again",
    needs=(TEMPLATE_OWN,),
    short="Use the model's own",
)
CONVERT = Action(
    "inspect.convert",
    "Convert this folder of safetensors to GGUF…",
    tip="Make a GGUF file of it by llama.cpp's converter",
    needs=(CONVERTIBLE,),
    short="Convert to GGUF…",
)
RUN = Action("inspect.run", "Load this model and chat", icon="play", needs=(RUNNABLE,), short="Run")
NEXT_VIEW = Action("inspect.next-view", "Next view", ("Ctrl+PgDown",), needs=(MODEL_OPEN,), repeats=True)
PREVIOUS_VIEW = Action("inspect.previous-view", "Previous view", ("Ctrl+PgUp",), needs=(MODEL_OPEN,), repeats=True)
FIND = Action("inspect.find", "Search this view", ("Ctrl+F",), needs=(MODEL_OPEN, SEARCHABLE))
LARGER = Action("inspect.map-larger", "Larger squares", ("+", "="), needs=(MAP_SHOWN,), widget="layerMap")
SMALLER = Action("inspect.map-smaller", "Smaller squares", ("-",), needs=(MAP_SHOWN,), widget="layerMap")
FIT = Action("inspect.map-fit", "All layers across the width", ("0",), needs=(MAP_SHOWN,), widget="layerMap")

MAP_KEYS = WidgetKeys(
    "Move on the layer map (Ctrl: first and last row), go through a square's tensors",
    "layerMap",
    (
        ("Up", "up"),
        ("Down", "down"),
        ("Left", "left"),
        ("Right", "right"),
        ("Home", "row-start"),
        ("End", "row-end"),
        ("Ctrl+Home", "start"),
        ("Ctrl+End", "end"),
        ("Space", "choose"),
        ("Enter", "choose"),
        ("Return", "choose"),
    ),
    shown="Arrows, Home, End, Space",
)
MAP_WHEEL = WidgetKeys("Enlarge and reduce the layer map", "layerMap", (), mouse="Ctrl+wheel")
TABLE_KEYS = WidgetKeys(
    "First and last row, open or close a group",
    "tensor tables",
    (
        ("Home", "first"),
        ("End", "last"),
        ("Ctrl+Home", "first"),
        ("Ctrl+End", "last"),
        ("Enter", "toggle"),
        ("Return", "toggle"),
    ),
    shown="Home, End, Enter",
)
GO_TO_FINDING = WidgetKeys("Show where a problem lies", "inspectProblemsTable", (("Enter", True), ("Return", True)))

INSPECT_ACTIONS: Declared = (
    OPEN,
    OPEN_FOLDER,
    OPEN_ADDRESS,
    OPEN_LOADED,
    OPEN_STARTER,
    COMPARE,
    END_COMPARISON,
    CHECK,
    EDIT_TEMPLATE,
    SAVE_TEMPLATE,
    DISCARD_TEMPLATE,
    RESET_TEMPLATE,
    EXPORT_CSV,
    EXPORT_JSON,
    CONVERT,
    RUN,
    NEXT_VIEW,
    PREVIOUS_VIEW,
    FIND,
    CLEAR_SEARCH,
    LARGER,
    SMALLER,
    FIT,
    MAP_KEYS,
    MAP_WHEEL,
    TABLE_KEYS,
    GO_TO_FINDING,
    COPY_ROWS,
)
