"""The door as one ASGI application: who may come in, which route answers, in whose shape a refusal is told."""

from __future__ import annotations

import logging
import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from desktop.services.serve.door.desk import ENTRY, Desk
from desktop.services.serve.door.dialects import DIALECT, Dialect, all_dialects
from desktop.services.serve.door.failures import DoorError, internal
from desktop.services.serve.door.guard import check_host, check_key, check_origin
from desktop.services.serve.door.page.assets import Assets
from desktop.services.serve.door.page.routes import UNLISTED
from desktop.services.serve.door.page.routes import routes as page_routes
from desktop.services.serve.door.replies import CLIENT_LEFT, refusal
from desktop.services.serve.door.requests import Entry

_log = logging.getLogger(__name__)
_HEALTH = ("/health", "/v1/health")


def application(desk: Desk) -> ASGIApp:
    """Everything that is served."""
    dialects = all_dialects()
    routes = [route for dialect in dialects for route in dialect.routes(desk)]
    assets = None
    if desk.page is not None:
        assets = Assets(desk.page)
        routes = [*page_routes(desk), *routes]
    router = Router(routes, redirect_slashes=False)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"] = _tidy(scope["path"])
        headers = Headers(scope=scope)
        dialect = scope[DIALECT] = next(
            each for each in dialects if path.startswith(each.prefixes) or (each.header and each.header in headers)
        )
        if path in _HEALTH:
            await _health(desk, dialect, headers)(scope, receive, send)
            return
        file = assets.find(scope["method"], path) if assets is not None else None
        listed = file is None and not (assets is not None and path in UNLISTED)
        entry = scope[ENTRY] = desk.log.begin(headers.get("user-agent", ""), path, listed=listed)
        try:
            check_host(headers, desk.settings)
            check_origin(headers)
            if file is not None:
                await file(scope, receive, send)
                return
            check_key(headers, desk.settings.key)
            scope["app"] = router  # so that it raises what no route answers
            await router(scope, receive, send)
        except HTTPException as error:
            await _refuse(_of_route(error, scope), dialect, entry, scope, receive, send)
        except ClientDisconnect:
            entry.update(state="stopped", status=CLIENT_LEFT)
        except DoorError as failure:
            await _refuse(failure, dialect, entry, scope, receive, send)
        except Exception as error:  # noqa: BLE001  # the client hears of it, the log has where it was
            _log.error("A request failed: %s", type(error).__name__, exc_info=error)
            await _refuse(internal(), dialect, entry, scope, receive, send)
        else:
            if not entry.ended:
                entry.update(state="done", status=200)

    return answer


def _health(desk: Desk, dialect: Dialect, headers: Headers) -> JSONResponse:
    """Whether it is there: without a key, and nothing else is told."""
    try:
        check_host(headers, desk.settings)
        check_origin(headers)
    except DoorError as failure:
        return refusal(dialect, failure)
    return JSONResponse({"status": "ok"})


async def _refuse(
    failure: DoorError, dialect: Dialect, entry: Entry, scope: Scope, receive: Receive, send: Send
) -> None:
    entry.update(state="refused", status=failure.status, error=failure.record)
    await refusal(dialect, failure)(scope, receive, send)


def _of_route(error: HTTPException, scope: Scope) -> DoorError:
    """No route, or not with this method."""
    method, path = scope["method"], scope["path"][:200]
    if error.status_code == 405:
        return DoorError(
            405, f"Not allowed to {method} on {path}.", code="method_not_allowed", headers=error.headers or {}
        )
    return DoorError(404, f"Invalid URL ({method} {path})", code="unknown_url")


def _tidy(path: str) -> str:
    """Without double slashes, and without one at the end: clients join addresses carelessly."""
    return re.sub(r"/{2,}", "/", path).rstrip("/") or "/"
