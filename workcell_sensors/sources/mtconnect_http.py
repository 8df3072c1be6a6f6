"""The requests that an MTConnect agent answers, over HTTP."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import httpx

from workcell_sensors.sources.mtconnect_multipart import PartReader, boundary_of
from workcell_sensors.sources.mtconnect_protocol import MtconnectOptions
from workcell_sensors.sources.mtconnect_xml import DOCUMENT_BYTES_MAX
from workcell_sensors.sources.patience import within
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

DOCUMENT_TIMEOUTS = 6.0
"""How many of the source's timeouts, each for the next piece, a whole document may take."""


class AgentClient:
    """A connection to an agent; `async with` opens and closes it."""

    def __init__(self, spec: SourceSpec) -> None:
        options = spec.options(MtconnectOptions)
        scheme = "https" if options.tls else "http"
        self._options = options
        self._document_s = DOCUMENT_TIMEOUTS * spec.timeout_s
        credentials = spec.credentials
        auth = None
        if credentials is not None and credentials.user:
            auth = httpx.BasicAuth(credentials.user, credentials.password.reveal())
        context: ssl.SSLContext | bool = True
        if options.tls and credentials is not None and credentials.trusted is not None:
            context = ssl.create_default_context(cafile=str(credentials.trusted))
        host = f"[{spec.host}]" if ":" in spec.host else spec.host
        device = f"/{options.device}" if options.device else ""
        self._client = httpx.AsyncClient(
            base_url=f"{scheme}://{host}:{spec.port}{device}",
            auth=auth,
            verify=context,
            timeout=spec.timeout_s,
            headers={"Accept": "application/xml, text/xml, multipart/x-mixed-replace"},
            # Environment proxies are for the office, not for a machine on the next wire.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def probe(self) -> bytes:
        """Returns the device description.

        Raises:
            LinkLost: there is no agent, or it refuses.
            TimeoutError: it does not answer, or with no end.
        """
        return await self._document("probe", {})

    async def current(self) -> bytes:
        """Returns the newest observation of every data item; raises as `probe`."""
        return await self._document("current", self._narrowed())

    @asynccontextmanager
    async def sample(
        self, from_sequence: int, interval_s: float, silence_s: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Gives the documents of a stream from a sequence on; the caller says how long it waits for each.

        Raises:
            LinkLost: the agent has taken the request, and has said nothing to it for `silence_s`.
        """
        query = self._narrowed() | {
            "from": str(from_sequence),
            "count": str(self._options.observations_max),
            "interval": str(max(1, round(interval_s * 1000))),
            "heartbeat": str(max(1, round(self._options.heartbeat_s * 1000))),
        }
        timeout = httpx.Timeout(self._client.timeout.connect, read=None)
        request = self._client.build_request("GET", "sample", params=query, timeout=timeout)
        try:
            response = await within(silence_s, self._client.send(request, stream=True))
        except TimeoutError:
            raise LinkLost(f"no answer to the request for its stream for {silence_s:g} s") from None
        try:
            yield _documents(response)
        finally:
            await response.aclose()

    def _narrowed(self) -> dict[str, str]:
        return {"path": self._options.path} if self._options.path else {}

    async def _document(self, name: str, query: dict[str, str]) -> bytes:
        try:
            return await within(self._document_s, self._fetched(name, query))
        except httpx.TimeoutException:
            raise TimeoutError from None
        except httpx.HTTPError as error:
            raise LinkLost(" ".join(str(error).split()) or type(error).__name__) from None

    async def _fetched(self, name: str, query: dict[str, str]) -> bytes:
        async with self._client.stream("GET", name, params=query) as response:
            return await _whole(response)


async def _documents(response: httpx.Response) -> AsyncIterator[bytes]:
    boundary = boundary_of(response.headers.get("content-type", ""))
    if boundary is None:
        # An agent that does not stream, or says in one document why it will not.
        yield await _whole(response)
        return
    reader = PartReader(boundary)
    async for data in response.aiter_bytes():
        for part in reader.feed(data):
            yield part


async def _whole(response: httpx.Response) -> bytes:
    if response.status_code in (401, 403):
        raise LinkLost(f"the agent refuses us: HTTP {response.status_code} {response.reason_phrase}")
    body = bytearray()
    async for data in response.aiter_bytes():
        body += data
        if len(body) > DOCUMENT_BYTES_MAX:
            raise LinkLost(f"a document of more than {DOCUMENT_BYTES_MAX} bytes")
    if response.is_error and b"MTConnectError" not in body:
        raise LinkLost(f"HTTP {response.status_code} {response.reason_phrase}")
    return bytes(body)
