"""Programs of others that the chat makes use of: the part of the container that knows other servers, and tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.made_once import made_once
from desktop.services.members import Members
from desktop.store import options

if TYPE_CHECKING:
    from desktop.services.endpoints.service import EndpointService
    from desktop.services.tools.service import ToolService
    from desktop.store.paths import Paths
    from desktop.store.settings import SettingsStore


class OutsideServices(Members):
    """Needs members of the whole: where data lies, and the settings."""

    paths: Paths
    settings: made_once[SettingsStore]

    @made_once
    def endpoints(self) -> EndpointService:
        """Other servers."""
        from desktop.services.endpoints.keys import EndpointKeys
        from desktop.services.endpoints.service import EndpointService
        from desktop.store.endpoints import EndpointStore

        proxy = lambda: self.settings.get(options.PROXY)  # noqa: E731
        return EndpointService(EndpointStore(self.paths.endpoints), EndpointKeys(self.paths.endpoint_keys), proxy)

    @made_once
    def tools(self) -> ToolService:
        """Servers of tools for the chat."""
        from desktop.services.endpoints.service import proxy_for
        from desktop.services.tools.secrets import ToolSecrets
        from desktop.services.tools.service import ToolService
        from desktop.store.tool_servers import ToolServerStore

        proxy = lambda url: proxy_for(url, self.settings.get(options.PROXY))  # noqa: E731
        secrets = ToolSecrets(self.paths.tool_keys)
        return ToolService(ToolServerStore(self.paths.tool_servers), secrets, self.paths.scratch, proxy)
