"""What the peers share: the shapes of `trimtab bench`'s workloads, the clock, the peak of memory."""

import argparse
import json
import os
import statistics
import time

# Lengths in tokens of 32 texts of SST-2 that stand for all, as in recipe/bench_workloads.go: its training data, and its test data in a template.
SST2_TRAIN = [3, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 9, 10, 11, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26, 29, 34, 42]
SST2_TEST = [12, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 24, 25, 26, 27, 28, 29, 30, 31, 31, 32, 33, 34, 36, 37, 38, 40, 41, 43, 45, 48, 53]

LENGTHS = {
    "lora-bert-base-sst2": SST2_TRAIN,
    "prompt-bert-base-sst2": SST2_TEST,
    "request-bert-base": [32],
    "lora-gpt2": [256] * 8,
    "lora-llama-1b": [512],
    "decode-llama-1b": [128],
}

# A Llama of 1.1 billion parameters; everything else is BERT-base and GPT-2 as their configs begin.
LLAMA = dict(hidden_size=2048, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4, intermediate_size=5632,
             vocab_size=32000, max_position_embeddings=2048, tie_word_embeddings=False)


def lengths(workload, batch=0):
    """The tokens of the segments of a step: the workload's, or batch of them, over and over."""
    own = LENGTHS.get(workload, [128] * 32)
    return [own[i % len(own)] for i in range(batch or len(own))]


def arguments(workloads, precisions, doc):
    """The command line that every peer has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=workloads)
    parser.add_argument("--precision", choices=precisions, default=precisions[0])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=0, help="segments of a step instead of the workload's")
    parser.add_argument("--warm", type=int, default=0, help="segments of the first step, which is not counted, instead of as many as the others'")
    parser.add_argument("--cache", default="runs/peers", help="the folder of exported models")
    return parser.parse_args()


def peak_bytes():
    """VmHWM of this process."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) << 10


def processor():
    """The processor's name as the system tells it."""
    with open("/proc/cpuinfo") as info:
        return next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "")


def measure(run, steps, first=None):
    """The seconds of a first step, run or what stands for it, and of the others."""
    seconds = []
    for step in [first or run] + [run] * steps:
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


def report(peer, a, seconds, **more):
    """Prints the line of JSON that a peer ends with."""
    print(json.dumps({"peer": peer, "workload": a.workload, "precision": a.precision, "cpu": processor(), "threads": a.threads,
                      "segments": len(lengths(a.workload, a.batch)), "seconds": statistics.median(seconds[1:]),
                      "all_seconds": [round(s, 5) for s in seconds], "hwm_bytes": peak_bytes(), **more}))


def quiet():
    """No look at the network, no warnings of libraries."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false")
