"""What every request passes before it is served: who asks, from where, and how much is sent.

Plain ASGI, because it must act before a body is read.
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse

from fastnst.serve.job import Limits
from fastnst.serve.metrics import Metrics
from fastnst.serve.problems import Problem, answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

OPEN = ("/healthz", "/readyz")
"""Paths that need no token: whoever watches over the server asks for them."""

COOKIE = "fastnst_token"

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: mediastream:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}
"""Headers of every answer: nothing from another address, and in no frame of one."""

CLOSE = {"connection": "close"}
"""For answers to requests that are not read to their end: what comes yet would be read, and for ever."""

LINGER = 4
"""Of a body that is not wanted, up to so many times the limit is read and forgotten: who still sends when a connection
is closed may never see the answer."""


class Guard:
    """Let through what may be served.

    Args:
        app: What serves it.
        token: What must be known; nothing where anybody may ask.
        loopback: Only this machine may ask; without a token, by its own name alone: another that leads here is a trick
            of a page (DNS rebinding).
        limits: Of a body.
        metrics: Count the answers.
    """

    def __init__(self, app: App, token: str | None, loopback: bool, limits: Limits, metrics: Metrics) -> None:
        self.app, self.loopback, self.limits, self.metrics = app, loopback, limits, metrics
        self.token = token.encode() if token else None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve a request, or answer why not."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun, body = time.perf_counter(), Body(receive, self.limits, Headers(scope=scope))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in (SECURITY if body.complete else SECURITY | CLOSE).items():
                    headers.setdefault(name, value)
                self.metrics.requests.add(path=_label(scope["path"]), status=str(message["status"]))
            ends = message["type"] == "http.response.body" and not message.get("more_body")
            if ends and not body.complete:
                await send({**message, "more_body": True})
                await body.discard()
                message = {"type": "http.response.body"}
            await send(message)
            if ends and scope["path"] == "/v1/stylize":
                self.metrics.stylize_seconds.add(time.perf_counter() - begun)

        try:
            if welcome := self._welcome(scope):
                return await welcome(scope, receive, told)
            self._check(scope)
            await self.app(scope, body, told)
        except Problem as problem:
            await answer(problem)(scope, receive, told)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        """Refuse strangers.

        Raises:
            Problem: 401 or 403.
        """
        headers = Headers(scope=scope)
        hosts = [headers.get("host", ""), headers.get("x-forwarded-host", "")]  # which no page of others can set
        if self.loopback and not self.token and not is_loopback(_hostname(hosts[0])):
            raise Problem(403, "this server is for this machine only: use http://localhost, or give it a token")
        origin = headers.get("origin")
        if origin and origin.partition("://")[2] not in filter(None, hosts):
            raise Problem(403, "pages of other addresses may not use this server")
        if self.token and scope["path"] not in OPEN and not self._knows(headers):
            remedy = "send it as Authorization: Bearer TOKEN, or open /?token=TOKEN in the browser"
            raise Problem(401, f"a token is needed; {remedy}", {"www-authenticate": "Bearer"})

    def _knows(self, headers: Headers) -> bool:
        assert self.token is not None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), self.token):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode("latin-1"), self._cookie.encode())

    def _welcome(self, scope: MutableMapping[str, Any]) -> App | None:
        """Give a browser that brings the token in the address a cookie in its place, which no page can read."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if not self.token or scope["path"] != "/" or not given:
            return None
        if not hmac.compare_digest(given[0].encode(), self.token):
            raise Problem(401, "this is not the token", {"www-authenticate": "Bearer"})
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict")
        return response

    @property
    def _cookie(self) -> str:
        assert self.token is not None
        return sha256(b"fastnst cookie " + self.token).hexdigest()


class Body:
    """Read a request's body, as far as it may go and in the time that it may take.

    Args:
        receive: The next part of it, or what comes after.
        limits: Bytes and seconds.
        headers: Of the request.

    Attributes:
        complete: It was read to its end.
    """

    def __init__(self, receive: Receive, limits: Limits, headers: Headers) -> None:
        self.receive, self.most, self.read = receive, limits.bytes, 0
        self.ends = asyncio.get_running_loop().time() + limits.seconds
        stated = headers.get("content-length", "")
        self.stated = int(stated) if stated.isdecimal() else None
        self.complete = not self.stated and "transfer-encoding" not in headers

    async def __call__(self) -> Message:
        """Return the next part.

        Raises:
            Problem: 413, it is, or says that it is, too large; 408, it comes too slowly.
        """
        message = await self._next()
        if (self.stated or 0) > self.most or self.read > self.most:
            limit = f"{self.most / 2**20:.3g} MB"
            raise Problem(413, f"the request is larger than the {limit} that this server takes")
        return message

    async def discard(self) -> None:
        """Read on, and forget it, while the sender sends; not for ever."""
        with suppress(Problem):
            while not self.complete and self.read <= LINGER * self.most:
                await self._next()

    async def _next(self) -> Message:
        if self.complete:  # what comes now is that the client goes, which may take its time
            return await self.receive()
        try:
            async with asyncio.timeout_at(self.ends):
                message = await self.receive()
        except TimeoutError:
            raise Problem(408, "the request came too slowly") from None
        self.read += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        return message


def _hostname(host: str) -> str:
    """Return a host without its port."""
    return host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _label(path: str) -> str:
    """Name a path for counting; there are as few names as there are kinds of paths."""
    if path.startswith("/v1/styles/"):
        return "/v1/styles/{id}"
    return path if path in ("/", "/v1/stylize", "/v1/styles", "/v1/models", "/metrics", *OPEN) else "other"
