"""The engine against the plaintext model: the same bits, no second copy, nothing after a wipe."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from transformers import AutoModel, AutoTokenizer

from keyturn.agent import engine as engine_module
from keyturn.agent.engine import MAX_PASS_TOKENS, EmbeddingEngine, plan_passes
from keyturn.agent.errors import ModelUnusable, NotServing, RequestInvalid
from keyturn.vault.arena import Arena

TEXTS = [
    "I want to eat food",
    "someone eats something",
    "rocket",
    "a",
    "I want to eat bread",
    "naïve café — 東京 😀",
    "x " * 600,
    "the quick brown fox jumps over the lazy dog",
]

Memory = Callable[[Path], object]


def plaintext_embedding(model: Path, text: str) -> np.ndarray:
    """What the published recipe of the model says: AutoModel, mean pooling, length 1."""
    limit = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer = AutoTokenizer.from_pretrained(model)
    torch.set_num_threads(1)
    with torch.inference_mode():
        asked = tokenizer([text], return_tensors="pt", truncation=True, max_length=limit)
        hidden = AutoModel.from_pretrained(model).eval()(**asked).last_hidden_state
        mask = asked["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
        return torch.nn.functional.normalize(mean, p=2, dim=1).numpy()[0]


@pytest.fixture(scope="module")
def real(real_model: Path) -> Iterator[EmbeddingEngine]:
    engine = loaded(real_model)
    yield engine
    engine.wipe()


@pytest.fixture
def tiny(tiny_model: Path) -> Iterator[EmbeddingEngine]:
    engine = loaded(tiny_model)
    yield engine
    engine.wipe()


def loaded(directory: Path, workers: int = 2) -> EmbeddingEngine:
    arenas = filled(directory)
    files = {path: arena.view.toreadonly() for path, arena in arenas.items()}
    return EmbeddingEngine(files, lambda: wipe_all(arenas), workers=workers)


def filled(directory: Path) -> dict[str, Arena]:
    arenas = {}
    for path in (each for each in directory.rglob("*") if each.is_file()):
        arena = Arena(path.stat().st_size)
        arena.view[:] = path.read_bytes()
        arenas[path.relative_to(directory).as_posix()] = arena
    return arenas


def wipe_all(arenas: dict[str, Arena]) -> None:
    for arena in arenas.values():
        arena.release()


def test_embeddings_equal_the_plaintext_models_bit_for_bit(
    real: EmbeddingEngine, real_model: Path
) -> None:
    found = real.embed(TEXTS)

    for row, text in zip(found.vectors, TEXTS, strict=True):
        assert np.array_equal(row, plaintext_embedding(real_model, text)), text[:20]


def test_it_is_the_real_model(real: EmbeddingEngine) -> None:
    eat, eats, rocket = real.embed(["eat food", "eats something", "rocket"]).vectors

    assert eat @ eats > 0.6 > 0.3 > eat @ rocket
    assert real.dimensions == 384


@pytest.mark.parametrize("size", [2, 3, 7, 16])
def test_a_vector_does_not_depend_on_its_neighbours(real: EmbeddingEngine, size: int) -> None:
    words = ["one", "two", "red", "sun", "sea", "sky", "tea", "car"]
    for length in (1, 2, 5, 6, 9, 17, 40):
        texts = [" ".join([words[n % 8], *["and"] * (length - 1)]) for n in range(size)]
        together = real.embed(texts).vectors
        alone = np.concatenate([real.embed([text]).vectors for text in texts])
        assert np.array_equal(together, alone), length


def test_concurrent_requests_get_the_same_bits(real: EmbeddingEngine) -> None:
    alone = [real.embed([text]).vectors for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            together = list(pool.map(lambda text: real.embed([text]).vectors, TEXTS))
            assert all(map(np.array_equal, together, alone))


def test_counts_tokens_and_cuts_at_the_models_limit(tiny: EmbeddingEngine) -> None:
    assert tiny.embed(["abc", "a"]).tokens == 5 + 3
    assert tiny.embed(["a" * 500]).tokens == 48


def test_no_weight_was_copied(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parameter outside the opened memory is an error, not a slower success."""
    real_tensor = engine_module._tensor
    loaded(tiny_model).wipe()

    monkeypatch.setattr(engine_module, "_tensor", lambda d, s: real_tensor(d, s).clone())
    with pytest.raises(ModelUnusable, match="copied"):
        loaded(tiny_model)


