"""What the actions of the chat template call, and when they are possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.ui.inspect import actions
from desktop.ui.inspect.tabs import InspectTabs
from desktop.ui.shell.action_registry import ActionRegistry

if TYPE_CHECKING:
    from desktop.ui.inspect.template import TemplateTab


def template_tab(tabs: InspectTabs) -> TemplateTab:
    """The tab, brought into view."""
    from desktop.ui.inspect.template import TemplateTab  # not before it is looked at

    found = tabs.go_to("template")
    assert isinstance(found, TemplateTab)
    return found


def template_is(tabs: InspectTabs, *, editing: bool) -> bool:
    """Whether the template in view is being changed; or, where it is not, whether one of the user's is used."""
    from desktop.ui.inspect.template import TemplateTab

    shown = tabs.shown
    return isinstance(shown, TemplateTab) and shown.editing is editing and (editing or shown.own)


def connect_template(commands: ActionRegistry, tabs: InspectTabs) -> None:
    """Connect them."""
    commands.connect_to(actions.EDIT_TEMPLATE, lambda: template_tab(tabs).edit())
    commands.connect_to(actions.SAVE_TEMPLATE, lambda: template_tab(tabs).save())
    commands.connect_to(actions.DISCARD_TEMPLATE, lambda: template_tab(tabs).discard())
    commands.connect_to(actions.RESET_TEMPLATE, lambda: template_tab(tabs).reset())
    commands.ask(actions.TEMPLATE_EDITED, lambda: template_is(tabs, editing=True))
    commands.ask(actions.TEMPLATE_OWN, lambda: template_is(tabs, editing=False))
