"""What can be done on the page Inspect."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.tables import COPY_ROWS
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

MODEL_OPEN = Condition("model-open", tr("Open a model first."))
COMPARABLE = Condition("model-comparable", tr("Open a GGUF file first: only those can be compared."))
RUNNABLE = Condition("model-runnable", tr("Only GGUF files run here"))
GGUF_OPEN = Condition("gguf-open", tr("Open a GGUF file first."))
LOADED = Condition("engine-holds-model", tr("No model of this computer is loaded."))
COMPARED = Condition("models-compared", tr("No other model is beside this one."))
SEARCHABLE = Condition("view-searchable", tr("This view has no search field."))
TEMPLATE_EDITED = Condition("template-edited", tr("No chat template is being changed."))
TEMPLATE_OWN = Condition("template-own", tr("The model's own chat template is in view and in use."))
CONVERTIBLE = Condition("folder-convertible", tr("Open a folder of safetensors of this computer first."))
MAP_SHOWN = Condition("layer-map-shown", tr("Open the view Layers of a model first."))

OPEN = Action(
    "inspect.open",
    tr("Open another model…"),
    ("Ctrl+Shift+O",),
    tip=tr("Open another model"),
    icon="folder",
    short=tr("Open…"),
)
OPEN_FOLDER = Action("inspect.open-folder", tr("Open a folder of model files…"), icon="folder")
OPEN_ADDRESS = Action("inspect.open-address", tr("Open a file or repo of the Hub…"), icon="discover")
OPEN_LOADED = Action("inspect.open-loaded", tr("Inspect the model that is loaded"), needs=(LOADED,), icon="inspect")
OPEN_STARTER = Action(
    "inspect.open-starter", tr("Inspect the starter model"), icon="inspect", short=tr("The starter model")
)
COMPARE = Action(
    "inspect.compare",
    tr("Compare with another file…"),
    tip=tr("Put another model beside this one"),
    needs=(COMPARABLE,),
    short=tr("Compare with…"),
)
END_COMPARISON = Action(
    "inspect.end-comparison", tr("End the comparison"), needs=(COMPARED,), short=tr("End comparison")
)
CHECK = Action(
    "inspect.check-everything",
    tr("Check everything: read every weight"),
    tip=tr("Read every weight and check it"),
    needs=(GGUF_OPEN,),
    short=tr("Check everything"),
)
EXPORT_CSV = Action("inspect.export-csv", tr("Export the tensors as CSV…"), needs=(GGUF_OPEN,), short="CSV…")
EXPORT_JSON = Action("inspect.export-json", tr("Export the tensors as JSON…"), needs=(GGUF_OPEN,), short="JSON…")
EDIT_TEMPLATE = Action(
    "inspect.edit-template",
    tr("Change the chat template for this model…"),
    tip=tr("Change the chat template that is used with this model; its file stays as it is"),
    needs=(GGUF_OPEN,),
    icon="edit",
    short=tr("Change…"),
)
SAVE_TEMPLATE = Action(
    "inspect.save-template",
    tr("Use the changed chat template with this model"),
    ("Ctrl+S",),
    tip=tr("Use this chat template with this model from now on"),
    needs=(TEMPLATE_EDITED,),
    short=tr("Save"),
)
DISCARD_TEMPLATE = Action(
    "inspect.discard-template",
    tr("Discard the change of the chat template"),
    tip=tr("Forget what was changed"),
    needs=(TEMPLATE_EDITED,),
    short=tr("Discard"),
)
RESET_TEMPLATE = Action(
    "inspect.reset-template",
    tr("Use the model's own chat template again"),
    needs=(TEMPLATE_OWN,),
    short=tr("Use the model's own"),
)
CONVERT = Action(
    "inspect.convert",
    tr("Convert this folder of safetensors to GGUF…"),
    tip=tr("Make a GGUF file of it by llama.cpp's converter"),
    needs=(CONVERTIBLE,),
    short=tr("Convert to GGUF…"),
)
RUN = Action("inspect.run", tr("Load this model and chat"), icon="play", needs=(RUNNABLE,), short=tr("Run"))
NEXT_VIEW = Action("inspect.next-view", tr("Next view"), ("Ctrl+PgDown",), needs=(MODEL_OPEN,), repeats=True)
PREVIOUS_VIEW = Action("inspect.previous-view", tr("Previous view"), ("Ctrl+PgUp",), needs=(MODEL_OPEN,), repeats=True)
FIND = Action("inspect.find", tr("Search this view"), ("Ctrl+F",), needs=(MODEL_OPEN, SEARCHABLE))
LARGER = Action("inspect.map-larger", tr("Larger squares"), ("+", "="), needs=(MAP_SHOWN,), widget="layerMap")
SMALLER = Action("inspect.map-smaller", tr("Smaller squares"), ("-",), needs=(MAP_SHOWN,), widget="layerMap")
FIT = Action("inspect.map-fit", tr("All layers across the width"), ("0",), needs=(MAP_SHOWN,), widget="layerMap")

MAP_KEYS = WidgetKeys(
    tr("Move on the layer map (Ctrl: first and last row), go through a square's tensors"),
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
    shown=tr("Arrows, Home, End, Space"),
)
MAP_WHEEL = WidgetKeys(tr("Enlarge and reduce the layer map"), "layerMap", (), mouse="Ctrl+wheel")
TABLE_KEYS = WidgetKeys(
    tr("First and last row, open or close a group"),
    tr("tensor tables"),
    (
        ("Home", "first"),
        ("End", "last"),
        ("Ctrl+Home", "first"),
        ("Ctrl+End", "last"),
        ("Enter", "toggle"),
        ("Return", "toggle"),
    ),
    shown=tr("Home, End, Enter"),
)
GO_TO_FINDING = WidgetKeys(tr("Show where a problem lies"), "inspectProblemsTable", (("Enter", True), ("Return", True)))

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
