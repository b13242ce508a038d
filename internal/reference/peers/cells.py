"""What is measured: a cell is one process of one side on one workload in one precision."""

import pathlib
import re

HERE = pathlib.Path(__file__).parent
SHARED = "../shared"

# How Trimtab holds frozen weights, what a step remembers of its forward, and how it multiplies what trains.
OURS = {
    "f32": ["--quantization", "f32", "--activations", "f32"],
    "f32, bf16 kept": ["--quantization", "f32", "--activations", "bf16"],
    "f32 in bf16": ["--quantization", "f32", "--activations", "bf16", "--bf16"],
    "bf16": ["--quantization", "bf16", "--activations", "bf16"],
    "int8": ["--quantization", "int8", "--activations", "bf16"],
    "nf4": ["--quantization", "nf4", "--activations", "bf16"],
    "int4": ["--quantization", "int4", "--activations", "bf16"],
}

# The figure of the course: methods and sizes of the batch, each side in float32. PyTorch warms up on one segment where there are 16 and more.
METHODS = ["full", "adapter", "lora", "prefix", "bitfit"]
BATCHES = [1, 4, 16, 64]

with open("/proc/cpuinfo") as info:
    # Whether the processor multiplies bfloat16. Where it does not, OpenVINO has none and PyTorch's autocast takes minutes: float32, the faster one there, stands
    # for it beside our bf16 and int8.
    BF16 = bool(re.search(r"\b(avx512_bf16|amx_bf16)\b", info.read()))
FAST = "bf16" if BF16 else "f32"


def where_bf16(*names):
    """The names, where the processor multiplies bfloat16."""
    return list(names) if BF16 else []


# The table: a title, the workload, what is run here, and the peers, each with its precision.
ROWS = [
    ("LoRA r = 8 on query and value, 32 × 128 tokens", "lora-bert-base", ["f32", "f32, bf16 kept", "bf16", "int8"], ["PyTorch f32", *where_bf16("PyTorch bf16")]),
    ("last states, 32 × 128", "forward-bert-base", ["f32", *where_bf16("bf16"), "int8"],
     ["OpenVINO f32", "ONNX Runtime f32", "ONNX Runtime int8", "PyTorch f32", *where_bf16("OpenVINO bf16", "PyTorch bf16")]),
    ("scores of two classes, 32 × 128", "classify-bert-base", ["f32", "int8"], ["PyTorch f32"]),
    ("last states of 32 tokens", "request-bert-base", ["f32", *where_bf16("bf16"), "int8"],
     ["OpenVINO f32", "ONNX Runtime f32", "ONNX Runtime int8", "PyTorch f32", *where_bf16("OpenVINO bf16", "PyTorch bf16")]),
    ("LoRA at SST-2's lengths, 32 texts", "lora-bert-base-sst2", ["bf16", "int8"], ["PyTorch " + FAST]),
    ("prompt classification at SST-2's lengths, 32 texts", "prompt-bert-base-sst2", ["bf16", "int8"], ["PyTorch " + FAST]),
    ("zero-shot SST-2 test, 872 texts, text in, labels out", "zero-shot", ["f32", *where_bf16("bf16"), "int8"], ["OpenPrompt f32"]),
    ("start to first answer, MiniLM", "start", ["f32", "int8"], ["PyTorch f32"]),
    ("LoRA, 32 × 128, dropout 0.1", "lora-bert-base-dropout", ["bf16"], ["PyTorch " + FAST]),
    ("full fine-tuning, 32 × 128", "full-bert-base", ["f32, bf16 kept", *where_bf16("f32 in bf16")], ["PyTorch " + FAST]),
    ("prefix of 16, 32 × 128", "prefix-bert-base", ["bf16"], ["PyTorch " + FAST]),
    ("GPT-2-small, LoRA, 8 × 256", "lora-gpt2", ["bf16"], ["PyTorch " + FAST]),
    ("Llama of 1.1 billion, LoRA, 1 × 512", "lora-llama-1b", ["bf16", "nf4"], ["PyTorch " + FAST]),
    ("decoding with it, a token", "decode-llama-1b", ["int8", "int4", "nf4"], ["llama.cpp Q8_0", "llama.cpp Q4_0"]),
]

