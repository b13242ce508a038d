"""Trimtab and its peers side by side: runs the cells of cells.py, each in a process of its own, both sides of a row in turns.

    python internal/reference/peers/run.py --program ./trimtab --out runs/peers
    python internal/reference/peers/run.py --out runs/peers --report docs/benchmarks.md

A cell's figures are a JSON file in the folder --out; a cell that is there already is not run again, so the runs may be cut short and go on. --only
takes those whose names match a regular expression. A cell during which other processes took more than --share of the processor is tried again, up to twice; the
quietest try is kept, and how much the others took stands in its file and in the report. --report writes the page and its plots from the files and runs nothing.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import cells


def busy():
    """Seconds that the processors have worked since the start of the system."""
    with open("/proc/stat") as stat:
        ticks = [int(t) for t in stat.readline().split()[1:]]
    return (sum(ticks[:8]) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def once(command):
    """Runs a process: its last line of JSON if it has one, its wall time, peak memory, and the share of the processors that others took."""
    before, start = busy(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    others = max(0.0, busy() - before - usage.ru_utime - usage.ru_stime) / (wall * os.cpu_count())
    lines = output.strip().splitlines()
    figures = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return {"wall_seconds": wall, "rss_bytes": usage.ru_maxrss << 10, "others": others, **figures}


def measured(cell, o):
    """The figures of a cell. Of whole processes, started anew each time, the first is not counted."""
    command = cell.command(o)
    if cell.workload == "start" or cell.workload == "zero-shot" and cell.side == "Trimtab":
        runs = [once(command) for _ in range(1 + cells.STEPS.get(cell.workload, 3))][1:]
        wall = statistics.median(r["wall_seconds"] for r in runs)
        return {"seconds": wall, "wall_seconds": wall, "all_seconds": [r["wall_seconds"] for r in runs],
                "hwm_bytes": max(r["rss_bytes"] for r in runs), "others": statistics.median(r["others"] for r in runs)}
    return once(command)


def prepare(o):
    """What the cells read: a text, the runs of the zero-shot recipe, the exported models."""
    out = pathlib.Path(o.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "text.txt").write_text("A trim tab turns the rudder.\n")
    for precision in ["f32", *cells.where_bf16("bf16"), "int8"]:
        if not (out / f"zero-shot-{precision}").exists():
            subprocess.run([o.program, "train", str(cells.HERE / "zero-shot.yaml"), "--set", f"output_dir={o.out}/zero-shot-{precision}",
                            "--set", f"quantization={precision}"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not (out / "bert-base-int8.onnx").exists():
        subprocess.run([o.python, str(cells.HERE / "exported.py"), o.out], check=True, stdout=subprocess.DEVNULL)
    if not (out / "llama-1b-Q4_0.gguf").exists():
        subprocess.run([o.python, str(cells.HERE / "llama_gguf.py"), o.out], check=True)


def run(o):
    """Runs the cells that have no file yet."""
    prepare(o)
    for cell in [*cells.table_cells(), *cells.figure_cells()]:
        path = pathlib.Path(o.out) / (cell.name() + ".json")
        if path.exists() or not re.search(o.only, cell.name()):
            continue
        best = None
        for _ in range(1 + o.again):
            try:
                figures = measured(cell, o)
            except subprocess.CalledProcessError as error:
                print(f"{cell.name()}: exit status {error.returncode}", flush=True)
                break
            if best is None or figures["others"] < best["others"]:
                best = figures
            if best["others"] <= o.share:
                break
        if best is None:
            continue
        path.write_text(json.dumps({"side": cell.side, "workload": cell.workload, "precision": cell.precision, "batch": cell.batch, **best}))
        print(f"{cell.name()}: {best.get('seconds', best['wall_seconds']):.4g} s, {best['hwm_bytes'] / 1e6:.0f} MB, others {100 * best['others']:.0f} %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./trimtab")
    parser.add_argument("--python", default=sys.executable, help="that of requirements.txt")
    parser.add_argument("--adapters-python", default=".venv-adapters/bin/python")
    parser.add_argument("--openprompt-python", default=".venv-openprompt/bin/python")
    parser.add_argument("--out", default="runs/peers")
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--again", type=int, default=2)
    parser.add_argument("--report", help="the page to write instead of running")
    o = parser.parse_args()
    if o.report:
        import report
        report.write(o)
    else:
        run(o)


if __name__ == "__main__":
    main()
