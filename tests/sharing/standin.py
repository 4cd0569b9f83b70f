"""A stand-in for the hub: as much of its HTTP API as the client uses for files of a model or a data set.

The real hub is not asked by any test. What a repository holds is a dictionary of bytes; files that end on
``.safetensors`` are kept as large files, whose ETag is their sha256, as on the hub. The names of data sets begin with
``datasets/``, as in addresses.
"""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_of_the_stand_in"
EMPTY = "0" * 40


@dataclass
class Repo:
    """What is under one name."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    gated: bool = False
    listed_sha256: dict[str, str] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        """Changes with the files."""
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest() if self.files else EMPTY

    def digest(self, name: str) -> str:
        return self.listed_sha256.get(name) or hashlib.sha256(self.files[name]).hexdigest()


@dataclass
class Hub:
    """All repositories, the large files that were uploaded, and what was asked for."""

    repos: dict[str, Repo] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    full: bool = False
    url: str = ""


class Answers(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET(send=False)

    def do_GET(self, send: bool = True) -> None:
        path = self._note()
        if self.hub.broken:
            return self._error(503, "", "down")
        if path.startswith("/api/"):
            name, _, place = path.removeprefix("/api/").removeprefix("models/").partition("/tree/")
            return self._tree(name, *place.split("/", 1)) if place else self._info(name)
        name, _, rest = path[1:].partition("/resolve/")
        revision, _, file = rest.partition("/")
        if not (repo := self._repo(name, revision)):
            return None
        if repo.gated and file != "README.md":
            return self._error(403, "GatedRepo", "Access is restricted")
        if file not in repo.files:
            return self._error(404, "EntryNotFound", "Entry not found")
        return self._file(repo, file, send)

    def do_POST(self) -> None:
        path = self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/paths-info/" in path:
            name, _, revision = path.removeprefix("/api/").removeprefix("models/").partition("/paths-info/")
            return self._paths(name, revision, parse_qs(body.decode())["paths"])
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._error(401, "", "Invalid username or password.")
        if path == "/api/repos/create":
            given = json.loads(body)
            name = f"{given['organization']}/{given['name']}"
            if not name.startswith("me/"):
                return self._error(403, "", "You don't have the rights to create a model under this namespace")
            self.hub.repos[name] = Repo(private=given.get("visibility") == "private" or bool(given.get("private")))
            return self._json({"url": f"{self.hub.url}/{name}"})
        if path.endswith("/info/lfs/objects/batch"):
            return self._large(json.loads(body))
        name, _, rest = path.removeprefix("/api/models/").partition("/preupload/")
        if rest:
            return self._modes(json.loads(body))
        return self._commit(path.removeprefix("/api/models/").partition("/commit/")[0], body)

    def do_PUT(self) -> None:
        path = self._note()
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.hub.full:
            return self._error(403, "", "no space is left to this account")
        self.hub.large[path.rpartition("/")[2]] = data
        return self._json({})

    def _info(self, rest: str) -> None:
        name, _, revision = rest.partition("/revision/")
        if repo := self._repo(name, revision or "main"):
            files = [
                {"rfilename": file, "size": len(data)} | self._lfs(repo, file) for file, data in repo.files.items()
            ]
            facts = {"id": name, "modelId": name, "sha": repo.commit, "private": repo.private, "tags": []}
            self._json({**facts, "downloads": 0, "likes": 0, "siblings": files, "gated": repo.gated and "manual"})

    def _tree(self, name: str, revision: str, folder: str = "") -> None:
        """List a folder with all below it."""
        if repo := self._repo(name, revision):
            below = [entry for entry in self._entries(repo) if entry["path"].startswith(f"{folder}/" if folder else "")]
            self._json(below) if below else self._error(404, "EntryNotFound", "Entry not found")

    def _paths(self, name: str, revision: str, paths: list[str]) -> None:
        if repo := self._repo(name, revision):
            self._json([entry for entry in self._entries(repo) if entry["path"] in paths])

    @staticmethod
    def _entries(repo: Repo) -> list[dict[str, Any]]:
        folders = {str(folder) for file in repo.files for folder in PurePosixPath(file).parents} - {"."}
        found = [{"type": "directory", "path": folder, "oid": EMPTY} for folder in folders]
        return found + [
            {"type": "file", "path": file, "size": len(data), "oid": EMPTY} for file, data in repo.files.items()
        ]

    @staticmethod
    def _lfs(repo: Repo, file: str) -> dict[str, Any]:
        if not file.endswith(".safetensors"):
            return {}
        return {"lfs": {"sha256": repo.digest(file), "size": len(repo.files[file]), "pointerSize": 130}}

    def _repo(self, name: str, revision: str) -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self.headers.get("Authorization") != f"Bearer {TOKEN}"):
            self._error(401 if repo else 404, "RepoNotFound", "Repository not found")
            return None
        if unquote(revision) not in ("main", "v1", repo.commit):
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repo

    def _file(self, repo: Repo, file: str, send: bool) -> None:
        data = repo.files[file]
        etag = repo.digest(file) if file.endswith(".safetensors") else hashlib.sha1(data).hexdigest()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", repo.commit)
        self.end_headers()
        if send:
            self.wfile.write(data)

    def _modes(self, given: dict[str, Any]) -> None:
        modes = {True: "lfs", False: "regular"}
        files = [{"path": f["path"], "shouldIgnore": False} for f in given["files"]]
        self._json({"files": [f | {"uploadMode": modes[f["path"].endswith(".safetensors")]} for f in files]})

    def _large(self, given: dict[str, Any]) -> None:
        url = f"{self.hub.url}/large"
        objects = [o | {"actions": {"upload": {"href": f"{url}/{o['oid']}"}}} for o in given["objects"]]
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, body: bytes) -> None:
        repo = self.hub.repos[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repo.files[value["path"]] = self.hub.large[value["oid"]]
        url = f"{self.hub.url}/{name}/commit/{repo.commit}"
        self._json({"success": True, "commitUrl": url, "commitOid": repo.commit, "pullRequestUrl": None})

    def _json(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, code: str, message: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _note(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        return path

    def log_message(self, *args: object) -> None:
        pass


def serve(hub: Hub) -> ThreadingHTTPServer:
    """Answer in a thread; ``shutdown`` and ``server_close`` end it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answers,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
