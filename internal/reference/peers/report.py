"""Writes what run.py measured into docs/benchmarks.md, between the marks that stand there, and the plot beside it."""

import json
import pathlib

import cells
from cells import Cell, peer_cell

BEGIN, END = "<!-- figures: written by internal/reference/peers/run.py --report -->", "<!-- end of figures -->"


def load(out):
    """The figures in a folder of results, by the cells' names."""
    return {path.stem: json.loads(path.read_text()) for path in pathlib.Path(out).glob("*.json")}


def seconds(s):
    """A time in three digits."""
    return f"{1000 * s:.3g} ms" if s < 1 else f"{s:.3g} s"


def table(head, rows):
    """A table of Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def side_by_side(results):
    """The rows of both sides. Ratios are the peers' times over ours, in the order of the peers' rows."""
    for title, workload, ours, peers in cells.ROWS:
        theirs = [c for c in (peer_cell(p, workload) for p in peers) if c.name() in results]
        own = [c for c in (Cell("Trimtab", workload, p) for p in ours) if c.name() in results]
        work = next((results[c.name()].get("flops") for c in own), None)
        for cell in own + theirs:
            r = results[cell.name()]
            ratios = [f"{results[c.name()]['seconds'] / r['seconds']:.2f}" for c in theirs] if cell in own else []
            yield [title, f"{r.get('peer', cell.side)}, {cell.precision}", seconds(r["seconds"]), f"{r['hwm_bytes'] / 1e6:,.0f} MB",
                   f"{work / r['seconds'] / 1e9:.0f}" if work else "", " / ".join(ratios)]
            title = ""


def bf16_autocast(results):
    """What bf16 autocast takes in PyTorch here, beside its float32."""
    two = [results.get(Cell("PyTorch", "lora-bert-base", p, 4).name()) for p in ["bf16", "f32"]]
    if None in two:
        return ""
    return (f"PyTorch's bf16 autocast takes {seconds(two[0]['seconds'])} for a step of LoRA on 4 × 128 tokens here, {two[0]['seconds'] / two[1]['seconds']:.1f} times as long as its"
            " float32.\n")


def allocations(results):
    """The largest number of allocations on the Go heap in a step of training."""
    found = {r["workload"]: r["allocations_per_step"] for r in results.values() if r["side"] == "Trimtab" and r.get("activations")}
    return f"Allocations on the Go heap in a step of training: at most {max(found.values()):.1f} ({max(found, key=found.get)}).\n" if found else ""


# How a target is worded, and what is measured of it.
ASKED = {"times": "{} × {peer}", "gb": "at most {} GB", "share": "at most {} of its memory", "seconds": "at most {} s", "reading": "{} of the speed of reading",
         "products": "{} of their ceiling from 128 rows on", "row": "{} of the speed of reading at one row", "outside": "at most {} of the time outside products",
         "allocations": "at most {} allocations"}
GOT = {"times": "{:.2f} ×", "gb": "{:.2f} GB", "share": "{:.2f}", "seconds": "{:.3f} s", "reading": "{:.2f}", "products": "{:.2f}", "row": "{:.2f}", "outside": "{:.2f}",
       "allocations": "{:.0f}"}
AT_LEAST = ["times", "reading", "products", "row"]


def got(kind, own, theirs, results):
    """What was measured of a kind of target."""
    ceiling = results.get(Cell("Trimtab", "ceiling", "f32").name(), {})
    return {
        "times": lambda: theirs["seconds"] / own["seconds"],
        "gb": lambda: own["hwm_bytes"] / 1e9,
        "share": lambda: own["hwm_bytes"] / theirs["hwm_bytes"],
        "seconds": lambda: own["seconds"],
        "reading": lambda: own.get("share_of_read_ceiling", 0),
        "products": lambda: (min(min(p["gflops"], p["backward_gflops"]) for p in own["products"] if p["rows"] >= 128)
                             / own.get("own_ceiling_gops", own["ceiling_gflops"])),
        "row": lambda: min(p["weight_gbytes_per_second"] for p in own["products"] if p["rows"] == 1) / ceiling["ceiling_read_gbytes_per_second"],
        "outside": lambda: own["share_outside_products"],
        "allocations": lambda: own["allocations_per_step"],
    }[kind]()


def targets(results):
    """What was asked, what was measured, whether it is met, and how many times as fast as the peer a step would be whose products ran at
    the ceiling of what they are computed in and that did nothing else."""
    for title, workload, precision, peer, asked in cells.TARGETS:
        asks = ", ".join(ASKED[k].format(v, peer=peer) for k, v in asked.items())
        own = results.get(Cell("Trimtab", workload, precision).name())
        theirs = results.get(peer_cell(peer, workload).name()) if peer else {}
        if own is None or theirs is None:
            yield [title, asks, "not measured", "", ""]
            continue
        values = {k: got(k, own, theirs, results) for k in asked}
        met = all(values[k] >= v if k in AT_LEAST else values[k] <= v for k, v in asked.items())
        bound = "times" in asked and "share_of_ceiling" in own
        limit = f"{own.get('own_ceiling_gops', own['ceiling_gflops']) * 1e9 * theirs['seconds'] / own['flops']:.3g} ×" if bound else ""
        yield [title, asks, ", ".join(GOT[k].format(v) for k, v in values.items()), "yes" if met else "no", limit]


def products(results):
    """The rates of products, in each precision the share of the float32 ceiling; of one row the weights that it reads a second."""
    measured = {p: results[name] for p in cells.PRODUCTS if (name := Cell("Trimtab", "products", p).name()) in results}
    first = next(iter(measured.values()), {"products": []})
    for i, shape in enumerate(first["products"]):
        row = [f"{shape['rows']} × {shape['in']} × {shape['out']}"]
        for r in measured.values():
            p = r["products"][i]
            row.append(f"{p['weight_gbytes_per_second']:.1f} GB/s" if shape["rows"] == 1 else f"{p['gflops']:.0f} / {p['backward_gflops']:.0f}")
        yield row


def figure(results):
    """The rows of the figure: a method and a side, the sizes of the batch in columns."""
    for method in cells.METHODS:
        for side in ["Trimtab", "PyTorch"]:
            row = [results.get(Cell(side, method + "-bert-base", "f32", b).name()) for b in cells.BATCHES]
            yield [f"{method}, {side}"] + [f"{seconds(r['seconds'])}, {r['hwm_bytes'] / 1e6:,.0f} MB" if r else "" for r in row]


def plot(results, path):
    """Draws the figure: peak memory and time a step against the size of the batch."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "trimtab", "svg.fonttype": "none"})
    import matplotlib.pyplot as plt
    panels = plt.subplots(1, 2, figsize=(10, 4))
    for axes, key, scale, label in zip(panels[1], ["hwm_bytes", "seconds"], [1e9, 1], ["peak memory, GB", "a step, s"]):
        for i, method in enumerate(cells.METHODS):
            for side, style in [("Trimtab", "-o"), ("PyTorch", "--s")]:
                found = [(b, r[key] / scale) for b in cells.BATCHES if (r := results.get(Cell(side, method + "-bert-base", "f32", b).name()))]
                if found:
                    axes.plot(*zip(*found), style, color=f"C{i}", markersize=3, linewidth=1, label=f"{method}, {side}")
        axes.set(xscale="log", yscale="log", xlabel="segments of 128 tokens a step", ylabel=label, xticks=cells.BATCHES, xticklabels=cells.BATCHES)
        axes.grid(alpha=0.3)
    panels[1][1].legend(fontsize=7)
    panels[0].tight_layout()
    panels[0].savefig(path, metadata={"Date": None})


