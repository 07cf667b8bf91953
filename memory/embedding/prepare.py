"""Converts the packaged MiniLM to CTranslate2 int8, once, into a cache directory.

`python -m memory.embedding.prepare [--to DIR]` is idempotent and atomic: the model is written to
a neighbouring temporary directory and renamed, so a reader sees all of it or nothing.  The
directory name carries the digest of the weights and the layout's version.  Never downloads.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from ctranslate2.specs import common_spec, transformer_spec

from memory.embedding.errors import EmbeddingUnavailable
from memory.embedding.weights import read_safetensors, source_dir, weights_digest

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = 1
_COPIED = ("tokenizer.json", "config.json")
_Tensors = dict[str, npt.NDArray[Any]]


def default_dir(digest: str) -> Path:
    """Return `<repository>/.tools/models/minilm-int8-<digest>`."""
    return ROOT / ".tools" / "models" / f"minilm-int8-{digest}"


def prepared_dir(to: Path | None = None) -> Path:
    """Return the directory of the converted model, converting it first when it is not there.

    `to`: the exact directory to use instead of the default one.
    Idempotent; two processes at once both end with the same complete directory.
    Raises: EmbeddingUnavailable when the package is missing, OSError when `to` is not writable.
    """
    source = source_dir()
    digest = weights_digest(source)
    target = to or default_dir(digest)
    if _is_complete(target, digest):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _convert(source, building, digest)
        _publish(building, target, digest)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def prepared_apart(to: Path | None = None) -> Path:
    """Do the same, converting in a process of its own: 250 MB that this one never sees.

    Raises: EmbeddingUnavailable with the last line that the conversion wrote.
    """
    digest = weights_digest(source_dir())
    target = to or default_dir(digest)
    if _is_complete(target, digest):
        return target
    command = [sys.executable, "-m", "memory.embedding.prepare", "--to", str(target.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise EmbeddingUnavailable(lines[-1])
    return target


def _is_complete(target: Path, digest: str) -> bool:
    """Say whether `target` holds this layout of these weights (the stamp is written last)."""
    stamp = target / "stamp.json"
    if not stamp.is_file():
        return False
    try:
        found = json.loads(stamp.read_text("utf-8"))
    except ValueError:
        return False
    return bool(found == {"digest": digest, "layout": LAYOUT})


def _publish(building: Path, target: Path, digest: str) -> None:
    """Rename `building` to `target`; an incomplete or older `target` is replaced."""
    try:
        building.rename(target)
    except OSError:
        # Another process was faster, or an older layout is there: os.rename refuses a full one.
        if _is_complete(target, digest):
            return
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        target.rename(old / "model")
        building.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def _convert(source: Path, building: Path, digest: str) -> None:
    """Write the int8 model, the tokenizer and the stamp into `building`."""
    config = json.loads((source / "config.json").read_text("utf-8"))
    spec = _encoder_spec(config, read_safetensors(source / "model.safetensors"))
    spec.register_vocabulary(_vocabulary(source))
    spec.config.unk_token = "[UNK]"  # noqa: S105 - a vocabulary entry, not a secret
    spec.config.layer_norm_epsilon = config["layer_norm_eps"]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(building))
    for name in _COPIED:
        # CTranslate2 writes its own config.json; the model's is kept under another name.
        shutil.copyfile(source / name, building / name.replace("config.json", "model_config.json"))
    building.chmod(0o755)
    stamp = building / "stamp.json"
    stamp.write_text(json.dumps({"digest": digest, "layout": LAYOUT}), "utf-8")
    for path in building.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _vocabulary(source: Path) -> list[str]:
    """Return the tokens in the order of their ids."""
    vocab = json.loads((source / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    return [token for token, _ in sorted(vocab.items(), key=lambda pair: int(pair[1]))]


def _encoder_spec(config: dict[str, Any], tensors: _Tensors) -> Any:
    """Return the CTranslate2 specification of a BERT encoder filled with `tensors`.

    The mapping is that of ctranslate2.converters.transformers.BertLoader, without the pooler,
    which sentence embeddings do not use.
    """
    encoder = transformer_spec.TransformerEncoderSpec(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = tensors["embeddings.word_embeddings.weight"]
    encoder.embeddings[1].weight = tensors["embeddings.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = tensors["embeddings.position_embeddings.weight"]
    _set_norm(encoder.layernorm_embedding, tensors, "embeddings.LayerNorm")
    for number, layer in enumerate(encoder.layer):
        name = f"encoder.layer.{number}"
        _set_fused(layer.self_attention.linear[0], tensors, f"{name}.attention.self")
        _set_linear(layer.self_attention.linear[1], tensors, f"{name}.attention.output.dense")
        _set_norm(layer.self_attention.layer_norm, tensors, f"{name}.attention.output.LayerNorm")
        _set_linear(layer.ffn.linear_0, tensors, f"{name}.intermediate.dense")
        _set_linear(layer.ffn.linear_1, tensors, f"{name}.output.dense")
        _set_norm(layer.ffn.layer_norm, tensors, f"{name}.output.LayerNorm")
    return transformer_spec.TransformerEncoderModelSpec(encoder)


def _set_norm(spec: Any, tensors: _Tensors, name: str) -> None:
    spec.gamma = tensors[f"{name}.weight"]
    spec.beta = tensors[f"{name}.bias"]


def _set_linear(spec: Any, tensors: _Tensors, name: str) -> None:
    spec.weight = tensors[f"{name}.weight"]
    spec.bias = tensors[f"{name}.bias"]


def _set_fused(spec: Any, tensors: _Tensors, name: str) -> None:
    """Fill one linear layer with query, key and value stacked, as CTranslate2 expects."""
    parts = ("query", "key", "value")
    spec.weight = np.concatenate([tensors[f"{name}.{part}.weight"] for part in parts])
    spec.bias = np.concatenate([tensors[f"{name}.{part}.bias"] for part in parts])


def main(argv: list[str] | None = None) -> int:
    """Prepare the model and say where it is and how long it took."""
    parser = argparse.ArgumentParser(prog="python -m memory.embedding.prepare", description=__doc__)
    parser.add_argument("--to", type=Path, default=None, help="the directory to write")
    started = time.monotonic()
    directory = prepared_dir(parser.parse_args(argv).to)
    size = sum(path.stat().st_size for path in directory.iterdir())
    sys.stdout.write(
        f"embedding model: {directory} ({size / 1e6:.0f} MB, CTranslate2 "
        f"{ctranslate2.__version__}, {time.monotonic() - started:.1f} s)\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
