"""A private PostgreSQL cluster on a unix socket, where its server programs are installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

_NUMBERS = count(1)


@dataclass
class Postgres:
    """`url` is of the database `postgres`; the directory is removed at the end."""

    programs: Path
    directory: Path
    account: str | None
    options: str

    @property
    def url(self) -> str:
        return self._url("postgres")

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        name = f"keyturn{next(_NUMBERS)}"
        engine = create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url(name)

    def start(self) -> None:
        settings = f"-h '' -k {self.directory} {self.options}"
        data = self.directory / "data"
        self._run("pg_ctl", "-D", data, "-w", "-l", f"{data}/log", "-o", settings, "start")

    def stop(self) -> None:
        """As by a power cut: connections are dropped, nothing is asked."""
        self._run("pg_ctl", "-D", self.directory / "data", "-m", "immediate", "stop")

    def make(self) -> None:
        data = self.directory / "data"
        self._run("initdb", "-D", data, "-U", "keyturn", "-A", "trust", "-E", "UTF8")

    def _url(self, name: str) -> str:
        return f"postgresql://keyturn@/{name}?host={self.directory}"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.programs / program), *map(str, arguments)]
        subprocess.run(
            command, check=True, user=self.account, cwd=self.directory, capture_output=True
        )


def postgres_fixture(scope: str = "module") -> Any:
    """A fixture of a cluster of its own, run by a user who is not root; with its disk in use."""

    @pytest.fixture(scope=scope)
    def cluster() -> Iterator[Postgres]:
        yield from _running("-c max_connections=60")

    return cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One for all tests that only use it; a power cut would lose what it holds."""
    yield from _running("-c fsync=off -c max_connections=60")


def _running(options: str) -> Iterator[Postgres]:
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    account = "nobody" if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="kt-pg-", dir="/tmp"))
    if account:
        record = pwd.getpwnam(account)
        os.chown(directory, record.pw_uid, record.pw_gid)
    cluster = Postgres(programs, directory, account, options)
    cluster.make()
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(directory)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else (Path(on_path).parent if on_path else None)
