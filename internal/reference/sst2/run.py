"""Runs the recipes of this folder in Trimtab and in PyTorch + PEFT, and prints a table of test accuracies.

    python internal/reference/sst2/run.py --program ./trimtab --out runs/sst2 [--data few|all] [--recipes head-lora,...] [--seeds N]

from the repository's root. `few` trains on 16 examples a class, 60 steps of 8 (5 seeds); `all` on the whole training data,
one epoch (3 seeds). A cell is one recipe with one seed, which draws the examples, what is new, and the order. Trimtab writes down what it is about to
do (`train --export`) and does it; then ../sst2.py does the same from that. Both keep the last state. A cell that was finished is not run again, so the script
may be stopped and started; `--table` only prints.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
RECIPES = ["head-full", "head-lora", "prompt-lora", "prompt-bitfit", "prompt-tuning"]
SEEDS = {"few": 5, "all": 3}
NEVER = 10**9  # steps between evaluations: only the last state is evaluated, and kept
FEW = ["data.few_shot.k=16", "training.max_steps=60", "training.per_device_train_batch_size=8", f"training.eval_steps={NEVER}", f"training.save_steps={NEVER}"]


def settings(data, seed):
    """What a cell says in place of the recipe."""
    sets = [f"training.seed={seed}"]
    if data == "few":
        sets += FEW + [f"data.few_shot.seed={seed}"]
    return [part for s in sets for part in ("--set", s)]


def trimtab(arguments, cell, recipe, sets):
    """Exports and trains a cell; returns the test accuracy and the losses of its steps."""
    command = [arguments.program, "train", str(HERE / f"{recipe}.yaml"), *sets, "--set", f"output_dir={cell / 'run'}"]
    for part in ("run", "export"):
        shutil.rmtree(cell / part, ignore_errors=True)
    subprocess.run([*command, "--export", str(cell / "export")], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (cell / "run" / "metrics.jsonl").read_text().splitlines()]
    report = json.loads((cell / "run" / "run.json").read_text())
    return {"accuracy": report["test"]["accuracy"], "losses": [line["loss"] for line in lines if "loss" in line]}


def pytorch(arguments, cell):
    command = [sys.executable, str(HERE.parent / "sst2.py"), str(cell / "export"), "--threads", str(arguments.threads)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {"accuracy": found["accuracy"], "losses": found["losses"]}


def run(arguments, recipe, seed):
    """One cell, unless its results are there already."""
    cell = arguments.out / arguments.data / f"{recipe}-{seed}"
    cell.mkdir(parents=True, exist_ok=True)
    for side, work in (("trimtab", lambda: trimtab(arguments, cell, recipe, settings(arguments.data, seed))), ("pytorch", lambda: pytorch(arguments, cell))):
        result = cell / f"{side}.json"
        if result.exists():
            continue
        found = work()
        fresh = result.with_suffix(".new")
        fresh.write_text(json.dumps(found))
        fresh.rename(result)
        print(f"{arguments.data} {recipe} seed {seed} {side}: {100 * found['accuracy']:.2f} %", file=sys.stderr, flush=True)
    for part in ("run", "export"):
        shutil.rmtree(cell / part, ignore_errors=True)


def read(cell):
    """Both sides of a finished cell, or None."""
    paths = [cell / f"{side}.json" for side in ("trimtab", "pytorch")]
    return [json.loads(p.read_text()) for p in paths] if all(p.exists() for p in paths) else None


def figures(values):
    mean = f"{statistics.mean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


def table(arguments, recipes, seeds):
    """A Markdown table; `first losses` is the largest difference of a loss in the first ten steps of any cell."""
    print("| recipe | seeds | Trimtab | PyTorch + PEFT | difference of means | first losses |\n| --- | --- | --- | --- | --- | --- |")
    for recipe in recipes:
        cells = [c for c in (read(arguments.out / arguments.data / f"{recipe}-{seed}") for seed in seeds) if c]
        if not cells:
            continue
        ours, theirs = ([100 * c[side]["accuracy"] for c in cells] for side in (0, 1))
        apart = max(abs(a - b) for c in cells for a, b in zip(c[0]["losses"][:10], c[1]["losses"][:10]))
        print(f"| {recipe} | {len(cells)} | {figures(ours)} | {figures(theirs)} | {statistics.mean(ours) - statistics.mean(theirs):+.2f} | {apart:.1e} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./trimtab")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/sst2"))
    parser.add_argument("--data", choices=SEEDS, default="few")
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--seeds", type=int, help="how many")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    recipes = arguments.recipes.split(",")
    seeds = range(1, 1 + (arguments.seeds or SEEDS[arguments.data]))
    if not arguments.table:
        for seed in seeds:
            for recipe in recipes:
                run(arguments, recipe, seed)
    table(arguments, recipes, seeds)


if __name__ == "__main__":
    main()
