"""What the tests of several field protocols share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mqtt_broker import MOSQUITTO, NO_MOSQUITTO, Amqtt, Mosquitto, TestBroker


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    if request.param == "mosquitto" and MOSQUITTO is None:
        pytest.skip(NO_MOSQUITTO)
    made: TestBroker = Mosquitto() if request.param == "mosquitto" else Amqtt()
    made.start()
    yield made
    made.close()
