"""Trains what `trimtab train --export` wrote down, in PyTorch + PEFT, and prints the test accuracy as a line of JSON.

    python internal/reference/sst2.py EXPORT [--limit STEPS] [--threads 2]

EXPORT is a folder in the exchange format of README.md: the same base, initial tensors, batches, steps and settings as the
run of Trimtab that wrote it. Nothing here draws a random number.
"""

import argparse
import itertools
import json
import pathlib
import time
import warnings

import peft
import torch
import transformers
from safetensors.torch import load_file
from torch.nn import functional

KNOWN = {"base", "class", "num_labels", "trainable", "no_decay", "verbalizer", "learning_rate", "weight_decay", "adam_beta1", "adam_beta2",
         "adam_epsilon", "max_grad_norm", "lr_scheduler_type", "warmup_steps", "steps"}


PARTS = 3  # of a batch: two thirds of SST-2's batches would be padding


def plain(name):
    """A parameter's name in the transformers module tree, without what PEFT puts around it."""
    for wrapping in ("base_model.model.", ".base_layer", ".modules_to_save.default"):
        name = name.replace(wrapping, "")
    return name


def load(folder, settings):
    """The model as it stands before the first step, the table of soft vectors (or None) and what trains, by name."""
    base = folder / settings["base"]
    changes = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}
    if not settings.get("verbalizer"):
        changes["num_labels"] = settings["num_labels"]
    model, info = getattr(transformers, settings["class"]).from_pretrained(base, dtype=torch.float32, output_loading_info=True, **changes)
    init = load_file(folder / "init.safetensors") if (folder / "init.safetensors").exists() else {}
    soft = init.pop("soft", None)
    unexpected = model.load_state_dict(init, strict=False).unexpected_keys
    if unexpected:
        raise SystemExit(f"init.safetensors: {unexpected[0]} is not a tensor of {settings['class']}")
    chance = set(info["missing_keys"]) - init.keys()
    if chance:
        raise SystemExit(f"init.safetensors: {sorted(chance)[0]} is neither there nor in the base")
    if (folder / "delta").is_dir():
        model = peft.PeftModel.from_pretrained(model, folder / "delta", is_trainable=True)
    named = set(settings.get("trainable", []))
    trained = {}
    for name, parameter in model.named_parameters():
        original = ".original_module." in name
        parameter.requires_grad_(not original and (parameter.requires_grad and (folder / "delta").is_dir() or plain(name) in named))
        if parameter.requires_grad:
            trained[plain(name)] = parameter
    missing = named - trained.keys() - {"soft"}
    if missing:
        raise SystemExit(f"settings.json: trainable: {sorted(missing)[0]} is not a tensor of {settings['class']}")
    if soft is not None:
        soft = torch.nn.Parameter(soft)
        trained["soft"] = soft
    return model, soft, trained


def scores(model, soft, verbalizer, segments):
    """Class scores [segments, classes]: the head's logits, or what the verbalizer makes of the logits at the masks."""
    longest = max(len(s["ids"]) for s in segments)
    ids, types, present = (torch.zeros(len(segments), longest, dtype=torch.long) for _ in range(3))
    for row, segment in enumerate(segments):
        n = len(segment["ids"])
        ids[row, :n] = torch.tensor(segment["ids"])
        present[row, :n] = 1
        if "types" in segment:
            types[row, :n] = torch.tensor(segment["types"])
    inputs = {"attention_mask": present, "token_type_ids": types}
    if soft is None:
        inputs["input_ids"] = ids
    else:
        words = model.get_input_embeddings()(ids.clamp(min=0))
        inputs["inputs_embeds"] = torch.where((ids < 0).unsqueeze(-1), soft[(-1 - ids).clamp(min=0)], words)
    if not verbalizer:
        return model(**inputs).logits
    masks = torch.tensor([s["mask"] for s in segments])
    flat = [word for words in verbalizer for word in words]
    logits = mask_logits(model, inputs, masks)[:, flat]
    parts = functional.log_softmax(logits, dim=-1).split([len(words) for words in verbalizer], dim=-1)
    return torch.stack([part.mean(dim=-1) for part in parts], dim=-1)


def mask_logits(model, inputs, masks):
    """The masked language model's logits at one position a segment, computed there only."""
    bert = model.get_base_model() if isinstance(model, peft.PeftModel) else model
    hidden = bert.bert(**inputs).last_hidden_state
    return bert.cls(hidden[torch.arange(len(masks)), masks])


def alike(segments, parts=PARTS):
    """A batch cut into parts of similar length, which need little padding; the gradients of a batch's parts add up to the batch's."""
    ordered = sorted(segments, key=lambda s: len(s["ids"]))
    size = -(-len(ordered) // parts)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]


def lines(path, limit=None):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["segments"] for line in itertools.islice(file, limit)]


def train(model, soft, trained, settings, batches):
    """Runs a step for each batch and returns the losses."""
    bare = set(settings.get("no_decay", []))
    groups = [{"params": [p for n, p in trained.items() if n not in bare], "weight_decay": settings["weight_decay"]},
              {"params": [p for n, p in trained.items() if n in bare], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=settings["learning_rate"], eps=settings["adam_epsilon"],
                                  betas=(settings["adam_beta1"], settings["adam_beta2"]))
    schedule = transformers.get_scheduler(settings["lr_scheduler_type"], optimizer, settings["warmup_steps"], settings["steps"])
    model.train()
    losses = []
    for segments in batches:
        loss = 0.0
        for part in alike(segments):
            labels = torch.tensor([s["label"] for s in part])
            share = functional.cross_entropy(scores(model, soft, settings.get("verbalizer"), part), labels, reduction="sum") / len(segments)
            share.backward()
            loss += share.item()
        if settings["max_grad_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(list(trained.values()), settings["max_grad_norm"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss)
    return losses


def accuracy(model, soft, settings, batches):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for segments in itertools.chain.from_iterable(map(alike, batches)):
            answers = scores(model, soft, settings.get("verbalizer"), segments).argmax(dim=-1).tolist()
            right += sum(a == s["label"] for a, s in zip(answers, segments))
            total += len(segments)
    return right / total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=pathlib.Path)
    parser.add_argument("--limit", type=int, help="stop after so many steps and test batches, to try things out")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    warnings.simplefilter("ignore", FutureWarning)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    settings = json.loads((arguments.export / "settings.json").read_text())
    unknown = settings.keys() - KNOWN
    if unknown:
        raise SystemExit(f"settings.json: {sorted(unknown)[0]} is not a key that this script knows")
    model, soft, trained = load(arguments.export, settings)
    start = time.perf_counter()
    losses = train(model, soft, trained, settings, lines(arguments.export / "batches.jsonl", arguments.limit))
    seconds = time.perf_counter() - start
    print(json.dumps({
        "export": arguments.export.name, "accuracy": accuracy(model, soft, settings, lines(arguments.export / "test.jsonl", arguments.limit)),
        "steps": len(losses), "trained": sum(p.numel() for p in trained.values()), "losses": losses,
        "seconds": round(seconds, 1),
    }))


if __name__ == "__main__":
    main()
