"""Loads a base that `trimtab quantize --out` wrote in transformers, and compares logits, or last hidden states, with those of `trimtab forward`.

    python internal/reference/interop_quantized.py FOLDER INPUT OUTPUT [FOLDER INPUT OUTPUT ...]

INPUT are the tensors that `trimtab forward FOLDER` read and OUTPUT those that it wrote. transformers computes in float32: in 4 bits with bitsandbytes'
product; in 8 bits with the decoded weights, because bitsandbytes' own product rounds activations. Needs bitsandbytes 0.50.2 beside the first environment. Prints a line a folder; the exit status is 1 where a number is not within 1e-5 (1 + |expected|).
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file

TOLERANCE = 1e-5


def load(folder):
    """The model, and what became of its linear maps."""
    config = json.loads((folder / "config.json").read_text())
    model, loading = getattr(transformers, config["architectures"][0]).from_pretrained(
        folder, attn_implementation="eager", output_loading_info=True)
    bad = {k: v for k, v in loading.items() if v and k in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    kinds = sorted({type(m).__name__ for m in model.modules() if isinstance(m, torch.nn.Linear)})
    if config.get("quantization_config", {}).get("load_in_8bit"):
        model = model.dequantize(dtype=torch.float32)
    for p in model.parameters():  # after loading: transformers 5.23 does not cast all tensors of a quantized file to another dtype
        if p.is_floating_point():
            p.data = p.data.float()
    return model.eval(), f"{config['dtype']}, {', '.join(kinds)}, {bad or 'all tensors read'}"


def compare(folder, source, output):
    tensors, found = load_file(source), load_file(output)
    mask = tensors["attention_mask"].bool()
    inputs = {k: tensors[k] for k in ("input_ids", "attention_mask", "token_type_ids") if k in tensors}
    model, what = load(folder)
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
    expected = {"logits": out.logits} if "logits" in out else {f"hidden_states.{len(out.hidden_states) - 1}": out.hidden_states[-1]}
    (name, want), = expected.items()
    error = (found[name] - want).abs() / (1 + want.abs())
    error = torch.nan_to_num(error[mask] if want.dim() == 3 else error, nan=float("inf")).max().item()
    print(f"{folder.name}: {'agrees' if error <= TOLERANCE else 'DIFFERS'}, the largest error of {name} is {error:.2g} ({what})", flush=True)
    return error <= TOLERANCE


def main():
    paths = [pathlib.Path(p) for p in sys.argv[1:]]
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return 0 if all([compare(*three) for three in zip(paths[::3], paths[1::3], paths[2::3])]) else 1


if __name__ == "__main__":
    sys.exit(main())
