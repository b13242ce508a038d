"""What `trimtab plan` predicts against what `trimtab train` then takes: peak resident memory and the time of a step, or of an
evaluation where nothing trains.

    python internal/reference/plan.py --program ./trimtab --folder FOLDER [--only REGEX] [--out FILE] [--table FILE]

A case is a recipe: a base, a method, a precision, a size of batch. It is planned, then trained for an epoch of few steps in a process of its
own, whose VmHWM is what the system counted when it ended, and whose steps are timed by when their lines came to metrics.jsonl.
Where nothing trains the time is that of the evaluation: of the whole process, less that of one which evaluates a single row.
With several rounds plans and runs take turns, and of each side's times the least counts: other work on the machine only adds to them. Prints
a line a case, and the worst ratios; --out appends each case as a line of JSON, and --table makes the table of docs/plan.md of
such a file, nothing run.

The bases are ../shared/models/minilm-mlm and three drawn by chance, in the shapes of BERT-base and GPT-2 and of a Llama of 152 million
parameters, which the first run writes to FOLDER (2 GB; that needs PyTorch, transformers and tokenizers). Timings mean something on a quiet machine only.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
MINILM = SHARED / "models" / "minilm-mlm"

# Runs in a process of its own: this one stays small, because a child's peak begins with what its parent had.
MAKE = """
import json, pathlib, shutil, sys
import torch, transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
folder, shared = map(pathlib.Path, sys.argv[1:])
torch.manual_seed(1)
if not (folder / "bert" / "config.json").exists():
    transformers.BertForMaskedLM(transformers.BertConfig()).save_pretrained(folder / "bert")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copyfile(shared / "models" / "minilm-mlm" / name, folder / "bert" / name)
if not (folder / "gpt2" / "config.json").exists():
    transformers.GPT2LMHeadModel(transformers.GPT2Config()).save_pretrained(folder / "gpt2")
    files = shared / "tokenizers" / "gpt2"
    merges = [tuple(line.split()) for line in (files / "vocab.bpe").read_text().splitlines() if line and not line.startswith("#")]
    t = Tokenizer(models.BPE(vocab=json.loads((files / "encoder.json").read_text()), merges=merges))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.save(str(folder / "gpt2" / "tokenizer.json"))
if not (folder / "llama" / "config.json").exists():
    transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=50257, hidden_size=768, intermediate_size=2048, num_hidden_layers=12,
        num_attention_heads=12, num_key_value_heads=4, max_position_embeddings=1024, bos_token_id=50256, eos_token_id=50256)).save_pretrained(folder / "llama")
    shutil.copyfile(folder / "gpt2" / "tokenizer.json", folder / "llama" / "tokenizer.json")
