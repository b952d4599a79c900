"""What a sentence-transformers directory says about making one vector of a text.

Reads `config.json`, `modules.json`, `sentence_bert_config.json` and the pooling's `config.json`
from memory. Only what the engine really does is accepted: transformer → mean pooling →
(optionally) normalisation, of an architecture on the list. A model never brings code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from keyturn.agent.errors import ModelUnusable

MAX_JSON = 1 << 20
MAX_TOKENIZER = 256 << 20

_MODULE_PREFIXES = (
    "sentence_transformers.models.",
    "sentence_transformers.sentence_transformer.modules.",
)


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """How to run one model. `config` is its `config.json`, for the concrete class only."""

    architecture: str
    config: Mapping[str, Any]
    tokenizer: str
    max_tokens: int
    normalise: bool


def read_sentence_model(files: Mapping[str, memoryview]) -> SentenceModel:
    """Raises ModelUnusable, naming the file and what it says."""
    config = _object(files, "config.json")
    architectures = config.get("architectures")
    if not isinstance(architectures, list) or len(architectures) != 1:
        _refuse("config.json", "architectures", architectures, "a list of one name")
    for name in ("auto_map", "custom_pipelines"):
        if name in config:
            _refuse("config.json", name, config[name], "no code that comes with the model")
    normalise = _read_modules(files)
    positions = _size(config, "config.json", "max_position_embeddings", 1 << 24)
    sentence = "sentence_bert_config.json"
    limit = _size(_object(files, sentence), sentence, "max_seq_length", positions)
    tokenizer = _text(files, "tokenizer.json", MAX_TOKENIZER)
    return SentenceModel(str(architectures[0]), config, tokenizer, limit, normalise)


def _read_modules(files: Mapping[str, memoryview]) -> bool:
    """Checks the modules and returns whether the last one normalises."""
    modules = _json(files, "modules.json")
    kinds, paths = [], []
    for module in modules if isinstance(modules, list) else [modules]:
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            _refuse("modules.json", "module", module, "a list of modules with types")
        kinds.append(_kind(module["type"]))
        paths.append(str(module.get("path")))
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        _refuse("modules.json", "types", kinds, "Transformer, Pooling and perhaps Normalize")
    _check_pooling(_object(files, f"{paths[1]}/config.json"), f"{paths[1]}/config.json")
    return len(kinds) == 3


def _check_pooling(pooling: Mapping[str, Any], path: str) -> None:
    modes = {name: on for name, on in pooling.items() if name.startswith("pooling_mode")}
    wanted = [name for name, on in modes.items() if on]
    if wanted not in (["pooling_mode_mean_tokens"], ["pooling_mode"]):
        _refuse(path, "pooling_mode", wanted, "mean over tokens")
    if pooling.get("pooling_mode", "mean") != "mean":
        _refuse(path, "pooling_mode", pooling["pooling_mode"], "mean over tokens")


def _kind(full: str) -> str:
    if not full.startswith(_MODULE_PREFIXES):
        _refuse("modules.json", "type", full, "a module of sentence_transformers")
    return full.rsplit(".", 1)[-1]


def _size(values: Mapping[str, Any], path: str, name: str, high: int) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= high:
        _refuse(path, name, value, f"1 to {high}")
    return value


def _object(files: Mapping[str, memoryview], path: str) -> Mapping[str, Any]:
    value = _json(files, path)
    if not isinstance(value, dict):
        raise ModelUnusable(f"model: '{path}' is not a JSON object", found=type(value).__name__)
    return value


def _json(files: Mapping[str, memoryview], path: str) -> Any:
    try:
        return json.loads(_text(files, path, MAX_JSON), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ModelUnusable(f"model: '{path}' is not JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ModelUnusable("model: a JSON file has one field twice")
    return values


def _text(files: Mapping[str, memoryview], path: str, limit: int) -> str:
    data = files.get(path)
    if data is None:
        raise ModelUnusable(f"model: '{path}' is missing")
    if len(data) > limit:
        raise ModelUnusable(f"model: '{path}' is too large", found=f"{len(data)} bytes")
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelUnusable(f"model: '{path}' is not UTF-8") from error


def _refuse(path: str, name: str, found: object, expected: str) -> NoReturn:
    raise ModelUnusable(f"model: '{path}', {name}", found=repr(found)[:120], expected=expected)
