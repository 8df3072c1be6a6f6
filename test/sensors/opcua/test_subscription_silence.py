"""A server that answers and never tells anything counts as silent, however fast it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from asyncua.ua.ua_binary import struct_to_binary
from asyncua.ua.uaerrors import BadTimeout, BadTooManyPublishRequests

from workcell_sensors.sources.opcua_subscription import Subscription
from workcell_sensors.sources.opcua_transport import ua
from workcell_sensors.sources.session import LinkLost

OURS, OTHERS = 7, 8
SILENCE_S = 0.2


def keep_alive(subscription_id: int) -> bytes:
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = subscription_id
    response.Parameters.NotificationMessage.SequenceNumber = 1
    return bytes(struct_to_binary(response))


class Server:
    """Answers every Publish in the same way; connection and client in one."""

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self._answer = answer
        self.client = self

    async def ask(self, _request: Any, _timeout_s: float | None = None) -> bytes:
        await asyncio.sleep(SILENCE_S / 100.0)
        return self._answer()


def followed(answer: Callable[[], bytes], seconds: float) -> None:
    subscription = Subscription(cast(Any, Server(answer)), lambda _notification: None, OURS)
    asyncio.run(asyncio.wait_for(subscription.run(SILENCE_S), seconds))


@pytest.mark.parametrize("fault", [BadTimeout, BadTooManyPublishRequests])
def test_faults_without_end_are_silence(fault: type[Exception]) -> None:
    def refuse() -> bytes:
        raise fault

    with pytest.raises(LinkLost, match="no notification for"):
        followed(refuse, 30.0)


def test_what_another_subscription_is_told_is_silence() -> None:
    with pytest.raises(LinkLost, match="no notification for"):
        followed(lambda: keep_alive(OTHERS), 30.0)


def test_keep_alives_are_none() -> None:
    with pytest.raises(TimeoutError):
        followed(lambda: keep_alive(OURS), 3.0 * SILENCE_S)
