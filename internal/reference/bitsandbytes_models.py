"""Makes internal/exchange/testdata/bitsandbytes: tiny models of random weights as transformers and bitsandbytes quantize and save them.

    python internal/reference/bitsandbytes_models.py

Each folder holds what save_pretrained wrote and expect.safetensors: inputs, logits and hidden states, computed in float64 with the
weights that bitsandbytes decodes. bitsandbytes 0.50.2, on a CPU.
"""

import json
import logging
import pathlib
import shutil
import tempfile

import torch
import transformers
from bitsandbytes.functional import dequantize_4bit, int8_vectorwise_dequant
from safetensors.torch import save_file
from transformers import BitsAndBytesConfig

import models

OUT = models.OUT / "bitsandbytes"


def four(**options):
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.float32, **options)


# A config, how it is quantized, the type that it is loaded in. Rows of 24 elements: groups of 64 go over their ends.
CASES = {
    "bert-nf4-double": ({**models.BERT, "architectures": ["BertForMaskedLM"]}, four(bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True), torch.float32),
    "gpt2-nf4": ({**models.GPT2, "n_embd": 24, "n_inner": 20}, four(bnb_4bit_quant_type="nf4"), torch.bfloat16),
    "llama-fp4": ({**models.LLAMA, "hidden_size": 24}, four(bnb_4bit_quant_type="fp4"), torch.float32),
    "gpt2-int8": ({**models.GPT2, "n_embd": 24, "n_inner": 20}, BitsAndBytesConfig(load_in_8bit=True), torch.float32),
    "llama-int8-skip": ({**models.LLAMA, "tie_word_embeddings": False},
                        BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=["lm_head", "v_proj"]), torch.float32),
}


def decoded(model):
    """The elements of all weights of a quantized model, by name."""
    weights = {}
    for name, module in model.named_modules():
        kind = type(module).__name__
        if kind == "Linear4bit":
            w = dequantize_4bit(module.weight.data, module.weight.quant_state)
        elif kind == "Linear8bitLt":
            w = int8_vectorwise_dequant(module.weight.data, module.weight.SCB if module.state.SCB is None else module.state.SCB)
        else:
            continue
        weights[name + ".weight"] = w.T if module.source_cls is transformers.pytorch_utils.Conv1D else w
    return {name: weights.get(name, value) for name, value in model.state_dict().items() if name in weights or not any(
        name.startswith(w.removesuffix("weight")) and not name.endswith(".bias") for w in weights)}


def make(folder, config, quantization, dtype, seed):
    torch.manual_seed(seed)
    kind = getattr(transformers, config["architectures"][0])
    with tempfile.TemporaryDirectory() as source:
        (pathlib.Path(source) / "config.json").write_text(json.dumps(config))
        plain = kind(transformers.AutoConfig.from_pretrained(source, attn_implementation="eager")).eval()
        with torch.no_grad():
            for parameter in plain.parameters():
                parameter.copy_(torch.randn_like(parameter) * 0.3 + (1.0 if parameter.dim() == 1 else 0.0))
        plain.save_pretrained(source)
        quantized = kind.from_pretrained(source, quantization_config=quantization, dtype=dtype, device_map="cpu")
    quantized.save_pretrained(folder)
    plain.load_state_dict(decoded(quantized), strict=True)
    inputs = {"input_ids": torch.randint(1, 31, (2, 20)), "attention_mask": torch.ones(2, 20, dtype=torch.int64)}
    inputs["attention_mask"][1, 9:] = 0
    with torch.no_grad():
        out = plain.double()(**inputs, output_hidden_states=True)
    expect = {"logits": out.logits, **{f"hidden_states.{i}": h for i, h in enumerate(out.hidden_states)}}
    save_file({**inputs, **{k: v.float().contiguous() for k, v in expect.items()}}, folder / "expect.safetensors")


def main():
    logging.getLogger("transformers").setLevel(logging.ERROR)
    shutil.rmtree(OUT, ignore_errors=True)
    for seed, (name, case) in enumerate(CASES.items()):
        make(OUT / name, *case, seed)
        (OUT / name / "generation_config.json").unlink(missing_ok=True)
        print(name)


if __name__ == "__main__":
    main()
