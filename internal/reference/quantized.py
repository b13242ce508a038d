"""Writes what bitsandbytes makes of a matrix in NF4 (double-quantized) and int8: internal/kernel/testdata/.

    python internal/reference/quantized.py internal/kernel/testdata

The matrix [140, 128] is drawn by the generator below, which the Go test repeats; rows differ in size. A file holds what the quantized
matrix stands for, float32, row after row: nf4.f32 as quantize_4bit(blocksize=64, compress_statistics=True) and dequantize_4bit give it,
int8.f32 from int8_vectorwise_quant. bitsandbytes 0.50.2, on a CPU.
"""

import pathlib
import sys

import bitsandbytes.functional as bnb
import torch

ROWS, COLS = 140, 128


def matrix():
    state, values = 1, []
    for i in range(ROWS * COLS):
        state = (state * 1103515245 + 12345) % 2**31
        size = (1 + i // COLS % 7) / 64
        values.append((state / 2**30 - 1) ** 3 * size)
    return torch.tensor(values, dtype=torch.float64).to(torch.float32).reshape(ROWS, COLS)


def main():
    out = pathlib.Path(sys.argv[1])
    w = matrix()
    codes, state = bnb.quantize_4bit(w, blocksize=64, compress_statistics=True, quant_type="nf4")
    bnb.dequantize_4bit(codes, state).to(torch.float32).contiguous().numpy().tofile(out / "nf4.f32")
    codes, scales, _ = bnb.int8_vectorwise_quant(w)
    (codes.float() * (scales / 127).unsqueeze(1)).numpy().tofile(out / "int8.f32")


main()
