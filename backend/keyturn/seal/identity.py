"""Which model, and which version of it, a sealed directory claims to be."""

import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

from keyturn.seal.errors import MalformedSealedModel

ModelId = NewType("ModelId", str)
"""1 to 64 of `a-z 0-9 . _ -`, beginning and ending with a letter or digit; the same for
every version of a model. Statements name a model by it."""

MAX_NAME = 200
MAX_VERSION = 64

_MODEL_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Model id, and the name and version that people see."""

    model_id: ModelId
    name: str
    version: str

    def __post_init__(self) -> None:
        parse_model_id(self.model_id)
        _check_label(self.name, "model name", MAX_NAME)
        _check_label(self.version, "model version", MAX_VERSION)


def parse_model_id(text: str) -> ModelId:
    """Raises MalformedSealedModel unless `text` is a model id."""
    if not _MODEL_ID.match(text):
        raise MalformedSealedModel(
            "not a model id",
            found=ascii(text[:80]),
            expected="1 to 64 of a-z 0-9 . _ -, with a letter or digit at both ends",
        )
    return ModelId(text)


def model_id_from(name: str) -> ModelId:
    """A model id made from a name for people (`Mini LM/v2` gives `mini-lm-v2`).

    Raises MalformedSealedModel when nothing of the name is left.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return parse_model_id(re.sub(r"[^a-z0-9._]+", "-", plain)[:64].strip("-._"))


def _check_label(text: str, what: str, limit: int) -> None:
    if not 0 < len(text) <= limit or not text.isprintable() or text != text.strip():
        raise MalformedSealedModel(
            f"{what} is refused",
            found=ascii(text[:80]),
            expected=f"1 to {limit} printable characters without spaces around them",
        )