def conditions(results):
    """The processor, the device, the peers' versions, and the ceilings."""
    own = [r for r in results.values() if r["side"] == "Trimtab" and "device" in r]
    peers = sorted({r["peer"] for r in results.values() if "peer" in r})
    ceiling = results.get(Cell("Trimtab", "ceiling", "f32").name(), {})
    text = f"Processor: {own[0]['cpu']}, {own[0]['device']}; {', '.join(peers)}."
    if ceiling:
        text += (f" Ceiling: {ceiling['ceiling_gflops']:.0f} GFLOP/s of float32 by two threads, {ceiling['ceiling_gflops_1_thread']:.0f} by one;"
                 f" memory {ceiling['ceiling_read_gbytes_per_second']:.1f} GB/s read, {ceiling['gbytes_per_second']:.1f} GB/s by y = a + b.")
    return text + "\n"


def write(o):
    """Puts the tables into the page and the plot beside it."""
    results, page = load(o.out), pathlib.Path(o.report)
    picture = page.stem + "-batch.svg"
    plot(results, page.with_name(picture))
    parts = [
        conditions(results),
        "## What was asked, and what is reached\n",
        table(["workload", "target", "measured", "met", "limit"], targets(results)),
        "## Side by side\n",
        table(["workload", "side, precision", "a step", "peak memory", "GFLOP/s", "times as fast as the peers below"], side_by_side(results)),
        bf16_autocast(results), allocations(results),
        "## Memory and time against the size of the batch\n",
        f"![peak memory and time a step against the size of the batch]({picture})\n",
        table(["method, side"] + [f"{b} × 128" for b in cells.BATCHES], figure(results)),
        "## Products\n",
        "GFLOP/s of y = x · wᵀ and, behind the stroke, of the gradient of x; of one row the weights that y takes from memory a second.\n",
        table(["rows × in × out"] + [p for p in cells.PRODUCTS if Cell("Trimtab", "products", p).name() in results], products(results)),
    ]
    text = page.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(before + BEGIN + "\n\n" + "\n".join(parts) + "\n" + END + after)
