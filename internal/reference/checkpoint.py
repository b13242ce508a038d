"""Makes checkpoint/testdata with the safetensors library and torch.save.

    python internal/reference/checkpoint.py

Needs torch, numpy and safetensors. Every file is a few kilobytes; NAME.json lists what a file holds:
dtype, shape, and the elements as Python reads them.
"""

import collections
import json
import os
import pathlib

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parents[2] / "checkpoint" / "testdata"

NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint64: "U64", torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8",
    torch.bool: "BOOL", torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.float8_e8m0fnu: "F8_E8M0",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
}


def values(dtype):
    """A [2, 3] tensor whose elements every dtype of its kind holds in its own rounding."""
    if dtype == torch.bool:
        return torch.tensor([[True, False, True], [False, False, True]])
    if dtype == torch.complex64:
        return torch.complex(torch.arange(6.0), -torch.arange(6.0)).reshape(2, 3)
    if dtype == torch.float8_e8m0fnu:
        return torch.tensor([[0.25, 1.0, 2.0], [1024.0, 1.0, 0.5]]).to(dtype)
    if dtype.is_floating_point:
        return torch.tensor([[0.1, -1.5, 3.14159], [100.0, 0.0, -0.002]]).to(dtype)
    if dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        return torch.tensor([[0, 1, 2], [3, 200, 255]]).to(dtype)
    return torch.tensor([[0, -1, 2], [3, -100, 127]]).to(dtype)


def describe(path, tensors):
    listing = {}
    for name, t in tensors.items():
        t = t.detach()
        if t.dtype == torch.complex64:
            flat = torch.view_as_real(t).flatten().tolist()
        elif t.dtype == torch.bool:
            flat = t.flatten().to(torch.int64).tolist()
        elif t.is_floating_point() and t.dtype != torch.float64:
            flat = t.to(torch.float32).flatten().tolist()
        elif t.dtype == torch.float64:
            flat = t.to(torch.float32).flatten().tolist()
        else:
            flat = [int(v) for v in t.flatten().tolist()]
        listing[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "values": flat}
    path.write_text(json.dumps(listing, indent=1, ensure_ascii=False) + "\n")


def safetensors_files():
    tensors = {f"all.{NAMES[d]}": values(d) for d in NAMES}
    tensors |= {
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(3, 0, 2),
        "bytes.odd": torch.arange(5, dtype=torch.uint8),
        'quote " backslash \\ tab \t bell \x07 newline \n é 語 😀': torch.tensor([1, 2]),
    }
    save_file(tensors, OUT / "every.safetensors", metadata={"format": "pt"})
    describe(OUT / "every.json", tensors)
    save_file({"a": torch.ones(2)}, OUT / "plain.safetensors")
    save_file({}, OUT / "none.safetensors")


def torch_files():
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    module.register_buffer("steps", torch.tensor(7))
    shared = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = module.state_dict()  # an OrderedDict with _metadata
    state |= {
        "shared": shared, "row": shared[1], "column": shared[:, 2], "transposed": shared.t(),
        "window": shared[1:3, 2:5], "every.second": shared[::2, ::3], "tied": shared,
        "permuted": torch.arange(24, dtype=torch.int16).reshape(2, 3, 4).permute(2, 0, 1),
        "one.column": shared[:1, :].t()[2:3].t(), "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
    }
    state |= {f"all.{NAMES[d]}": values(d) for d in NAMES}
    torch.save(state, OUT / "state.bin")
    torch.save(state, OUT / "state4.bin", pickle_protocol=4)
    describe(OUT / "state.json", state)
    old = collections.OrderedDict((k, v) for k, v in state.items())
    torch.save(old, OUT / "legacy.bin", _use_new_zipfile_serialization=False)


class Command:
    """What a hostile pickle does: it names a function to be called on loading."""

    def __reduce__(self):
        return os.system, ("echo executed",)


def refused_files():
    w = torch.ones(2)
    torch.save({"w": w, "x": Command()}, OUT / "command.bin")
    torch.save({"w": w, "x": Command()}, OUT / "command-legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": {"w": w}}, OUT / "nested.bin")
    torch.save({"w": w, "epoch": 3}, OUT / "number.bin")
    torch.save([w], OUT / "list.bin")
    torch.save({1: w}, OUT / "key.bin")
    torch.save({"w": torch.ones(1).expand(1000, 1000)}, OUT / "expanded.bin")
    torch.save({"w": torch.sparse_coo_tensor([[0], [1]], [1.0], (2, 2))}, OUT / "sparse.bin")
    torch.save({"w": torch.zeros(2, dtype=torch.complex64).conj()}, OUT / "conjugated.bin")
    torch.save({"w": torch.zeros(2, dtype=torch.complex128)}, OUT / "complex128.bin")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    safetensors_files()
    torch_files()
    refused_files()
