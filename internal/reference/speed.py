"""The speed and memory of a training step in PyTorch + PEFT: the peer of `trimtab bench`.

    python internal/reference/speed.py [--steps 5] [--threads 2] [--model bert-base]

LoRA of rank 8 on every query and value of a BERT-base-shaped classifier with random weights, batches of 32 segments of
128 tokens, no dropout, float32, AdamW. Prints one line of JSON: `seconds` (the median of the steps after the first), `all_seconds`,
`hwm_mb` (the process's peak resident memory, VmHWM) and `import_hwm_mb` (the same before the model was made: what the
libraries alone take).
"""

import argparse
import json
import statistics
import time
import warnings

import peft
import torch
import transformers

SHAPES = {"bert-base": {}, "tiny": dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)}


def peak_megabytes():
    """VmHWM of this process in MB (10^6 bytes)."""
    with open("/proc/self/status") as status:
        kibibytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return round(kibibytes * 1024 / 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--segments", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--model", choices=SHAPES, default="bert-base")
    arguments = parser.parse_args()

    warnings.simplefilter("ignore", FutureWarning)
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    import_megabytes = peak_megabytes()
    config = transformers.BertConfig(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **SHAPES[arguments.model])
    model = peft.get_peft_model(
        transformers.BertForSequenceClassification(config),
        peft.LoraConfig(task_type="SEQ_CLS", r=arguments.rank, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"]),
    ).train()
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-3, weight_decay=0.01)
    ids = torch.randint(1000, config.vocab_size, (arguments.segments, arguments.tokens))
    labels = torch.randint(0, 2, (arguments.segments,))

    seconds = []
    for _ in range(1 + arguments.steps):
        start = time.perf_counter()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "peer": f"torch {torch.__version__}, peft {peft.__version__}", "model": arguments.model, "rank": arguments.rank,
        "segments": arguments.segments, "tokens": arguments.tokens, "threads": arguments.threads,
        "trainable": sum(p.numel() for p in trainable), "seconds": round(statistics.median(seconds[1:]), 3),
        "all_seconds": [round(s, 3) for s in seconds], "hwm_mb": peak_megabytes(), "import_hwm_mb": import_megabytes,
    }))


if __name__ == "__main__":
    main()
