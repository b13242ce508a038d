"""Runs interop.py for every golden delta of the methods that Trimtab has: what Trimtab wrote, PEFT and adapters load, with the same logits.

    python internal/reference/interop_all.py --program ./trimtab --adapters .venv-adapters/bin/python [--shared ../shared]

from the repository's root, in the environment of requirements.txt; --adapters is the Python of requirements-adapters.txt. Each golden's initial
delta is opened by Trimtab, trained for ten steps on the golden's batch and saved (rewrite/), `trimtab forward` runs it, and the library loads it.
A line a delta; the exit status is 1 where one differs.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
BASES = ("bert-cls", "gpt2-lm", "llama-lm")
BOTTLENECKS = ("seq_bn", "double_seq_bn", "par_bn")


def goldens(shared):
    """(base, method, folder) of every golden delta in question."""
    for library in ("peft", "adapterhub"):
        for folder in sorted((shared / "goldens" / library).iterdir()):
            base, _, method = folder.name.partition("+")
            wanted = method.startswith("lora") or method in ("prompt", "prefix") if library == "peft" else method in BOTTLENECKS
            if base in BASES and wanted:
                yield library, shared / "goldens" / "models" / base, folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./trimtab")
    parser.add_argument("--adapters", required=True, help="the Python that has the adapters library")
    parser.add_argument("--shared", type=pathlib.Path, default=pathlib.Path("../shared"))
    arguments = parser.parse_args()

    count, failed = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run(["go", "build", "-o", scratch / "rewrite", "./internal/reference/rewrite"], check=True)
        written = {"peft": [], "adapterhub": []}
        for library, base, folder in goldens(arguments.shared):
            delta, batch, output = scratch / library / folder.name, folder / "expect.safetensors", scratch / library / f"{folder.name}.safetensors"
            (scratch / library).mkdir(exist_ok=True)
            commands = ([scratch / "rewrite", base, folder / "init", batch, "10", delta],
                        [arguments.program, "forward", base, "--delta", delta, "--in", batch, "--out", output])
            count += 1
            if any(subprocess.run(command).returncode for command in commands):
                failed.append(folder.name)
            else:
                written[library] += [base, delta, batch, output]
        for library, python in (("peft", sys.executable), ("adapterhub", arguments.adapters)):
            if written[library] and subprocess.run([python, HERE / "interop.py", *written[library]]).returncode:
                failed.append(library)
    print(f"{count} deltas" + (f"; FAILED: {', '.join(failed)}" if failed else ", all agree"))
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
