"""`keyturn …` on a pseudo-terminal: what it draws, answered as a person would."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from support.founded import command, environment

SECONDS = 60


@dataclass
class Terminal:
    process: "subprocess.Popen[bytes]"
    master: int
    drawn: str = ""
    read: int = 0

    def until(self, text: str) -> str:
        """Everything up to this text, from where it was read last."""
        deadline = time.monotonic() + SECONDS
        while text not in self.drawn[self.read :]:
            left = deadline - time.monotonic()
            assert left > 0, self.drawn
            if select.select([self.master], [], [], left)[0]:
                self._more()
        end = self.drawn.index(text, self.read) + len(text)
        found, self.read = self.drawn[self.read : end], end
        return found

    def type(self, line: str) -> None:
        os.write(self.master, line.encode() + b"\r")

    def end(self) -> int:
        """Its exit status."""
        while select.select([self.master], [], [], 0.2)[0] or self.process.poll() is None:
            if not self._more():
                break
        return self.process.wait(SECONDS)

    def _more(self) -> bool:
        try:
            part = os.read(self.master, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self.drawn += part.decode(errors="replace").replace("\r\n", "\n")
        return bool(part)


@contextmanager
def on_terminal(*arguments: object, pass_fds: tuple[int, ...] = ()) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command(*map(str, arguments)),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        pass_fds=pass_fds,
        env={**environment(), "TERM": "xterm", "COLUMNS": "100"},
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait(10)
        os.close(master)
