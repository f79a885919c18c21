"""Services made as the settings say: each reads its options when it needs them, so that a change counts at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from desktop.core.reserves import Reserves
from desktop.engine.worker.protocol import Hello, Load
from desktop.services.engine.supervisor import EngineService
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

if TYPE_CHECKING:
    from desktop.hub.client import HubClient
    from desktop.hub.token import HubToken
    from desktop.services.machine.machine import MachineService
    from desktop.services.models.local_copies import LocalCopies


def engine_service(paths: Paths, settings: SettingsStore) -> EngineService:
    """The engine; a load that names no threads takes those of the settings."""

    def completed(request: Load) -> Load:
        threads = request.threads or settings.get(options.THREADS)
        return msgspec.structs.replace(request, threads=threads, reserves=reserves(settings))

    return EngineService(paths, completed)


def machine_service(paths: Paths, settings: SettingsStore, engine_info: Callable[[], Hello]) -> MachineService:
    """What this computer is, and what of its memory is to be kept free."""
    from desktop.services.machine.machine import MachineService

    return MachineService(paths, engine_info, reserves=lambda: reserves(settings))


def reserves(settings: SettingsStore) -> Reserves:
    """The memory that the user wants kept free."""
    return Reserves(settings.get(options.RAM_RESERVE), settings.get(options.GPU_RESERVE))


def local_copies(settings: SettingsStore) -> LocalCopies:
    """Files of the Hub that are on this computer, in the stores that are used."""
    from desktop.services.models.local_copies import LocalCopies

    return LocalCopies(used=lambda store: settings.get(options.STORES[store]))


def hub_token(settings: SettingsStore) -> HubToken:
    """The Hub's token, for the address that the settings name."""
    from desktop.hub.token import HubToken

    return HubToken(lambda: hub_endpoint(settings))


def hub_client(settings: SettingsStore, token: HubToken | None = None) -> HubClient:
    """The connection to the Hub."""
    from desktop.hub.client import HubClient

    return HubClient(
        endpoint=lambda: hub_endpoint(settings),
        token=(token or hub_token(settings)).get,
        proxy=lambda: settings.get(options.PROXY),
        offline=lambda: settings.get(options.HUB_OFFLINE),
    )


def hub_endpoint(settings: SettingsStore) -> str:
    """The Hub's address where a person named one; "" for what huggingface_hub has, which follows HF_ENDPOINT."""
    return "" if os.environ.get("HF_ENDPOINT") else settings.get(options.HUB_ENDPOINT)
