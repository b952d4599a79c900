"""The in-process embedding engine: weights stay in the arena they were opened into (I4).

Tensors are views on that memory (no second copy: every parameter's address is checked). A text's
vector depends on that text alone, bit for bit, and not on what else is asked: a pass holds texts
of one length, so nothing is padded, and runs on one thread; cores are used by passes side by side.
A row of such a batch equals the row by itself where matrices have more than a few rows (measured:
from 4 tokens on, one thread); the engine tries it when it loads and batches only if it holds.

After `wipe` nothing is computed. What the libraries below copied while computing is `memory`'s.
"""

import gc
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel
from transformers.utils import logging as transformers_logging

from keyturn.agent.errors import ModelUnusable, NotServing, RequestInvalid
from keyturn.agent.safetensors import Dtype, TensorSpan, parse_safetensors
from keyturn.agent.sentence import SentenceModel, read_sentence_model

MAX_PASS_TOKENS = 2048
"""Tokens in one pass, texts times length: what a wipe waits for at most."""
SHORTEST_BATCHED = 8
"""Tokens. Shorter texts run alone: below 4 rows the matrix library takes another path."""

Vectors = npt.NDArray[np.float32]

_ARCHITECTURES: Mapping[str, tuple[Any, Any]] = {"BertModel": (BertConfig, BertModel)}
_WEIGHTS = "model.safetensors"
_NO_PARAMETERS = {"embeddings.position_ids"}  # a buffer that old checkpoints carry

_TORCH: Mapping[Dtype, torch.dtype] = {
    Dtype.F64: torch.float64,
    Dtype.F32: torch.float32,
    Dtype.F16: torch.float16,
    Dtype.BF16: torch.bfloat16,
    Dtype.I64: torch.int64,
    Dtype.I32: torch.int32,
    Dtype.I16: torch.int16,
    Dtype.I8: torch.int8,
    Dtype.U8: torch.uint8,
    Dtype.BOOL: torch.bool,
}


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One row for each text, in their order; and how many tokens were read."""

    vectors: Vectors
    tokens: int


class EmbeddingEngine:
    """Runs one opened model. Safe to call from many threads."""

    def __init__(
        self, files: Mapping[str, memoryview], wipe: Callable[[], None], *, workers: int
    ) -> None:
        """`files`: plaintext by path, in memory that `wipe` zeroises.

        Wipes when the model cannot be run (ModelUnusable). `workers` passes run side by side.
        """
        self._wipe = wipe
        self._closed = threading.Event()
        try:
            settings = read_sentence_model(files)
            self._tokenizer = _load_tokenizer(settings)
            self._model: Any = _load_model(settings, files)
        except BaseException:
            wipe()
            raise
        self._normalise = settings.normalise
        self._batches = self._batching_is_exact()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="embed")

    @property
    def dimensions(self) -> int:
        return int(self._model.config.hidden_size)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Vectors of texts. Raises NotServing after `wipe`, RequestInvalid on a broken text."""
        self._check_open()
        tokens = [self._tokenize(text) for text in texts]
        passes = [
            (places, self._pool.submit(self._run, [tokens[place] for place in places]))
            for places in plan_passes([len(each) for each in tokens], batches=self._batches)
        ]
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for places, future in passes:
            vectors[places] = future.result()
        self._check_open()  # what was computed over zeroed weights is nothing
        return Embeddings(vectors, sum(len(each) for each in tokens))

    def wipe(self) -> None:
        """Zeroise the weights at once, under running passes too, then drop every view of them."""
        self._closed.set()
        self._wipe()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._model = None
        gc.collect()

    def _batching_is_exact(self) -> bool:
        """Whether, on this machine, a row of a batch equals the row by itself bit for bit."""
        vocabulary = int(self._model.config.vocab_size)
        for length in (SHORTEST_BATCHED, 4 * SHORTEST_BATCHED):
            rows = [[(31 * row + 7 * at) % vocabulary for at in range(length)] for row in range(3)]
            alone = np.concatenate([self._run([row]) for row in rows])
            if not np.array_equal(self._run(rows), alone):
                return False
        return True

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise NotServing("the model was wiped")

    def _tokenize(self, text: str) -> list[int]:
        try:
            return cast("list[int]", self._tokenizer.encode(text).ids)
        except (TypeError, UnicodeEncodeError) as error:  # a lone surrogate
            raise RequestInvalid("a text is not valid Unicode", param="input") from error

    def _run(self, batch: list[list[int]]) -> Vectors:
        self._check_open()
        torch.set_num_threads(1)  # of this thread's OpenMP team
        ids = torch.tensor(batch, dtype=torch.int64)
        with torch.inference_mode():
            hidden = self._model(input_ids=ids, attention_mask=torch.ones_like(ids))
            return _pooled(hidden.last_hidden_state, self._normalise)


