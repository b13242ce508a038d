"""`trimtab bench lora-bert-base` and speed.py in turns, and the ratios of their times and of their peak memory.

    python internal/reference/speed_ratio.py --program ./trimtab [--rounds 3] [--steps 3] [--threads 2]

Every run is a process of its own, so VmHWM is that of the whole program: libraries, weights, training. A time is the median of a
process's steps after the first; the ratio is that of the medians of the rounds. Prints a line a run and a last line of JSON.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys


def last_json(command):
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./trimtab")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    numbers = ["--steps", str(arguments.steps), "--threads", str(arguments.threads)]
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        f = last_json([arguments.program, "bench", "lora-bert-base", "--json", *numbers])
        ours.append((f["seconds"], f["hwm_bytes"] / 1e6, f["share_of_ceiling"]))
        print(f"trimtab: {f['seconds']:.2f} s, {f['hwm_bytes'] / 1e6:.0f} MB, {100 * f['share_of_ceiling']:.1f} % of {f['ceiling_gflops']:.0f} GFLOP/s", flush=True)
        f = last_json([sys.executable, str(pathlib.Path(__file__).parent / "speed.py"), *numbers])
        theirs.append((f["seconds"], f["hwm_mb"]))
        print(f"pytorch: {f['seconds']:.2f} s, {f['hwm_mb']} MB", flush=True)
    time, peak = ([statistics.median(r[i] for r in side) for side in (ours, theirs)] for i in (0, 1))
    print(json.dumps({
        "trimtab_seconds": round(time[0], 3), "pytorch_seconds": round(time[1], 3), "times_as_fast": round(time[1] / time[0], 2),
        "trimtab_hwm_mb": round(peak[0]), "pytorch_hwm_mb": round(peak[1]), "share_of_memory": round(peak[0] / peak[1], 3),
        "share_of_ceiling": round(statistics.median(r[2] for r in ours), 3),
    }))


if __name__ == "__main__":
    main()
