"""Writes ten steps of bitsandbytes' AdamW8bit and the levels of its dynamic 8-bit types.

    python internal/reference/adamw8.py train/testdata internal/kernel/testdata
    python internal/reference/adamw8.py --as-it-is | --nearest

What is trained: a tensor of 4296 numbers, whose moments bitsandbytes holds in 8 bits (17 blocks, the last of 200), and one of 100, whose moments
stay float32; the loss is the sum of h/2·(p - target)², with p, target and h drawn by the generator below, which the Go test repeats.

The step is bitsandbytes 0.50.2's on a CPU but for how it quantizes. Its Triton kernels and its portable code take the nearest
level; its library for CPUs looks levels up in a table of equal cells, where what is smaller than a cell, 0 among it, is the cell's middle. Here
it is the nearest level, but for squares that are not 0: they never become 0 (see package kernel). With --as-it-is the losses of bitsandbytes'
own library are printed, with --nearest those of its portable code.
adamw8.json has the losses before each step.
adamw8.f32 has what the run ends with, float32: the two tensors, and what the 8-bit moments of the larger stand for, m and v.
dynamic_signed.f32 and dynamic_unsigned.f32 are the 256 levels, ascending.
"""

import functools
import json
import pathlib
import sys

import bitsandbytes
import bitsandbytes.backends.cpu.ops as on_cpu
import bitsandbytes.functional
import torch

SIZES = (4296, 100)
STEPS = 10


class Draws:
    def __init__(self):
        self.state = 1

    def next(self, count):
        values = []
        for _ in range(count):
            self.state = (self.state * 1103515245 + 12345) % 2**31
            values.append(self.state / 2**30 - 1)
        return torch.tensor(values, dtype=torch.float64)


def to_nearest(x, levels, absmax, codes, size, squares_stay=True):
    for i, block in enumerate(x.reshape(-1).split(size)):
        absmax[i] = block.abs().max()
        middles = (levels[:-1] + levels[1:]) / 2
        if levels[0] == 0 and squares_stay:
            middles[0] = 0
        codes.view(-1)[i * size : i * size + len(block)] = torch.bucketize(block / absmax[i], middles).to(torch.uint8)


def run():
    draws = Draws()
    params, targets, weights = [], [], []
    for n in SIZES:
        params.append(torch.nn.Parameter(draws.next(n).float()))
        targets.append(draws.next(n).float())
        u = draws.next(n)
        weights.append((u * u * u * u).float())
    optimizer = bitsandbytes.optim.AdamW8bit(params, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    losses = []
    for _ in range(STEPS):
        loss = 0.0
        for p, target, h in zip(params, targets, weights):
            d = p.data - target
            loss += (h.double() * d.double() ** 2).sum().item() / 2
            p.grad = h * d
        losses.append(loss)
        optimizer.step()
    return params, optimizer, losses


def main():
    if sys.argv[1:] in (["--as-it-is"], ["--nearest"]):
        if sys.argv[1] == "--nearest":
            on_cpu._quant_blockwise_fp32_direct = functools.partial(to_nearest, squares_stay=False)
        print(*run()[2], sep="\n")
        return
    run_folder, levels_folder = map(pathlib.Path, sys.argv[1:])
    for name, signed in (("signed", True), ("unsigned", False)):
        bitsandbytes.functional.create_dynamic_map(signed=signed).numpy().tofile(levels_folder / f"dynamic_{name}.f32")
    on_cpu._quant_blockwise_fp32_direct = to_nearest
    params, optimizer, losses = run()
    state = optimizer.state[params[0]]
    assert state["state1"].dtype == torch.uint8 and optimizer.state[params[1]]["state1"].dtype == torch.float32
    end = [p.data for p in params]
    for i in "12":
        level = state[f"qmap{i}"][state[f"state{i}"].long()]
        end.append(level * state[f"absmax{i}"].repeat_interleave(256)[: len(level)])
    torch.cat(end).numpy().tofile(run_folder / "adamw8.f32")
    (run_folder / "adamw8.json").write_text(json.dumps({"losses": losses}, indent=1) + "\n")


main()
