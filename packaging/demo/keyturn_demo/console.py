"""How the demo talks: a line a step with its evidence; on a terminal also what is under way."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class StepFailed(Exception):
    """A step of the story did not hold. The message says what was found and expected."""


class Narrator:
    """Prints the story on stdout."""

    def __init__(self) -> None:
        self._console = Console(soft_wrap=True, highlight=False)
        self._begun = time.monotonic()
        self.steps = 0

    def chapter(self, title: str) -> None:
        self._console.print(f"\n[bold]{escape(title)}[/bold]")

    def step(self, text: str, evidence: str = "") -> None:
        """One thing that held."""
        self.steps += 1
        clock = f"{time.monotonic() - self._begun:5.1f} s"
        tail = f"  [dim]{escape(evidence)}[/dim]" if evidence else ""
        self._console.print(f"  [green]✓[/green] [dim]{clock}[/dim]  {escape(text)}{tail}")

    def detail(self, text: str) -> None:
        self._console.print(f"             {escape(text)}")

    def warn(self, text: str) -> None:
        self._console.print(f"  [yellow]![/yellow] {escape(text)}")

    def failed(self, text: str) -> None:
        self._console.print(f"  [bold red]✗ {escape(text)}[/bold red]")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Shows that something takes time, where there is somebody to see it."""
        if not sys.stdout.isatty():
            yield
            return
        with self._console.status(escape(text)):
            yield

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun


def require(holds: bool, what: str, *, found: object = "", expected: object = "") -> None:
    """Raises StepFailed unless the step held."""
    if holds:
        return
    text = what
    if found != "":
        text += f"; found {found}"
    if expected != "":
        text += f"; expected {expected}"
    raise StepFailed(text)
