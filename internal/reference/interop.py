"""Loads a delta that Trimtab wrote in the library whose format it is, and compares logits.

    python internal/reference/interop.py BASE DELTA INPUT OUTPUT [BASE DELTA INPUT OUTPUT ...] [--logits NAME]

BASE is a transformers folder, DELTA a PEFT or an AdapterHub folder (its adapter_config.json says which), INPUT the
tensors that `trimtab forward` read and OUTPUT those that it wrote. For AdapterHub's folders, run it in the environment
of requirements-adapters.txt. Prints a line a delta; the exit status is 1 where a logit is not within 1e-5 (1 + |expected|).
"""

import argparse
import json
import logging
import pathlib
import sys
import warnings

import torch
import transformers
from safetensors.torch import load_file

TOLERANCE = 1e-5
MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "pixel_values")


def load(base, delta):
    """The base with the delta on it, ready to run, and the name of the library that read the delta."""
    architecture = json.loads((base / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, architecture).from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
    if "peft_type" in json.loads((delta / "adapter_config.json").read_text()):
        import peft

        return peft.PeftModel.from_pretrained(model, delta).eval(), "peft " + peft.__version__
    import adapters

    adapters.init(model)
    safe = (delta / "adapter.safetensors").exists()
    model.set_active_adapters(model.load_adapter(str(delta), use_safetensors=safe))
    return model.eval(), "adapters " + adapters.__version__


def worst(found, expected, mask):
    """The largest |found-expected| / (1+|expected|), leaving out the rows of padding; virtual tokens in front count."""
    if found.shape != expected.shape:
        raise SystemExit(f"logits: found {tuple(found.shape)}, expected {tuple(expected.shape)}")
    error = (found - expected).abs() / (1 + expected.abs())
    if mask is not None and expected.dim() == 3:
        virtual = expected.shape[1] - mask.shape[1]
        mask = torch.cat([mask.new_ones(mask.shape[0], virtual), mask], dim=1)
        error = error[mask.bool()]
    return torch.nan_to_num(error, nan=float("inf")).max().item()


def compare(base, delta, source, output, name):
    """Prints a line about one delta and reports whether it agrees."""
    tensors = load_file(source)
    inputs = {key: tensors[key] for key in MODEL_INPUTS if key in tensors}
    model, library = load(base, delta)
    with torch.no_grad():
        expected = model(**inputs).logits
    error = worst(load_file(output)[name], expected, inputs.get("attention_mask"))
    verdict = "agrees" if error <= TOLERANCE else "DIFFERS"
    print(f"{delta.name}: {verdict} with {library}, the largest error is {error:.2g}", flush=True)
    return error <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=pathlib.Path, nargs="+", metavar="BASE DELTA INPUT OUTPUT")
    parser.add_argument("--logits", default="logits", help="the tensor of OUTPUT to compare")
    arguments = parser.parse_args()
    if len(arguments.paths) % 4:
        parser.error("expected BASE DELTA INPUT OUTPUT, any number of times")

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("adapters").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)
    fours = zip(*[iter(arguments.paths)] * 4)
    return 0 if all([compare(*four, arguments.logits) for four in fours]) else 1


if __name__ == "__main__":
    sys.exit(main())
