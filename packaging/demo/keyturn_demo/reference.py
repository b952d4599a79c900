"""The plaintext model's own embeddings, by transformers alone: what the sealed one must equal.

Run as a process of its own: `python -m keyturn_demo.reference MODEL_DIR`; prints JSON with each
text's embedding as base64 of little-endian float32.
"""

import base64
import json
import sys
from pathlib import Path

TEXTS = (
    "The weights are the company.",
    "A machine must prove what it is before it gets a key.",
    "eat food",
    "rocket",
)


def main(directory: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModel.from_pretrained(directory).eval()
    limit = json.loads((directory / "sentence_bert_config.json").read_text())["max_seq_length"]
    embeddings = []
    with torch.inference_mode():
        for text in TEXTS:
            batch = tokenizer(
                [text], padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
            unit = torch.nn.functional.normalize(mean, p=2, dim=1)[0]
            embeddings.append(base64.b64encode(unit.numpy().astype("<f4").tobytes()).decode())
    sys.stdout.write(json.dumps({"embeddings": embeddings}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