def plan_passes(lengths: Sequence[int], *, batches: bool) -> list[list[int]]:
    """Places of texts, grouped: one length a pass, at most `MAX_PASS_TOKENS` tokens, long first.

    Without `batches`, and for short texts, each place is a pass of its own.
    """
    by_length: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        by_length.setdefault(length, []).append(place)
    passes = []
    for length in sorted(by_length, reverse=True):
        together = batches and length >= SHORTEST_BATCHED
        size = max(1, MAX_PASS_TOKENS // length) if together else 1
        places = by_length[length]
        passes += [places[at : at + size] for at in range(0, len(places), size)]
    return passes


def _pooled(hidden: torch.Tensor, normalise: bool) -> Vectors:
    """Mean over tokens (sentence-transformers `Pooling`), then length 1 (`Normalize`)."""
    mask = torch.ones(hidden.shape[:2], dtype=hidden.dtype).unsqueeze(-1)
    mean = (hidden * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
    vectors = torch.nn.functional.normalize(mean, p=2, dim=1) if normalise else mean
    return cast("Vectors", vectors.to(torch.float32).numpy())


def _load_tokenizer(settings: SentenceModel) -> Any:
    try:
        tokenizer = Tokenizer.from_str(settings.tokenizer)
    except Exception as error:  # the library raises nothing narrower
        raise ModelUnusable(f"model: 'tokenizer.json' does not load: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(settings.max_tokens)
    return tokenizer


def _load_model(settings: SentenceModel, files: Mapping[str, memoryview]) -> Any:
    known = _ARCHITECTURES.get(settings.architecture)
    if known is None:
        raise ModelUnusable(
            "model: architecture is not on the list",
            found=settings.architecture,
            expected=" or ".join(_ARCHITECTURES),
        )
    data = files.get(_WEIGHTS)
    if data is None:
        raise ModelUnusable(f"model: '{_WEIGHTS}' is missing")
    config_class, model_class = known
    tensors = {
        name: _tensor(data, span)
        for name, span in parse_safetensors(data).items()
        if name not in _NO_PARAMETERS
    }
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        model, report = model_class.from_pretrained(
            None,
            config=config_class.from_dict(dict(settings.config)),
            state_dict=tensors,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported, and refused below by name
        )
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelUnusable(f"model: does not load: {error}") from error
    _check_complete(report)
    model.requires_grad_(False)
    _check_no_copy(model, data)
    return model.eval()


def _tensor(data: memoryview, span: TensorSpan) -> torch.Tensor:
    if not span.elements:
        return torch.empty(span.shape, dtype=_TORCH[span.dtype])
    with warnings.catch_warnings():
        # The views are read-only, and nothing here writes: inference mode, no gradients.
        warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
        flat = torch.frombuffer(
            data, dtype=_TORCH[span.dtype], count=span.elements, offset=span.start
        )
    return flat.reshape(span.shape)


def _check_complete(report: Mapping[str, Any]) -> None:
    """A weight that the file lacks would be made up at random: refuse."""
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        found = sorted(map(str, report.get(problem) or ()))
        if found:
            raise ModelUnusable(
                f"model: weights do not fit the architecture ({problem})",
                found=", ".join(found[:5]),
                expected="exactly the architecture's weights",
            )


def _check_no_copy(model: torch.nn.Module, data: memoryview) -> None:
    first = int(np.frombuffer(data, dtype=np.uint8).ctypes.data)
    for name, parameter in model.named_parameters():
        at = parameter.data_ptr()
        if not first <= at <= at + parameter.nbytes <= first + len(data):
            raise ModelUnusable(f"model: '{name}' was copied out of the opened memory")
