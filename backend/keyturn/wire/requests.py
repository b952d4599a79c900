"""One question to the keyholder or a ceremony's host, and how its answer is read."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from keyturn.base.strictjson import Fields, JsonObject

A = TypeVar("A", covariant=True)


class Request(ABC, Generic[A]):
    """One question to the keyholder; `A` is the type of its answer."""

    __slots__ = ()
    op: ClassVar[str]
    repeatable: ClassVar[bool] = True  # asking twice does no more than asking once

    @abstractmethod
    def document(self) -> JsonObject:
        """What is sent."""

    @abstractmethod
    def read(self, answer: Fields) -> A:
        """What its answer says. Raises MalformedError."""
