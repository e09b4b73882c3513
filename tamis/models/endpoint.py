"""One HTTP exchange with an OpenAI-compatible endpoint, over aiohttp.

The openai client takes 2.0 ms of CPU a request and cannot be had under 1 ms, whatever carries it; this takes 0.3
(benchmarks/models.py has both).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from tamis.errors import UsageError
from tamis.models.completion import Fault, printable, status_fault

if TYPE_CHECKING:
    import aiohttp

LARGEST = 4 << 20
"""Bytes of a body that are read; a longer one is no answer."""

_PORTS = {"http": 80, "https": 443}


def endpoint_of(base_url: str) -> str:
    """`base_url` as it stands in keys and records: lower case, no default port, no slash at the end.

    Raises UsageError where it is no address, or holds a password or a query, which may be a key.
    """
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError:  # a bracket that is not closed, a port that is no number
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(f"{_bare(base_url)!r} is no base URL; write one as http://127.0.0.1:8080/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"the base URL of {parts.hostname} holds more than scheme, host, port and path; a key belongs in the environment "
            "(--key-env names the variable), not in an address that is written down"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    at = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    return urlunsplit((parts.scheme, at, parts.path.rstrip("/"), "", ""))


class Endpoint:
    """Where requests go. The key is in the headers of the session alone; no message, record or repr has it."""

    def __init__(self, base_url: str, key: str | None, timeout: float) -> None:
        self.name = endpoint_of(base_url)
        self._key, self._timeout, self._spelled = key, timeout, _spellings(key or "")
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"

    async def post(self, body: bytes, path: str = "/chat/completions") -> bytes:
        """What the endpoint answers to `body`, a chat completion unless `path` says otherwise. Raises Fault."""
        return await self._exchange("POST", path, body)

    async def get(self, path: str) -> bytes:
        """What the endpoint says under `path`. Raises Fault."""
        return await self._exchange("GET", path, None)

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, method: str, path: str, body: bytes | None) -> bytes:
        import aiohttp

        session = self._session or self._open()
        try:
            async with asyncio.timeout(self._timeout):
                # No redirect is followed: it would carry the key to whoever it names.
                async with session.request(method, self.name + path, data=body, allow_redirects=False) as response:
                    found = await _read(response)
                    if response.status != 200:
                        raise status_fault(response.status, self._hush(found), _wait(response.headers))
        except TimeoutError:
            raise Fault("timeout", f"no answer within {self._timeout:g} s", again=True, charged=None) from None
        except aiohttp.ClientConnectorError as wrong:
            raise Fault("refused", f"no connection: {wrong.os_error or wrong}", again=True) from None
        except aiohttp.ClientPayloadError as wrong:
            raise Fault("truncated", f"the answer broke off: {self._said(wrong)}", again=True, charged=None) from None
        except (aiohttp.ClientConnectionError, ConnectionError, ssl.SSLError) as wrong:
            raise Fault("reset", f"the connection broke: {self._said(wrong)}", again=True, charged=None) from None
        except aiohttp.ClientError as wrong:
            raise Fault("malformed", f"no HTTP: {self._said(wrong)}", again=True, charged=None) from None
        return self._hush(found)

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "tamis"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        own = (urlsplit(self.name).hostname or "") in ("localhost", "127.0.0.1", "::1")
        self._session = aiohttp.ClientSession(
            headers=headers,
            # Pace says how many there are; a connection waits for the next request a little less than servers do.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not own,  # a proxy of the environment is for what is not on this machine
        )
        return self._session

    def _hush(self, body: bytes) -> bytes:
        """`body` without the key: an endpoint may say it back."""
        if self._spelled is None:
            return body
        plain, spelled = self._spelled
        body = body.replace(plain, b"[key]") if plain in body else body
        return spelled.sub(b"[key]", body) if b"\\" in body else body

    def _said(self, wrong: BaseException) -> str:
        """What `wrong` says, which may be words of the endpoint."""
        said = (str(wrong) or type(wrong).__name__).splitlines()[0].encode("utf-8", "replace")
        return printable(self._hush(said).decode("utf-8", "replace")[:200])


async def _read(response: Any) -> bytes:
    """The body, up to LARGEST."""
    if (response.content_length or 0) > LARGEST:
        raise _large()
    parts, size = [], 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise _large()
    return b"".join(parts)


def _large() -> Fault:
    message = f"an answer of more than {LARGEST >> 20} MiB, which was not read on"
    return Fault("too_large", message, again=False, charged=None)


def _wait(headers: Any) -> float | None:
    """Seconds of Retry-After, which is a number or a date (RFC 9110, 10.2.3), or of retry-after-ms."""
    if re.fullmatch(r"\d+(\.\d+)?", text := headers.get("retry-after-ms", "").strip()):
        return float(text) / 1000
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, TypeError, OverflowError):
        return None


def _spellings(key: str) -> tuple[bytes, re.Pattern[bytes]] | None:
    """`key` (ASCII), and it as JSON may write it: some write / as \\/, and any letter may be \\u and a number."""
    if len(key) < 4:
        return None
    letters = (rf"(?:\\?{re.escape(c)}|\\u00{ord(c):02x})" for c in key)
    return key.encode(), re.compile("".join(letters).encode(), re.I)


def _bare(url: str) -> str:
    """`url` without what stands before an @ or behind a ?."""
    return re.sub(r"//[^/@]*@", "//", url.strip()).partition("?")[0]
