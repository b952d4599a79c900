"""What a model's directory may say, and what this engine will not do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.agent.errors import ModelUnusable
from keyturn.agent.sentence import read_sentence_model


def files(directory: Path) -> dict[str, memoryview]:
    paths = (each for each in directory.rglob("*") if each.is_file())
    return {p.relative_to(directory).as_posix(): memoryview(p.read_bytes()) for p in paths}


def test_reads_a_sentence_model(tiny_model: Path) -> None:
    found = read_sentence_model(files(tiny_model))

    assert (found.architecture, found.max_tokens, found.normalise) == ("BertModel", 48, True)


def edit(name: str, change: Callable[[object], object]) -> Callable[[dict[str, memoryview]], None]:
    def apply(read: dict[str, memoryview]) -> None:
        changed = change(json.loads(bytes(read[name])))
        read[name] = memoryview(json.dumps(changed).encode())

    return apply


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f.pop("config.json"), "config.json"),
        (lambda f: f.update({"config.json": memoryview(b"{")}), "config.json"),
        (lambda f: f.update({"config.json": memoryview(b'{"a":1,"a":2}')}), "twice"),
        (edit("config.json", lambda c: {**c, "auto_map": {"AutoModel": "x.Y"}}), "auto_map"),
        (edit("config.json", lambda c: {**c, "architectures": []}), "architectures"),
        (edit("modules.json", lambda m: m[:1]), "modules.json"),
        (edit("modules.json", lambda m: [*m[:2], {**m[2], "type": "evil.Normalize"}]), "modules"),
        (edit("modules.json", lambda m: "x"), "modules.json"),
        (edit("1_Pooling/config.json", lambda p: {"pooling_mode_cls_token": True}), "mean"),
        (edit("1_Pooling/config.json", lambda p: {**p, "pooling_mode_max_tokens": True}), "mean"),
        (edit("sentence_bert_config.json", lambda c: {"max_seq_length": 65}), "max_seq_length"),
        (edit("sentence_bert_config.json", lambda c: {"max_seq_length": True}), "max_seq_length"),
    ],
)
def test_refuses(
    tiny_model: Path, change: Callable[[dict[str, memoryview]], None], named: str
) -> None:
    read = files(tiny_model)
    change(read)

    with pytest.raises(ModelUnusable, match=named):
        read_sentence_model(read)