"""

LORA = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["query", "value"]}
GPT_LORA = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["c_attn"], "fan_in_fan_out": True}
LLAMA_LORA = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
METHODS = {
    "full": [{"method": "full"}],
    "head": [],
    "lora": [LORA],
    "dora": [{**LORA, "use_dora": True}],
    "adapter": [{"adapter": "seq_bn", "reduction_factor": 16}],
    "prefix": [{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 16}],
    "prompt-tuning": [{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 16}],
    "bitfit": [{"method": "bitfit"}],
}
PRECISIONS = ["f32", "bf16", "int8", "llm_int8", "nf4", "int4"]
ASK = {"template": '{"placeholder": "sentence"} It was {"mask"}.', "verbalizer": {"0": ["terrible", "bad"], "1": ["great", "good"]}}
SOFT = {**ASK, "template": '{"placeholder": "sentence"} {"soft": "It was"} {"mask"}.'}


def cases():
    """Every case: name, base, recipe."""
    def head(base, what, method, rows, batch, tokens=None, precision="f32", **more):
        data = {"train": {"file": f"{'long' if tokens else 'sst2'}-{rows}.tsv", "text": "sentence", "label": "label"}}
        data.update(more.pop("data", {}))
        training = {"per_device_train_batch_size": batch, **more.pop("training", {})}
        recipe = {"quantization": precision, "data": data, "deltas": METHODS[method], "training": training, **more}
        if tokens:
            recipe["max_length"] = {"tokens": tokens, "truncation": "tail"}
        name = f"{base} {what or method} {precision} {batch}" + (f"x{tokens}" if tokens else "")
        return name, base, recipe

    for method in METHODS:
        yield head("minilm", "", method, 320, 32)
        yield head("bert", "", method, 48, 8, 64)
    for precision in PRECISIONS[1:]:
        yield head("minilm", "", "lora", 320, 32, precision=precision)
        yield head("bert", "", "lora", 48, 8, 64, precision=precision)
        for method in ("dora", "adapter", "prefix", "bitfit"):
            yield head("bert", "", method, 48, 8, 64, precision=precision)
    yield head("minilm", "", "lora", 20, 1)
    yield head("minilm", "", "lora", 80, 8)
    yield head("minilm", "", "full", 640, 64)
    yield head("bert", "", "lora", 128, 32, 128)
    yield head("bert", "", "lora", 128, 32, 128, precision="int8")
    yield head("bert", "", "lora", 8, 1, 64)
    yield head("bert", "", "lora", 64, 16)
    yield head("bert", "lora, checkpointing", "lora", 48, 8, 64, training={"gradient_checkpointing": True})
    yield head("bert", "full, checkpointing", "full", 48, 8, 64, training={"gradient_checkpointing": True})
    yield head("bert", "lora, activations bf16", "lora", 48, 8, 64, training={"activations": "bf16"})
    yield head("minilm", "full, moments in 8 bits", "full", 320, 32, training={"optim": "adamw_bnb_8bit"})
    yield head("minilm", "lora, evaluated and saved", "lora", 320, 32,
               data={"validation": {"file": "dev.tsv"}}, training={"eval_steps": 3, "save_steps": 5})
    yield head("minilm", "full, evaluated and saved", "full", 320, 32,
               data={"validation": {"file": "dev.tsv"}}, training={"eval_steps": 3, "save_steps": 5})
    yield head("minilm", "lora, all of SST-2", "lora", "all", 32)
    for method in ("lora", "bitfit", "full", "prefix"):
        yield head("minilm", f"prompt, {method}", method, 320, 32, prompt=ASK)
    yield head("minilm", "prompt, soft tokens", "head", 320, 32, prompt=SOFT)
    yield head("bert", "prompt, lora", "lora", 64, 16, prompt=ASK)
    yield head("bert", "prompt, lora", "lora", 64, 16, prompt=ASK, precision="int8")
    for base, rows, precision in (("minilm", 872, "f32"), ("minilm", 872, "int8"), *(("bert", 128, precision) for precision in PRECISIONS)):
        yield f"{base} zero-shot {precision} {rows}", base, {"quantization": precision, "prompt": ASK,
            "data": {"test": {"file": f"sst2-{rows}.tsv", "text": "sentence", "label": "label"}}}
    text = {"train": {"file": "text.txt", "text": "text"}}
    yield "gpt2 lm, evaluated f32 32x128", "gpt2", {"task": "causal_lm", "data": {"test": text["train"]}, "max_length": {"tokens": 128, "truncation": "tail"}}
    for precision in PRECISIONS:
        yield f"gpt2 lm, lora {precision} 4x128", "gpt2", {"task": "causal_lm", "quantization": precision, "deltas": [GPT_LORA], "data": text,
            "max_length": {"tokens": 128, "truncation": "tail"}, "training": {"per_device_train_batch_size": 4}}
    for method in ("full", "prefix", "bitfit"):
        yield f"gpt2 lm, {method} f32 4x128", "gpt2", {"task": "causal_lm", "deltas": METHODS[method], "data": text,
            "max_length": {"tokens": 128, "truncation": "tail"}, "training": {"per_device_train_batch_size": 4}}
    for what, deltas, precision in [*(("lora", [LLAMA_LORA], precision) for precision in PRECISIONS), ("dora", [{**LLAMA_LORA, "use_dora": True}], "f32"),
                                    ("dora", [{**LLAMA_LORA, "use_dora": True}], "nf4"), ("prefix", METHODS["prefix"], "f32"), ("prefix", METHODS["prefix"], "nf4"),
                                    ("full", METHODS["full"], "f32")]:
        yield f"llama lm, {what} {precision} 4x128", "llama", {"task": "causal_lm", "quantization": precision, "deltas": deltas, "data": text,
            "max_length": {"tokens": 128, "truncation": "tail"}, "training": {"per_device_train_batch_size": 4}}
    yield "minilm mlm, full f32 1024 tokens", "minilm", {"task": "masked_lm", "deltas": METHODS["full"], "data": text,
        "max_length": {"tokens": 128, "truncation": "tail"}, "training": {"batch_tokens": 1024}}
    yield "minilm mlm, lora bf16 1024 tokens", "minilm", {"task": "masked_lm", "quantization": "bf16", "deltas": [LORA], "data": text,
        "max_length": {"tokens": 128, "truncation": "tail"}, "training": {"batch_tokens": 1024}}


def prepare(folder):
    """Bases and data, once."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "llama" / "tokenizer.json").exists():
        subprocess.run([sys.executable, "-c", MAKE, str(folder), str(SHARED)], check=True)
    lines = (SHARED / "data/sst2/train.tsv").read_text().splitlines()
    words = " ".join((SHARED / "data/wikitext2/valid.txt").read_text().split()).split()
    for rows in (8, 20, 48, 64, 80, 128, 320, 640, 872, "all"):
        part = lines[1:] if rows == "all" else lines[1:: len(lines) // rows][:rows]
        (folder / f"sst2-{rows}.tsv").write_text("\n".join([lines[0], *part]) + "\n")
        if rows != "all":
            (folder / f"long-{rows}.tsv").write_text("\n".join([lines[0], *(" ".join(words[150 * i % 100000:][:150]) + f"\t{i % 2}" for i in range(rows))]) + "\n")
    (folder / "dev.tsv").write_text("\n".join((SHARED / "data/sst2/dev.tsv").read_text().splitlines()[:401]) + "\n")
    (folder / "text.txt").write_text("".join(" ".join(words[150 * i:][: 150 - 40 * (i % 3)]) + "\n" for i in range(32)))


def train(command, metrics):
    """Peak memory in bytes, and the seconds of a step: the median time a token after the first step, times the mean number of tokens."""
    process = subprocess.Popen(command, cwd=metrics.parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    moments, tokens, size = [], [], 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        now = time.perf_counter()
        try:
            text = metrics.read_bytes() if metrics.stat().st_size != size else None
        except FileNotFoundError:
            text = None
        if text is not None:
            size = len(text)
            tokens = [json.loads(line)["tokens"] for line in text.splitlines(keepends=True) if line.endswith(b"\n") and b'"loss"' in line]
            moments += [now] * (len(tokens) - len(moments))
        if pid:
            if status:
                raise RuntimeError(process.stderr.read().decode())
            pace = statistics.median((b - a) / n for a, b, n in zip(moments, moments[1:], tokens[1:]))
            return usage.ru_maxrss << 10, pace * statistics.mean(tokens)
        time.sleep(0.001)


def whole(command, output):
    """Peak memory in bytes and the seconds of a process that trains nothing."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=output.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    if status:
        raise RuntimeError(process.stderr.read().decode())
    shutil.rmtree(output)
    return usage.ru_maxrss << 10, took


def evaluate(command, output, test):
    """Peak memory in bytes, and the seconds of the evaluation: the process's, less those of one that evaluates the first row alone."""
    lines = test.read_text().splitlines(keepends=True)
    one = test.with_name("one" + test.suffix)
    one.write_text("".join(lines[: 2 if test.suffix == ".tsv" else 1]))
    _, little = whole([*command, "--set", f"data.test.file={one.name}"], output)  # first: it leaves the base's fingerprint in the cache
    peak, took = whole(command, output)
    return peak, took - little


def run(program, folder, name, base, recipe, rounds):
    output = folder / "run"
    shutil.rmtree(output, ignore_errors=True)
    recipe = {"model_name_or_path": str(MINILM if base == "minilm" else folder / base), "output_dir": str(output), **recipe}
    recipe["training"] = {"num_train_epochs": 1, "dropout": 0, **recipe.get("training", {})}
    if "all" in name:
        recipe["training"]["max_steps"] = 20
    trains = "train" in recipe["data"]
    key = "seconds_a_step" if trains else "seconds_an_evaluation"
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))
    peaks, taken, plans = [], [], []
    for _ in range(rounds):
        plans.append(json.loads(subprocess.run([program, "plan", path, "--json"], cwd=folder, check=True, stdout=subprocess.PIPE).stdout))
        command = [program, "train", path]
        if trains:
            peak, step = train(command, output / "metrics.jsonl")
            shutil.rmtree(output, ignore_errors=True)
        else:
            peak, step = evaluate(command, output, folder / recipe["data"]["test"]["file"])
        peaks.append(peak)
        taken.append(step)
    plan = plans[0]
    predicted, step, peak = min(p[key] for p in plans), min(taken), max(peaks)
    return {"case": name, "predicted_bytes": plan["peak_bytes"], "peak_bytes": peak, "memory_ratio": plan["peak_bytes"] / peak,
            "predicted_seconds": predicted, "step_seconds": step, "time_ratio": predicted / step,
            "all_predicted": [p[key] for p in plans], "all_steps": taken, "plan": plan}