# What is aimed at: a title, a cell of Trimtab, the peer that it is set against (none, where it is the machine), and the least of times as fast, the most of GB,
# of its share of the peer's memory, or of seconds, the least share of memory's speed at which weights are read; of a step of training the most of its time that
# is not spent in products, and of its allocations; of products the least share of their own ceiling from 128 rows on, and of memory's speed at one row.
TARGETS = [
    ("LoRA, f32", "lora-bert-base", "f32", "PyTorch f32", {"times": 2.7}),
    ("LoRA, f32, bf16 kept", "lora-bert-base", "f32, bf16 kept", "PyTorch f32", {"times": 2.7, "gb": 1.5}),
    ("LoRA, bf16", "lora-bert-base", "bf16", "PyTorch " + FAST, {"times": 1.6, "gb": 1.0}),
    ("LoRA, int8", "lora-bert-base", "int8", "PyTorch " + FAST, {"times": 1.9, "gb": 0.9}),
    ("LoRA, bf16, dropout 0.1", "lora-bert-base-dropout", "bf16", "PyTorch " + FAST, {"times": 1.9, "gb": 1.0}),
    ("full fine-tuning", "full-bert-base", "f32 in bf16" if BF16 else "f32, bf16 kept", "PyTorch " + FAST, {"times": 1.5, "share": 0.5}),
    ("prefix of 16, bf16", "prefix-bert-base", "bf16", "PyTorch " + FAST, {"times": 1.6}),
    ("LoRA at SST-2's lengths, bf16", "lora-bert-base-sst2", "bf16", "PyTorch " + FAST, {"times": 2.5}),
    ("LoRA at SST-2's lengths, int8", "lora-bert-base-sst2", "int8", "PyTorch " + FAST, {"times": 3}),
    ("prompt classification, bf16", "prompt-bert-base-sst2", "bf16", "PyTorch " + FAST, {"times": 3.5}),
    ("prompt classification, int8", "prompt-bert-base-sst2", "int8", "PyTorch " + FAST, {"times": 5}),
    *[("zero-shot SST-2, " + p, "zero-shot", p, "OpenPrompt f32", {"times": 40}) for p in ["f32", *where_bf16("bf16"), "int8"]],
    ("last states, f32", "forward-bert-base", "f32", "OpenVINO f32", {"times": 1}),
    ("last states, f32", "forward-bert-base", "f32", "ONNX Runtime f32", {"times": 1}),
    *[("last states, bf16", "forward-bert-base", "bf16", peer, {"times": 1}) for peer in where_bf16("OpenVINO bf16", "PyTorch bf16")],
    ("last states, int8", "forward-bert-base", "int8", "ONNX Runtime int8", {"times": 1}),
    ("one request, f32", "request-bert-base", "f32", "OpenVINO f32", {"times": 1}),
    ("one request, f32", "request-bert-base", "f32", "ONNX Runtime f32", {"times": 1}),
    *[("one request, bf16", "request-bert-base", "bf16", peer, {"times": 1}) for peer in where_bf16("OpenVINO bf16", "PyTorch bf16")],
    ("one request, int8", "request-bert-base", "int8", "ONNX Runtime int8", {"times": 1.43}),
    ("GPT-2-small, LoRA, bf16", "lora-gpt2", "bf16", "PyTorch " + FAST, {"times": 2.5, "gb": 1.2}),
    ("Llama 1.1 B, LoRA, bf16", "lora-llama-1b", "bf16", "PyTorch " + FAST, {"times": 1.5, "gb": 3.2}),
    ("Llama 1.1 B, LoRA, nf4", "lora-llama-1b", "nf4", "PyTorch " + FAST, {"times": 1, "gb": 1.3}),
    ("decoding, int8", "decode-llama-1b", "int8", "llama.cpp Q8_0", {"times": 1, "reading": 0.9}),
    ("decoding, int4", "decode-llama-1b", "int4", "llama.cpp Q4_0", {"times": 1, "reading": 0.9}),
    ("decoding, nf4", "decode-llama-1b", "nf4", "llama.cpp Q4_0", {"times": 1, "reading": 0.9}),
    ("products, f32", "products", "f32", None, {"products": 0.9, "row": 0.9}),
    ("products, bf16", "products", "bf16", None, {"products": 0.8, "row": 0.9}),
    ("products, int8", "products", "int8", None, {"products": 0.8, "row": 0.9}),
    ("a step of training, f32", "lora-bert-base", "f32", None, {"outside": 0.2, "allocations": 0}),
    ("a step of training, bf16", "lora-bert-base", "bf16", None, {"outside": 0.3, "allocations": 0}),
    ("start to first answer", "start", "f32", "PyTorch f32", {"seconds": 0.15}),
]

