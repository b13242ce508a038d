"""Loads what `trimtab quantize --out` writes in transformers, with bitsandbytes, and compares with `trimtab forward` on the same folder.

    python internal/reference/interop_quantized.py --program ./trimtab BASE [BASE ...] [--precisions llm_int8,int8,nf4,bf16]

Each base, a transformers folder, is written in each precision to a scratch folder. Every tensor must be read, and the last hidden states (logits, where the
architecture has them) of drawn tokens, two texts of different lengths, be those of trimtab:

- of the weights that the folder stands for: `forward FOLDER` within 1e-5 · (1 + |expected|), or 3e-5 of models with a hidden size of more than 128. In 8 bits transformers
  computes this with its dequantized weights; in 4 with bitsandbytes' product, in float32.
- in 8 bits as products round their rows: `forward FOLDER --quantization` is no more than 1.5 times as far from that, in the norm of all elements, as bitsandbytes' own product. (Each of both is another
  rounding: bitsandbytes goes by way of float16, and with llm_int8 takes outliers out of all rows of a batch.)

A line a comparison. The exit status is 0 where all agree, 1 where one does not or a folder does not load, 2 for a wrong command line. Needs bitsandbytes 0.50.2 beside the
first environment.
"""

import argparse
import json
import logging
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

PRECISIONS = ("llm_int8", "int8", "nf4", "bf16")
FARTHER = 1.5


def tolerance(config):
    return 1e-5 if config.get("hidden_size", config.get("n_embd")) <= 128 else 3e-5


def draw(config, path):
    """Two texts of drawn tokens, the second one shorter."""
    torch.manual_seed(1)
    pad = config.get("pad_token_id") or 0  # where it is looked for, the last other token is what is classified
    mask, ids = torch.ones(2, 24, dtype=torch.int64), torch.randint(0, config["vocab_size"] - 1, (2, 24))
    mask[1, 15:] = 0
    ids[ids >= pad] += 1
    ids[mask == 0] = pad
    tensors = {"input_ids": ids, "attention_mask": mask}
    save_file(tensors, path)
    return tensors


def load(folder, kind):
    """The model in transformers; tensors of the file that it did not read, or missed, are an error."""
    model, loading = getattr(transformers, kind).from_pretrained(folder, attn_implementation="eager", output_loading_info=True)
    bad = {k: v for k, v in loading.items() if v and k in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    if bad:
        raise ValueError(f"{bad}")
    return in_float32(model)


def in_float32(model):
    for p in model.parameters():  # after loading: transformers 5.23 does not cast all tensors of a quantized file to another dtype
        if p.is_floating_point():
            p.data = p.data.float()
    return model.eval()


def answers(model, tensors):
    """What is compared: its name in trimtab's files, and the numbers."""
    with torch.no_grad():
        out = model(**tensors, output_hidden_states=True)
    if "logits" in out:
        return "logits", out.logits
    return f"hidden_states.{len(out.hidden_states) - 1}", out.hidden_states[-1]


def tell(title, agrees, text):
    print(f"{title}: {'agrees' if agrees else 'DIFFERS'}, {text}", flush=True)
    return agrees


def compare(program, base, precision, scratch):
    config, folder = json.loads((base / "config.json").read_text()), scratch / precision
    inputs, output = scratch / "in.safetensors", scratch / "out.safetensors"
    tensors, title = draw(config, inputs), f"{base.name} in {precision}"
    mask = tensors["attention_mask"].bool()

    def trimtab(*arguments):
        subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def forward(*arguments):
        trimtab("forward", folder, *arguments, "--in", inputs, "--out", output)
        return load_file(output)[name]

    trimtab("quantize", base, "--quantization", precision, "--out", folder)
    model = load(folder, config["architectures"][0])
    kinds = ", ".join(sorted({type(m).__name__ for m in model.modules() if isinstance(m, torch.nn.Linear)}))
    name, own = answers(model, tensors)
    if rounds := precision.endswith("int8"):
        model = in_float32(model.dequantize(dtype=torch.float32))
    _, want = answers(model, tensors)
    there = lambda t: t[mask] if t.dim() == 3 else t
    error = torch.nan_to_num((there(forward()) - there(want)).abs() / (1 + there(want).abs()), nan=float("inf")).max().item()
    good = tell(title, error <= tolerance(config), f"{name} differ by at most {error:.2g} (1 + |expected|) ({kinds})")
    if rounds:
        off = lambda t: ((there(t) - there(want)).norm() / there(want).norm()).item()
        ours, theirs = off(forward("--quantization", precision)), off(own)
        good &= tell(title, ours <= FARTHER * theirs, f"rounding rows costs {100 * ours:.2f} %, and bitsandbytes' {100 * theirs:.2f} %")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bases", nargs="+", type=pathlib.Path, metavar="BASE")
    parser.add_argument("--program", type=pathlib.Path, default=pathlib.Path("./trimtab"))
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    arguments = parser.parse_args()
    precisions = arguments.precisions.split(",")
    if not set(precisions) <= set(PRECISIONS):
        parser.error(f"--precisions: there are {', '.join(PRECISIONS)}")
    transformers.logging.set_verbosity_error()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    transformers.logging.disable_progress_bar()
    failed = 0
    for base in arguments.bases:
        for precision in precisions:
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    failed += not compare(arguments.program.resolve(), base.resolve(), precision, pathlib.Path(scratch))
                except Exception as e:  # whatever the libraries raise: the folder does not load
                    said = getattr(e, "stderr", None)
                    print(f"{base.name} in {precision}: FAILS: {type(e).__name__}: {e} {said.decode() if said else ''}", flush=True)
                    failed += 1
    print(f"{len(arguments.bases) * len(precisions)} folders, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
