"""The embeddings request and answer of the OpenAI API, as values (no HTTP here).

Source: platform.openai.com/docs/api-reference/embeddings. What this node cannot do is refused,
never ignored: token ids, other dimensions, unknown fields.
"""

import base64
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from keyturn.agent.errors import RequestInvalid
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Json, dump, load_object

MAX_BODY = 1 << 20
MAX_INPUTS = 2048
"""As the API allows."""

_FIELDS = {"input", "model", "encoding_format", "dimensions", "user"}


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    texts: tuple[str, ...]
    model: str
    as_base64: bool
    dimensions: int | None


def parse_embedding_request(raw: bytes) -> EmbeddingRequest:
    """Raises RequestInvalid; its messages never repeat the input (I7)."""
    try:
        values = load_object(raw, limit=MAX_BODY, what="request")
    except MalformedError as error:
        raise RequestInvalid(error.message) from None  # its cause would quote the input
    unknown = sorted(set(values) - _FIELDS)
    if unknown:
        _refuse(unknown[0][:40], "is not a field of this API")
    encoding = values.get("encoding_format", "float")
    if encoding not in ("float", "base64"):
        _refuse("encoding_format", "must be 'float' or 'base64'")
    model = values.get("model")
    if not isinstance(model, str) or not model:
        _refuse("model", "must be the model's name")
    dimensions = values.get("dimensions")
    if dimensions is not None and (not isinstance(dimensions, int) or dimensions < 1):
        _refuse("dimensions", "must be a positive integer")
    return EmbeddingRequest(_texts(values.get("input")), model, encoding == "base64", dimensions)


def embedding_response(
    vectors: npt.NDArray[np.float32], tokens: int, model: str, *, as_base64: bool
) -> bytes:
    """The answer. Base64 is of little-endian float32; decimals read back to the same float32."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _base64(row) if as_base64 else row.tolist(),
        }
        for index, row in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return dump({"object": "list", "data": data, "model": model, "usage": usage})


def models_response(names: tuple[str, ...], created: int) -> bytes:
    models = [
        {"id": name, "object": "model", "created": created, "owned_by": "keyturn"} for name in names
    ]
    return dump({"object": "list", "data": models})


def error_response(error: KeyturnError, kind: str, *, param: str | None = None) -> bytes:
    """The API's form of an error. `kind` is the API's `type`; `code` is our class of error."""
    return dump(
        {
            "error": {
                "message": str(error),
                "type": kind,
                "param": param,
                "code": type(error).__name__,
            }
        }
    )


def _texts(value: Json) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_INPUTS:
        _refuse("input", f"must be a text or a list of 1 to {MAX_INPUTS} texts")
    texts = []
    for item in items:
        if isinstance(item, int | list):
            _refuse("input", "holds token ids; this node takes texts only")
        if not isinstance(item, str) or not item:
            _refuse("input", "holds something that is not a text of at least one character")
        texts.append(item)
    return tuple(texts)


def _base64(row: npt.NDArray[np.float32]) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


def _refuse(param: str, problem: str) -> NoReturn:
    raise RequestInvalid(f"'{param}' {problem}", param=param)