def mb(n):
    return f"{n / 1e6:,.0f} MB"


def seconds(s):
    return f"{s:.2f} s" if s >= 1 else f"{1000 * s:.0f} ms"


def table(results, what):
    rows = [f"| run | memory, predicted | measured | ratio | {what}, predicted | measured | ratio |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for r in results:
        rows.append(f"| {r['case']} | {mb(r['predicted_bytes'])} | {mb(r['peak_bytes'])} | {r['memory_ratio']:.2f} "
                    f"| {seconds(r['predicted_seconds'])} | {seconds(r['step_seconds'])} | {r['time_ratio']:.2f} |")
    return "\n".join(rows)


def worst(results, key):
    return max((r[key] for r in results), key=lambda ratio: max(ratio, 1 / ratio))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=pathlib.Path("./trimtab"))
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=1, help="plans and runs of each case, in turns")
    parser.add_argument("--only", default="", help="cases whose names hold this")
    parser.add_argument("--out", type=pathlib.Path, help="a file that gets each case's figures, as a line of JSON")
    parser.add_argument("--table", type=pathlib.Path, help="print the table of such a file")
    arguments = parser.parse_args()

    if arguments.table:
        last = {r["case"]: r for r in map(json.loads, arguments.table.read_text().splitlines())}
        results = [last[name] for name, _, _ in cases() if name in last]
        for what in ("step", "evaluation"):
            print(table([r for r in results if (what == "step") == (r["plan"]["steps"] > 0)], what), end="\n\n")
    else:
        folder = arguments.folder.resolve()
        prepare(folder)
        results = []
        for name, base, recipe in cases():
            if not re.search(arguments.only, name):
                continue
            r = run(arguments.program.resolve(), folder, name, base, recipe, arguments.rounds)
            results.append(r)
            print(f"{name}: memory {mb(r['predicted_bytes'])} / {mb(r['peak_bytes'])} = {r['memory_ratio']:.3f}, "
                  f"step {seconds(r['predicted_seconds'])} / {seconds(r['step_seconds'])} = {r['time_ratio']:.3f}", flush=True)
            if arguments.out:
                with arguments.out.open("a") as f:
                    f.write(json.dumps(r) + "\n")
    print(f"worst of {len(results)}: memory {worst(results, 'memory_ratio'):.3f}, step {worst(results, 'time_ratio'):.3f}")


if __name__ == "__main__":
    main()
