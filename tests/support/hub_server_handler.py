"""The answers of the local Hub: routes, listings, redirects, ranges, errors as the Hub words them."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from .hub_server import Exchange, Fault, LocalServer, Repo
from .hub_server_content import BytesContent, Content

_INVERTED = bytes(byte ^ 0xFF for byte in range(256))
_CHUNK = 64 << 10
_LFS = re.compile(r"\.(gguf|safetensors|bin|onnx|pt|npz)(\.part\d+of\d+)?$", re.IGNORECASE)
_SORT = {"downloads", "likes", "lastModified", "trendingScore", "createdAt"}
_BASIC = ("downloads", "likes", "tags", "pipeline_tag", "library_name", "private", "createdAt")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalServer

    def log_message(self, *_: object) -> None:
        """Quiet: exchanges are recorded."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    # -- routing ---------------------------------------------------------------------------------

    def _answer(self) -> None:
        self.hub = self.server.hub
        parts = urlsplit(self.path)
        self.route, self.query = unquote(parts.path).removeprefix(self.hub.prefix), parse_qs(parts.query)
        self.exchange = Exchange(self.command, self.route, self.query, dict(self.headers.items()))
        self.hub.exchanges.append(self.exchange)
        slow = self.hub.fault(self.route, "slow")
        if slow is not None:
            self.hub.closing.wait(slow.seconds)
        failing = self.hub.fault(self.route, "status")
        if failing is not None:
            self._error(failing.status, "", "on demand", failing.headers)
            return
        if self.hub.fault(self.route, "redirect-loop") is not None:
            self._send(302, b"", {"Location": self.path})
            return
        led = self.hub.fault(self.route, "redirect")
        if led is not None:
            inside = self.path.removeprefix(self.hub.prefix)
            self._send(led.status, b"Moved", {"Location": led.location.replace("{}", inside)})
            return
        old = next((old for old in self.hub.renamed if f"/{old}/" in f"{self.route}/"), None)
        if old is not None:  # as the Hub answers: from the root
            moved = self.path.removeprefix(self.hub.prefix).replace(quote(old), quote(self.hub.renamed[old]), 1)
            self._send(307, b"Temporary Redirect", {"Location": moved})
            return
        if self.hub.prefix and not self.path.startswith(f"{self.hub.prefix}/"):
            self._error(404, "", "Nothing is outside the prefix")
            return
        resolve = re.fullmatch(r"/(?P<repo>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", self.route)
        blob = re.fullmatch(r"/cdn/(?P<blob>[^/]+)/.*", self.route)
        if self.route == "/api/models":
            self._list()
        elif self.route == "/api/whoami-v2":
            self._whoami()
        elif self.route.startswith("/api/models/"):
            self._model(self.route.removeprefix("/api/models/"))
        elif blob is not None:
            content = self.hub.content(blob["blob"])
            if content is None:
                self._error(404, "EntryNotFound", "Entry not found")
            else:
                self._content(content, {"ETag": f'"{content.md5}"'})
        elif resolve is not None:
            self._resolve(resolve["repo"], resolve["revision"], resolve["path"])
        else:
            self._error(404, "", "Not found")

    # -- answers ---------------------------------------------------------------------------------

    def _list(self) -> None:
        token = self._token()
        if token == "":
            return
        found = [repo for repo in self.hub.repos.values() if self._listed(repo, token)]
        sort = self.query.get("sort", ["trendingScore"])[0]
        if sort not in _SORT:
            self._error(400, "", f'"sort" must be one of {sorted(_SORT)}')
            return
        found.sort(key=lambda repo: repo.fields.get(sort) or (0 if sort[0] in "dlt" and sort != "lastModified" else ""))
        found.reverse()
        start = int(self.query.get("cursor", ["0"])[0])
        limit = min(int(self.query.get("limit", [self.hub.page_size])[0]), 1000)
        page = found[start : start + limit]
        headers = {}
        if start + limit < len(found):
            following = {**self.query, "cursor": [str(start + limit)]}
            where = self.hub.endpoint if self.hub.next_endpoint is None else self.hub.next_endpoint
            headers["Link"] = f'<{where}/api/models?{urlencode(following, doseq=True)}>; rel="next"'
        expand = self.query.get("expand") or [*_BASIC, *(("siblings", "gated", "sha") if "full" in self.query else ())]
        self._json([self._fields(repo, expand) for repo in page], headers)

    def _listed(self, repo: Repo, token: str | None) -> bool:
        fields, query = repo.fields, self.query
        tags = {str(tag).lower() for tag in fields.get("tags", [])}
        words = query.get("search", [""])[0].lower()
        allowed = not repo.private or (token is not None and repo.id in self.hub.tokens.get(token, ()))
        return (
            allowed
            and all(word in repo.id.lower() for word in words.split())
            and all(tag.lower() in tags for tag in query.get("filter", []))
            and query.get("author", [repo.id.split("/")[0]])[0].lower() == repo.id.split("/")[0].lower()
            and query.get("pipeline_tag", [fields.get("pipeline_tag")])[0] == fields.get("pipeline_tag")
            and query.get("gated", [str(bool(repo.gated))])[0].lower() == str(bool(repo.gated)).lower()
            and _within(query.get("num_parameters", [""])[0], _parameters(repo))
        )

    def _fields(self, repo: Repo, expand: list[str], blobs: bool = False) -> dict[str, Any]:
        every = {
            **repo.fields,
            "author": repo.id.split("/")[0],
            "sha": repo.commit,
            "private": repo.private,
            "gated": repo.gated,
            "siblings": [self._sibling(path, content, blobs) for path, content in repo.files.items()],
        }
        wanted = {name: every[name] for name in expand if name in every}
        return {"_id": f"{abs(hash(repo.id)):024x}"[:24], "id": repo.id, "modelId": repo.id, **wanted}

    def _sibling(self, path: str, content: Content, blobs: bool) -> dict[str, Any]:
        if not blobs:
            return {"rfilename": path}
        found: dict[str, Any] = {"rfilename": path, "size": content.size, "blobId": content.blob_id}
        if _LFS.search(path):
            found["lfs"] = {"sha256": content.sha256, "size": content.size, "pointerSize": 135}
        return found

    def _model(self, rest: str) -> None:
        name, _, tail = rest.partition("/tree/")
        if not tail:
            name, _, revision = rest.partition("/revision/")
        else:
            revision, _, folder = tail.partition("/")
        repo = self._repo(name)
        if repo is None or not self._revision(repo, revision):
            return
        if tail:
            self._json(self._tree(repo, folder))
            return
        every = [*repo.fields, "author", "sha", "private", "gated", "siblings"]
        expand = self.query.get("expand") or every
        self._json(self._fields(repo, expand, blobs="blobs" in self.query))

    def _tree(self, repo: Repo, folder: str) -> list[dict[str, Any]]:
        entries = []
        for path, content in repo.files.items():
            if folder and not path.startswith(f"{folder}/"):
                continue
            entry: dict[str, Any] = {"type": "file", "oid": content.blob_id, "size": content.size, "path": path}
            if _LFS.search(path):
                entry["lfs"] = {"oid": content.sha256, "size": content.size, "pointerSize": 135}
            entries.append(entry)
        return entries

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repo = self._repo(name)
        if repo is None or not self._revision(repo, revision):
            return
        token = self._token()
        if repo.gated and (token is None or repo.id not in self.hub.tokens.get(token, ())):
            known = token is not None
            words = "you are not in the authorized list" if known else "you must have access to it and be authenticated"
            self._error(403 if known else 401, "GatedRepo", f"Access to model {name} is restricted and {words}.")
            return
        content = repo.files.get(path)
        if content is None:
            self._error(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": repo.commit}
        if not _LFS.search(path):
            self._content(content, {**headers, "ETag": f'"{content.blob_id}"'})
            return
        headers["X-Linked-Etag"] = f'"{content.sha256}"'
        headers["X-Linked-Size"] = str(content.size)
        headers["Location"] = (
            f"http://localhost:{self.hub.port}{self.hub.prefix}/cdn/{self.hub.blob(content)}/{quote(path)}?Signature=s"
        )
        self._send(302, b"Found. Redirecting", headers)

    def _repo(self, name: str) -> Repo | None:
        token = self._token()
        if token == "":
            return None
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and (token is None or name not in self.hub.tokens.get(token, ()))):
            self._error(401 if token is None else 404, "RepoNotFound", "Repository not found")
            return None
        return repo

    def _revision(self, repo: Repo, revision: str) -> bool:
        if revision in ("", "main", repo.commit):
            return True
        self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return False

    def _whoami(self) -> None:
        token = self._token()
        if token:
            self._json({"type": "user", "name": "tester", "auth": {"type": "access_token"}})
        elif token is None:
            self._error(401, "", "Invalid username or password.")

    def _token(self) -> str | None:
        """The request's token; None without one, and "" when it was wrong and has been answered."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not given:
            return None
        if given not in self.hub.tokens:
            self._error(401, "", "Invalid credentials in Authorization header")
            return ""
        return given

    # -- sending ---------------------------------------------------------------------------------

    def _json(self, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        if self.hub.fault(self.route, "bad-json") is not None:
            body = body[: len(body) // 2]
        cut = self.hub.fault(self.route, "cut")
        self._send(200, body, {"Content-Type": "application/json", **(headers or {})}, cut)

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        named = {"X-Error-Code": code} if code else {}
        body = json.dumps({"error": message}).encode()
        kind = {"Content-Type": "application/json"}
        self._send(status, body, {**kind, **named, "X-Error-Message": message, **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str], cut: Fault | None = None) -> None:
        self._head(status, len(body), headers)
        if self.command != "HEAD":
            self._body(BytesContent(body), 0, len(body), cut)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.exchange.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _content(self, content: Content, headers: dict[str, str]) -> None:
        first, last = 0, content.size - 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        status, told = 200, dict(headers, **{"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"})
        if asked and self.command == "GET" and self.hub.fault(self.route, "ignore-range") is None:
            first, last = int(asked[1]), min(int(asked[2] or last), last)
            if first >= content.size:
                self._error(416, "", "Range not satisfiable", {"Content-Range": f"bytes */{content.size}"})
                return
            status = 206
            claimed = content.size + (4096 if self.hub.fault(self.route, "wrong-length") is not None else 0)
            told["Content-Range"] = f"bytes {first}-{last}/{claimed}"
        self._head(status, last - first + 1, told)
        if self.command == "GET":
            if self.hub.fault(self.route, "wrong-bytes") is not None:
                content = BytesContent(content.read(0, content.size).translate(_INVERTED))
            self._body(content, first, last - first + 1, self.hub.fault(self.route, "cut", "stall"))

    def _body(self, content: Content, first: int, length: int, fault: Fault | None) -> None:
        allowed = length if fault is None else min(length, fault.after)
        while self.exchange.sent < allowed:
            chunk = content.read(first + self.exchange.sent, min(_CHUNK, allowed - self.exchange.sent))
            self.wfile.write(chunk)
            self.exchange.sent += len(chunk)
            if self.hub.bytes_per_second and self.hub.closing.wait(len(chunk) / self.hub.bytes_per_second):
                break
        if fault is not None:
            self.wfile.flush()
            if fault.kind == "stall":
                self.hub.stalled.set()
                self.hub.closing.wait()
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


def _parameters(repo: Repo) -> int | None:
    for name in ("gguf", "safetensors"):
        total = (repo.fields.get(name) or {}).get("total")
        if total:
            return int(total)
    return None


def _within(limits: str, parameters: int | None) -> bool:
    """The Hub's range of parameters, ``min:6B,max:128B``."""
    if not limits:
        return True
    if parameters is None:
        return False
    scale = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    for limit in limits.split(","):
        kind, _, text = limit.partition(":")
        number = float(text.rstrip("KMBT")) * scale.get(text[-1:], 1)
        if (kind == "min" and parameters < number) or (kind == "max" and parameters > number):
            return False
    return True
