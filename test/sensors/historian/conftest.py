from collections.abc import Iterator

import pytest
from postgres_cluster import Cluster, find_binaries, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with running_cluster(binaries) as running:
        yield running
