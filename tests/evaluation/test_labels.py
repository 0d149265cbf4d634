"""Groups of a public research set are predicted in the bench alone: the product never guesses anybody's race or sex."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bench.studies import labels, tfjs
from heirloom.vision.npm import UnpackError

ROOT = Path(__file__).parents[2]
PRODUCT = ("heirloom", "enrollment", "verification", "clients", "templates", "static", "manage.py", "deploy")


def test_nothing_of_the_product_imports_a_bench_or_names_what_labels_people() -> None:
    forbidden = re.compile(r"(?im)^\s*(from|import) bench\b|\bgear\b|human-models|race_output|gender_output")
    paths = [path for name in PRODUCT for path in [ROOT / name, *(ROOT / name).rglob("*")] if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8", errors="ignore") for path in paths if path.suffix != ".pyc"}
    assert len(texts) > 300
    assert [path for path, text in texts.items() if forbidden.search(text)] == []


def test_who_is_not_surely_of_a_group_is_put_into_none() -> None:
    assert labels.likely(np.array([0.2, 0.7, 0.1]), ("a", "b", "c"), 0.6) == "b"
    assert labels.likely(np.array([0.2, 0.5, 0.3]), ("a", "b", "c"), 0.6) == ""


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"no tarball")
    with pytest.raises(UnpackError):
        labels.Gear(tmp_path / "other.tgz")


def test_a_graph_of_tensorflow_js_gives_what_its_operations_say() -> None:
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(2, 2, 3, 4)), rng.normal(size=4)
    weight, offset = rng.normal(size=(4, 2)), rng.normal(size=2)
    stored = {"kernel": kernel, "bias": bias, "weight": weight, "offset": offset}
    stored = {name: value.astype("float16") for name, value in stored.items()}
    model = tfjs.rebuilt(described(stored), b"".join(value.tobytes() for value in stored.values()))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = rng.normal(size=(1, 3, 3, 3)).astype(np.float32)
    (found,) = session.run(None, {"pictures": picture})
    patches = np.stack([picture[0, y : y + 2, x : x + 2] for y in (0, 1) for x in (0, 1)])
    hidden = np.maximum(np.einsum("nyxc,yxcf->nf", patches, stored["kernel"]) + stored["bias"], 0).max(axis=0)
    logits = hidden @ stored["weight"] + stored["offset"]
    assert np.allclose(found[0], np.exp(logits) / np.exp(logits).sum(), atol=1e-4)


def described(stored: dict[str, np.ndarray]) -> bytes:
    def fused(*kinds: str) -> dict[str, object]:
        return {"list": {"s": [base64.b64encode(kind.encode()).decode() for kind in kinds]}}

    padding = {"s": base64.b64encode(b"VALID").decode()}
    steps = {"list": {"i": ["1", "1", "1", "1"]}}
    nodes = [
        {"name": "in", "op": "Placeholder"},
        *({"name": name, "op": "Const"} for name in stored),
        {
            "name": "conv",
            "op": "_FusedConv2D",
            "input": ["in", "kernel", "bias"],
            "attr": {"padding": padding, "strides": steps, "fused_ops": fused("BiasAdd", "Relu")},
        },
        {"name": "max", "op": "Max", "input": ["conv", "axes"]},
        {
            "name": "dense",
            "op": "_FusedMatMul",
            "input": ["max", "weight", "offset"],
            "attr": {"fused_ops": fused("BiasAdd")},
        },
        {"name": "out", "op": "Softmax", "input": ["dense"]},
    ]
    sides = [{"size": side} for side in ("-1", "3", "3", "3")]
    wide = {"name": "out:0", "tensorShape": {"dim": [{"size": "-1"}, {"size": "2"}]}}
    return json.dumps(
        {
            "signature": {
                "inputs": {"in": {"name": "in:0", "tensorShape": {"dim": sides}}},
                "outputs": {"shares": wide},
            },
            "modelTopology": {"node": nodes},
            "weightsManifest": [
                {
                    "weights": [
                        {"name": name, "shape": value.shape, "dtype": "float32", "quantization": {"dtype": "float16"}}
                        for name, value in stored.items()
                    ]
                }
            ],
        }
    ).encode()
