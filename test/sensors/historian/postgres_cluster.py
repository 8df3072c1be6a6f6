"""A PostgreSQL cluster of the tests' own, on loopback, in a folder that goes away again."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workcell_sim.plant.servers.server import free_port

PASSWORD = "pa55 w0rd"
START_TIMEOUT_S = 30


def find_binaries() -> Path | None:
    """Returns the folder of PostgreSQL's server programs: of PATH, or where Debian puts them."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """A running server with a database `plant` and a user `historian` who must show a password."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._data = folder / "data"
        self._folder = folder
        self.port = free_port()
        # The server refuses to run as root.
        self._user = _unprivileged()
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        for path in (folder, password_file):
            if self._user is not None:
                os.chown(path, self._user, -1)
        self._run("initdb", "-D", self._data, "-U", "historian", "-A", "scram-sha-256", f"--pwfile={password_file}")
        self.start()

    @property
    def conninfo(self) -> str:
        return f"host=127.0.0.1 port={self.port} dbname=postgres user=historian password='{PASSWORD}'"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off -c max_connections=10"
        log = self._folder / "log"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", log, "-w", "-t", str(START_TIMEOUT_S), "start")

    def kill(self) -> None:
        """Ends the server without a goodbye to its clients."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._binaries / program), *map(str, arguments)]
        done = subprocess.run(
            command,
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )
        assert done.returncode == 0, f"{program}: {done.stdout} {done.stderr}"


@contextlib.contextmanager
def running_cluster(binaries: Path) -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="workcell-pg-"))
    try:
        cluster = Cluster(binaries, folder)
        try:
            yield cluster
        finally:
            cluster.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> int | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return 65534
