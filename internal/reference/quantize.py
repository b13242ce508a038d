"""Writes what quantized weights cost, computed by bitsandbytes and PyTorch: recipe/testdata/quantize.json.

    python internal/reference/quantize.py recipe/testdata/quantize.json

For each model: relative errors of the weights of the blocks' linear maps in bf16, int8 and, of rows of multiples of 64 elements, nf4 (with
double quantization); in nf4 the relative errors of the states after each block, of a model whose weights are those that the quantized ones
stand for, on the texts below; of the causal language model in float32 perplexity and token accuracy. bitsandbytes 0.50.2, on a CPU.
"""

import json
import pathlib
import sys

import bitsandbytes.functional as bnb
import torch
import transformers

TEXTS = {
    "internal/builtin/base": ["A trim tab is the small rudder on the edge of the big rudder.", "Turn the tab and the ship turns.", "The soup is warm."],
    "../shared/models/stories260K-hf": ["Once upon a time, there was a little girl named Lily.", "Tim went to the park with his mom and saw a big dog."],
}


def held(weight, quantization):
    """What a weight [out, in] is held as."""
    if quantization == "bf16":
        return weight.bfloat16().float()
    if quantization == "int8":
        codes, scales, _ = bnb.int8_vectorwise_quant(weight)
        return codes.float() * (scales / 127).unsqueeze(1)
    codes, state = bnb.quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
    return bnb.dequantize_4bit(codes, state).float()


def relative(pairs):
    """The norm of the differences over the norm of what should be."""
    difference = sum(((got - want).double() ** 2).sum() for got, want in pairs)
    return (difference / sum((want.double() ** 2).sum() for _, want in pairs)).sqrt().item()


def states(model, inputs):
    """The states after each block, a list of blocks a text; the last as the model's body gives it."""
    with torch.no_grad():
        return [model(**i, output_hidden_states=True).hidden_states[1:] for i in inputs]


def scores(model, inputs):
    """Perplexity of the next tokens, and how often the likeliest is right."""
    loss, right, count = 0.0, 0, 0
    for i in inputs:
        with torch.no_grad():
            logits = model(**i).logits[0, :-1].double()
        answers = i["input_ids"][0, 1:]
        loss += torch.nn.functional.cross_entropy(logits, answers, reduction="sum").item()
        right += (logits.argmax(-1) == answers).sum().item()
        count += len(answers)
    return {"perplexity": torch.tensor(loss / count).exp().item(), "token_accuracy": right / count}


def measure(folder, texts):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    inputs = [{"input_ids": tokenizer(t, return_tensors="pt")["input_ids"]} for t in texts]
    causal = "CausalLM" in json.loads((folder / "config.json").read_text())["architectures"][0]
    kind = transformers.AutoModelForCausalLM if causal else transformers.AutoModelForMaskedLM
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    maps = {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "layer" in n}
    want = states(model, inputs)
    result = {"texts": texts, "precisions": {}}
    if causal:
        result["scores"] = scores(model, inputs)
    original = {n: m.weight.data.clone() for n, m in maps.items()}
    for quantization in ("bf16", "int8", "nf4"):
        if quantization == "nf4" and any(w.shape[1] % 64 for w in original.values()):
            continue
        for n, m in maps.items():
            m.weight.data = held(original[n], quantization)
        figures = {"maps": {n: relative([(m.weight.data, original[n])]) for n, m in maps.items()}}
        figures["weight"] = relative([(m.weight.data, original[n]) for n, m in maps.items()])
        if quantization == "nf4":
            got = states(model, inputs)
            figures["hidden"] = [relative([(g[b], w[b]) for g, w in zip(got, want)]) for b in range(len(want[0]))]
        result["precisions"][quantization] = figures
    return result


def main():
    out = pathlib.Path(sys.argv[1])
    out.write_text(json.dumps({name: measure(pathlib.Path(name), texts) for name, texts in TEXTS.items()}, indent=1) + "\n")


main()