def test_after_the_wipe_it_computes_nothing_and_the_memory_is_zero(tiny_model: Path) -> None:
    arenas = filled(tiny_model)
    files = {path: arena.view.toreadonly() for path, arena in arenas.items()}
    views = [arena.view for arena in arenas.values()]
    engine = EmbeddingEngine(files, lambda: wipe_all(arenas), workers=1)
    engine.embed(["abc"])
    assert any(any(view) for view in views)

    engine.wipe()

    assert not any(any(view) for view in views)
    with pytest.raises(NotServing):
        engine.embed(["abc"])
    engine.wipe()


def test_a_wipe_under_a_running_pass_returns_nothing(tiny_model: Path) -> None:
    """The pass ends over zeroes; its result goes to nobody."""
    engine = loaded(tiny_model, workers=1)
    entered, go_on = threading.Event(), threading.Event()
    run = engine._run

    def held(batch: list[list[int]]) -> np.ndarray:
        entered.set()
        assert go_on.wait(10)
        return run(batch)

    engine._run = held  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(engine.embed, ["abc"])
        assert entered.wait(10)
        wiping = pool.submit(engine.wipe)
        while not engine._closed.is_set():
            pass
        go_on.set()
        with pytest.raises(NotServing):
            asked.result(10)
        wiping.result(10)


def test_a_lone_surrogate_is_the_clients_error(tiny: EmbeddingEngine) -> None:
    with pytest.raises(RequestInvalid, match="Unicode"):
        tiny.embed(["\ud800"])


def edited(source: Path, to: Path, path: str, change: Callable[[Path], None]) -> Path:
    shutil.copytree(source, to)
    change(to / path)
    return to


def without(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        tensors = safetensors.torch.load_file(path)
        del tensors[name]
        safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})

    return change


def with_more(path: Path) -> None:
    tensors = safetensors.torch.load_file(path) | {"extra": torch.zeros(2)}
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def with_other_shape(path: Path) -> None:
    tensors = safetensors.torch.load_file(path)
    tensors["pooler.dense.bias"] = torch.zeros(31)
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.filterwarnings("ignore::UserWarning:transformers")
@pytest.mark.parametrize(
    ("path", "change", "named"),
    [
        ("model.safetensors", Path.unlink, "model.safetensors"),
        ("model.safetensors", without("pooler.dense.bias"), "missing_keys"),
        ("model.safetensors", with_more, "unexpected_keys"),
        ("model.safetensors", with_other_shape, "pooler.dense.bias"),
        ("model.safetensors", lambda p: p.write_bytes(p.read_bytes()[:-1]), "out of bounds"),
        ("tokenizer.json", lambda p: p.write_text("{}"), "tokenizer.json"),
        ("config.json", lambda p: swap(p, "BertModel", "LlamaModel"), "architecture"),
    ],
)
def test_refuses_and_wipes(
    tiny_model: Path, tmp_path: Path, path: str, change: Callable[[Path], None], named: str
) -> None:
    arenas = filled(edited(tiny_model, tmp_path / "m", path, change))
    views = [arena.view for arena in arenas.values()]
    files = {each: arena.view.toreadonly() for each, arena in arenas.items()}

    with pytest.raises(ModelUnusable, match=named):
        EmbeddingEngine(files, lambda: wipe_all(arenas), workers=1)

    assert not any(any(view) for view in views)


def swap(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def test_passes_hold_one_length_and_are_bounded() -> None:
    lengths = [12, 3, 12, 3, 9, *[256] * 20]

    passes = plan_passes(lengths, batches=True)

    assert sorted(place for each in passes for place in each) == list(range(len(lengths)))
    assert all(len({lengths[place] for place in each}) == 1 for each in passes)
    assert all(sum(lengths[place] for place in each) <= MAX_PASS_TOKENS for each in passes)
    assert [0, 2] in passes
    assert [1] in passes, "short texts run alone"


def test_without_batches_every_text_runs_alone() -> None:
    assert plan_passes([12, 12], batches=False) == [[0], [1]]
