"""Writes what bitsandbytes makes of a matrix in NF4 (double-quantized) and int8, and of products in LLM.int8's mixed form: internal/kernel/testdata/.

    python internal/reference/quantized.py internal/kernel/testdata

The matrix [140, 128] is drawn by the generator below, which the Go test repeats; rows differ in size. A file holds what the quantized
matrix stands for, float32, row after row: nf4.f32 as quantize_4bit(blocksize=64, compress_statistics=True) and dequantize_4bit give it,
int8.f32 from int8_vectorwise_quant. llm_int8.f32 is x [24, 128], drawn likewise and rounded to float16, times the int8 matrix: bitsandbytes quantizes each row of x by itself with
threshold 6.0 and says which columns are outliers; the sums of its codes' products, and of the outliers with what the matrix stands for, are in
float64. Its own product, which rounds to float16, must agree to what that is worth, and no element of x may lie between two codes. bitsandbytes 0.50.2, on a CPU.
"""

import pathlib
import sys

import bitsandbytes.functional as bnb
import torch

ROWS, COLS, LEFT = 140, 128, 24


def matrix(rows, unit):
    state, values = 1, []
    for i in range(rows * COLS):
        state = (state * 1103515245 + 12345) % 2**31
        size = (1 + i // COLS % 7) * unit
        values.append((state / 2**30 - 1) ** 3 * size)
    return torch.tensor(values, dtype=torch.float64).to(torch.float32).reshape(rows, COLS)


def mixed(codes, scales):
    """x·wᵀ in float64, w [ROWS, COLS] in codes with the largest absolute value of each row."""
    w, result = codes.double() * (scales / 127).unsqueeze(1), []
    for row in matrix(LEFT, 2.5).half().split(1):
        left, most, outliers = bnb.int8_vectorwise_quant(row.clone(), threshold=6.0)
        rest = row.double() * 127 / most.double()
        rest[:, outliers] = 0
        assert ((rest - rest.floor() - 0.5).abs() > 1e-4).all()
        y = (left.double() @ codes.double().t()) * (most / 127).double() * (scales / 127).double() + row[:, outliers].double() @ w[:, outliers].t()
        own, _ = torch.ops.bitsandbytes.int8_mixed_scaled_mm(row.clone(), left, codes, most, scales, outliers)
        assert ((own.double() - y).abs() <= 4e-3 * (1 + y.abs())).all()
        result.append(y)
    return torch.cat(result)


def main():
    out = pathlib.Path(sys.argv[1])
    w = matrix(ROWS, 1 / 64)
    codes, state = bnb.quantize_4bit(w, blocksize=64, compress_statistics=True, quant_type="nf4")
    bnb.dequantize_4bit(codes, state).to(torch.float32).contiguous().numpy().tofile(out / "nf4.f32")
    codes, scales, _ = bnb.int8_vectorwise_quant(w)
    (codes.float() * (scales / 127).unsqueeze(1)).numpy().tofile(out / "int8.f32")
    mixed(codes, scales).to(torch.float32).numpy().tofile(out / "llm_int8.f32")


main()
