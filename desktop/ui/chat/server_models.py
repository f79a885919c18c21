"""The part of the model menu that belongs to other servers: a heading for each, and its models below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from desktop.core.endpoint_model import EndpointModel
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.endpoints.failure_words import short_failure
from desktop.ui.shared.model_titles import shortened

if TYPE_CHECKING:
    from desktop.engine.endpoint.models import OfferedModel
    from desktop.services.endpoints.service import Tested

_MOST_BELOW = 8  # a server with more of them has a menu of its own
_CHARACTERS = 44


def add_servers(menu: QMenu, servers: Sequence[Tested], chosen: Callable[[str], None]) -> None:
    """Add a group for each server; ``chosen`` is called with the identity of the model that was clicked."""
    for server in servers:
        menu.addSeparator()
        name = server.endpoint.name
        heading = menu.addAction(_heading(server))
        heading.setEnabled(False)
        if server.error is not None:
            heading.setToolTip(plain_tooltip(f"{server.error.message}\n{server.error.hint}".strip()))
        models = server.models
        below = menu
        if len(models) > _MOST_BELOW:
            below = menu.addMenu(tr("{models} models of {name}", models=len(models), name=shortened(name, _CHARACTERS)))
            below.setObjectName(f"modelsOf_{name}")
            below.setToolTipsVisible(True)
        for model in models:
            below.addAction(_action(below, server, model, chosen))
        if not models and server.reachable:
            menu.addAction(tr("It offers no model that writes answers")).setEnabled(False)


def _heading(server: Tested) -> str:
    name = shortened(server.endpoint.name, _CHARACTERS)
    if server.reachable:
        return tr("On {name}", name=name)
    if server.error is None:
        return tr("On {name}: asking…", name=name)
    return tr("On {name}: {kind}", name=name, kind=short_failure(server.error.kind) or tr("not reachable"))


def _action(menu: QMenu, server: Tested, model: OfferedModel, chosen: Callable[[str], None]) -> QAction:
    meant = EndpointModel(server.endpoint.name, model.id)
    action = QAction(shortened(meant.title, _CHARACTERS), menu)
    facts = [model.id, model.about]
    if length := model.context_length or model.trained_context:
        facts.append(tr("{length:,} tokens", length=length))
    if model.loaded is not None:
        facts.append(tr("loaded there") if model.loaded else tr("not loaded there yet"))
    action.setToolTip(plain_tooltip("\n".join(fact for fact in facts if fact)))
    action.setEnabled(server.error is None)
    action.triggered.connect(lambda: chosen(meant.identity))
    return action
