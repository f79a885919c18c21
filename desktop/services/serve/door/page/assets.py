"""The files of llama.cpp's web page: a folder that its sources were built into (packaging/build_web_page.py).

They are the same for everybody and hold nothing of anybody, so they come without the key; the page asks for it, keeps
it in the browser and sends it with each request.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.responses import FileResponse, Response

from desktop.engine.backends import engine_package
from desktop.engine.server.program import engine_version
from desktop.system.places import cache_folder

_INDEX = "index.html"
_SIGNS = ("/favicon.ico", "/favicon.svg")  # browsers ask for them, whatever was built
# what an answer contains must not send anything anywhere else, and no other page may show this one in a frame
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; form-action 'none'; base-uri 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def built_folder() -> Path:
    """Where a page that was built for this engine lies."""
    return cache_folder() / "web-page" / (engine_version() or "unknown")


def find_page() -> Path | None:
    """The folder of the page: beside the engine, or where it was built; None where there is none."""
    folders = (engine_package() / "lib" / "web-page", built_folder())
    return next((folder for folder in folders if (folder / _INDEX).is_file()), None)


class Assets:
    """The files of a folder by the paths under which they are served; those that are there now, and no other."""

    def __init__(self, folder: Path) -> None:
        self._files = {f"/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
        self._files["/"] = folder / _INDEX

    def find(self, method: str, path: str) -> Response | None:
        """The file of a path; None where it is not the page's."""
        if method not in ("GET", "HEAD"):
            return None
        file = self._files.get(path)
        if file is None:
            return Response(status_code=404) if path in _SIGNS else None
        kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0]
        return FileResponse(file, media_type=kind or "application/octet-stream", headers=_HEADERS)