# The precisions in which products alone are measured.
PRODUCTS = ["f32", "bf16", "int8", "int4", "nf4"]

# Steps that are timed, after one that is not: of the workloads that are not named three, of large batches one. Trimtab takes 3 at most, of which each is many where
# steps are short.
STEPS = {"request-bert-base": 40, "decode-llama-1b": 4}


class Cell:
    """A side ("Trimtab", or a peer), a workload, a precision, the number of segments (0: the workload's)."""

    def __init__(self, side, workload, precision, batch=0):
        self.side, self.workload, self.precision, self.batch = side, workload, precision, batch

    def name(self):
        """The name of the cell's file."""
        words = [self.side, self.workload, self.precision] + [f"b{self.batch}"] * (self.batch > 0)
        return re.sub(r"[^a-z0-9.]+", "-", "_".join(words).lower().replace("_", "."))

    def command(self, o):
        """The process to run; o holds program, pythons, threads and the folder of results."""
        steps, slow = STEPS.get(self.workload, 3), self.side == "PyTorch" and self.precision == "bf16" and not BF16 or self.batch >= 16
        steps = 1 if slow else min(3, steps) if self.side == "Trimtab" else steps
        numbers = ["--threads", str(o.threads), "--steps", str(steps)]
        if self.batch:
            numbers += ["--batch", str(self.batch)]
        if self.side == "Trimtab":
            return self.ours(o, numbers)
        python = {"OpenPrompt": o.openprompt_python, "PyTorch": o.adapters_python if "adapter" in self.workload else o.python}.get(self.side, o.python)
        script = {"OpenPrompt": "run_openprompt.py", "PyTorch": "run_pytorch.py", "ONNX Runtime": "run_onnxruntime.py", "OpenVINO": "run_openvino.py",
                  "llama.cpp": "run_llama.py"}[self.side]
        if self.workload == "zero-shot":
            return [python, str(HERE / script), f"{SHARED}/models/minilm-mlm", f"{SHARED}/data/sst2/test.tsv", "--threads", str(o.threads)]
        if self.workload == "start":
            return [python, str(HERE / "run_start.py"), f"{SHARED}/models/minilm", "A trim tab turns the rudder."]
        return [python, str(HERE / script), self.workload, "--precision", self.precision, "--cache", o.out, *numbers] + ["--warm", "1"] * (self.batch >= 16)

    def ours(self, o, numbers):
        precision = OURS[self.precision]
        if self.workload == "start":
            return [o.program, "embed", f"{SHARED}/models/minilm", f"{o.out}/text.txt", "--threads", str(o.threads), *precision[:2]]
        if self.workload == "zero-shot":
            return [o.program, "predict", f"{o.out}/zero-shot-{self.precision}", f"{SHARED}/data/sst2/test.tsv", "--threads", str(o.threads)]
        return [o.program, "bench", self.workload, "--json", *precision, *numbers]


def peer_cell(peer, workload):
    """The cell of a peer that is named with its precision."""
    side, precision = peer.rsplit(" ", 1)
    return Cell(side, workload, precision)


def table_cells():
    """The cells of the table, both sides of a row in turns."""
    for _, workload, ours, peers in ROWS:
        theirs = [peer_cell(peer, workload) for peer in peers]
        own = [Cell("Trimtab", workload, precision) for precision in ours]
        for i in range(max(len(own), len(theirs))):
            yield from own[i:i + 1] + theirs[i:i + 1]
    yield from [Cell("Trimtab", "ceiling", "f32")] + [Cell("Trimtab", "products", precision) for precision in PRODUCTS]


def figure_cells():
    """The cells of the figure, and bf16 autocast beside one of them: on a processor without bfloat16 instructions a whole batch takes minutes."""
    for batch in BATCHES:
        for method in METHODS:
            for side in ["Trimtab", "PyTorch"]:
                yield Cell(side, method + "-bert-base", "f32", batch)
    yield Cell("PyTorch", "lora-bert-base", "bf16", 4)
