"""Makes infer/testdata/sampling.json: which tokens transformers leaves after temperature, top-k and top-p, and their probabilities.

    python internal/reference/sampling.py

Needs torch and transformers.
"""

import json
import pathlib

import torch
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

OUT = pathlib.Path(__file__).parents[2] / "infer" / "testdata" / "sampling.json"


def main():
    torch.manual_seed(0)
    rows = []
    for temperature in (0.5, 1.0, 1.7):
        for top_k in (0, 1, 3, 7, 40):
            for top_p in (0.0, 0.05, 0.4, 0.9, 0.999):
                scores = torch.randn(12) * 2
                if top_k == 3:  # equals at the border
                    scores[torch.argsort(scores, descending=True)[3]] = scores.sort(descending=True).values[2]
                left = TemperatureLogitsWarper(temperature)(None, scores[None].double())
                if top_k:
                    left = TopKLogitsWarper(top_k)(None, left)
                if top_p:
                    left = TopPLogitsWarper(top_p)(None, left)
                rows.append({"scores": scores.tolist(), "temperature": temperature, "top_k": top_k, "top_p": top_p,
                             "probabilities": left[0].softmax(-1).tolist()})
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
