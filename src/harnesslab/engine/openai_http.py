"""HTTP to a model server: retries with jitter, timeouts, typed failures. Knows nothing of chats or models."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harnesslab.errors import EngineFailure

if TYPE_CHECKING:
    import httpx

_AGAIN = frozenset({429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for; times in seconds.

    Attributes:
        attempts: tries per request, the first included.
        pause: before the first retry; doubles with each, and a random share of it is waited.
        longest: of one pause, also where the server asks for more.
        loading: in all, for a server that says it is still loading its model.
        connect: for a connection.
        read: for the answer to begin or go on.
    """

    attempts: int = 5
    pause: float = 0.5
    longest: float = 60.0
    loading: float = 300.0
    connect: float = 10.0
    read: float = 900.0


class Refused(Exception):
    """An answer that is not 2xx and that asking again did not, or would not, change."""

    def __init__(self, status: int, message: str, kind: str = "", facts: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status, self.message, self.kind, self.facts = status, message, kind, facts or {}

    def failure(self) -> EngineFailure:
        """What it means where the caller makes nothing of it."""
        cause = {404: "no-model", 429: "rate-limited"}.get(self.status)
        return EngineFailure(cause or ("server-error" if self.status >= 500 else "bad-request"), str(self))


class Http:
    """A server's address and key. Closing it lets requests in flight, and trials that still hold it, finish.

    Args:
        url: without a trailing slash; paths are appended to it.
        key: bearer token, or empty.
        key_name: where the user keeps the key, for the error that says it is refused.
    """

    def __init__(self, url: str, key: str = "", key_name: str = "", patience: Patience | None = None) -> None:
        self.url = url
        self._key, self._key_name = key, key_name
        self._patience = patience or Patience()
        self._client: httpx.AsyncClient | None = None
        self._users = 0
        self._closed = False

    async def post(self, url: str, body: Any) -> dict[str, Any]:
        """The JSON object that comes back.

        Raises:
            Refused: an error status that stays.
            EngineFailure: "server-gone", "no-tls", "server-timeout", "unauthorised" or "bad-response".
        """
        content = json.dumps(body).encode()
        waiting_since, attempt = time.monotonic(), 0
        while True:
            response = await self._send("POST", url, content, attempt)
            if response is not None:
                if response.is_success:
                    return _object(response, url)
                refused = _refused(response)
                if response.status_code not in _AGAIN or is_final(refused.message):
                    raise refused
                waited = time.monotonic() - waiting_since
                if "loading model" in refused.message.lower() and waited < self._patience.loading:
                    attempt = 0
                elif attempt + 1 >= self._patience.attempts:
                    raise refused
            attempt += 1
            await asyncio.sleep(self._pause(attempt, response))

    async def peek(self, url: str, body: Any = None) -> Any:
        """The JSON at `url`, or None where there is none: what a server offers is found out by asking.

        Raises:
            EngineFailure: "server-gone", "no-tls", "server-timeout", "unauthorised" or "bad-response".
        """
        content = None if body is None else json.dumps(body).encode()
        attempt = 0
        while True:
            response = await self._send("GET" if body is None else "POST", url, content, attempt)
            if response is not None and response.status_code != 503:
                break
            attempt += 1
            if attempt >= self._patience.attempts:
                return None
            await asyncio.sleep(self._pause(attempt, response))
        if not response.is_success:
            return None
        try:
            return response.json()
        except ValueError:
            return None

    async def close(self) -> None:
        self._closed = True
        await self._release()

    # --- one request

    async def _send(self, method: str, url: str, content: bytes | None, attempt: int) -> httpx.Response | None:
        """One try; None where the connection failed and another try is left."""
        import httpx

        try:
            async with self._session() as client:
                response = await client.request(method, url, content=content)
        except httpx.TimeoutException as error:
            if not isinstance(error, httpx.ConnectTimeout):
                raise EngineFailure(
                    "server-timeout", f"{url} did not answer within {self._patience.read:g} s"
                ) from error
            self._failed(attempt, url, error)
            return None
        except httpx.TransportError as error:
            if isinstance(error, httpx.ConnectError) and (why := _tls_trouble(error)):
                raise EngineFailure("no-tls", f"{url}: {why}") from error
            self._failed(attempt, url, error)
            return None
        except httpx.DecodingError as error:
            raise EngineFailure(
                "bad-response", f"{url} answered with a body that cannot be unpacked: {error}"
            ) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise EngineFailure("bad-request", f"{url}: {error}") from error
        if response.status_code == 401 or (response.status_code == 403 and method == "POST"):
            raise EngineFailure("unauthorised", f"{self.url} refused {self._whose_key()}: {_refused(response).message}")
        return response

    def _failed(self, attempt: int, url: str, error: Exception) -> None:
        if attempt + 1 >= self._patience.attempts:
            raise EngineFailure("server-gone", f"{url}: {_why_gone(error)}") from error

    def _whose_key(self) -> str:
        if self._key:
            return f"the key in ${self._key_name}; put a valid one there"
        return "a request without a key; name the variable that holds it as api_key_env in models.toml"

    def _pause(self, attempt: int, response: httpx.Response | None) -> float:
        asked = _retry_after(response.headers.get("retry-after", "")) if response is not None else 0.0
        jittered: float = self._patience.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
        return min(self._patience.longest, max(asked, jittered))

    # --- the client lives while somebody uses it

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._client is None:
            self._client = self._connect()
        self._users += 1
        try:
            yield self._client
        finally:
            self._users -= 1
            if self._closed:
                await self._release()

    async def _release(self) -> None:
        client = self._client
        if client is not None and not self._users:
            self._client = None
            await client.aclose()

    def _connect(self) -> httpx.AsyncClient:
        import httpx

        headers = {"content-type": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        patience, address = self._patience, urlsplit(self.url)
        return httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(patience.read, connect=patience.connect, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            trust_env=address.hostname not in _LOOPBACK,  # no proxy on the way to this machine
            verify=address.scheme == "https",  # without TLS, certificates need not be loaded
        )


_UNREADABLE = ("produced output that does not match", "error parsing tool call", "failed to parse input")


def is_final(message: str) -> bool:
    """Whether an error status is about the reply itself: the model wrote a call that the server cannot read."""
    return any(words in message.lower() for words in _UNREADABLE)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it came from."""
    while error is not None:
        yield error
        for part in getattr(error, "exceptions", ()):  # of a group: one for each address that was tried
            yield from _causes(part)
        error = error.__cause__ or error.__context__


def _why_gone(error: Exception) -> str:
    for cause in _causes(error):
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there; is the server running?"
        if isinstance(cause, socket.gaierror):
            return "there is no such host"
    return str(error) or type(error).__name__


def _tls_trouble(error: Exception) -> str:
    """Why no encrypted connection came about, where asking again would not help; else ""."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return f"no TLS connection ({cause.reason}); a server without TLS wants http:// in base_url"
    return ""


def _is_page(text: str) -> bool:
    return text.lstrip()[:1] == "<"


def _object(response: httpx.Response, url: str) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError as error:
        what = "a web page" if _is_page(response.text) else f"something that is not JSON: {_line(response.text)[:80]}"
        raise EngineFailure("bad-response", f"{url} answered with {what}; check base_url") from error
    if not isinstance(found, dict):
        raise EngineFailure("bad-response", f"{url} answered with JSON that is no object")
    return found


def _refused(response: httpx.Response) -> Refused:
    """Servers say it as {"error": {"message", ...}}, {"error": "..."}, {"message"}, {"detail"} or in plain text."""
    try:
        told = response.json()
    except ValueError:
        told = _title(response.text) if _is_page(response.text) else response.text
    error = told.get("error") or told if isinstance(told, dict) else told
    if not isinstance(error, dict):
        return Refused(response.status_code, _line(error))
    message = error.get("message") or error.get("detail") or error
    return Refused(response.status_code, _line(message), str(error.get("type") or error.get("code") or ""), error)


def _title(page: str) -> str:
    """What a web page in an answer's place calls itself; proxies say "502 Bad Gateway" so."""
    found = re.search(r"<title>([^<]*)</title>", page, re.IGNORECASE)
    return f"a web page: {found[1].strip()}" if found and found[1].strip() else "a web page"


def _line(said: Any) -> str:
    return " ".join(str(said).split())[:2000] or "(no message)"


def _retry_after(value: str) -> float:
    """Seconds; the header is a number of them or a date. 0 where it is neither."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
