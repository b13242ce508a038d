"""One text through a sentence encoder in PyTorch + transformers, from the start of the process: the peer of `trimtab embed`.

    python internal/reference/peers/run_start.py ../shared/models/minilm "A trim tab turns the rudder."
"""

import sys

import common

common.quiet()
import torch  # noqa: E402
import transformers  # noqa: E402


def main():
    torch.set_num_threads(2)
    tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
    model = transformers.AutoModel.from_pretrained(sys.argv[1]).eval()
    with torch.inference_mode():
        states = model(**tokenizer(sys.argv[2], return_tensors="pt")).last_hidden_state
    print(torch.nn.functional.normalize(states[0].mean(0), dim=0).tolist()[:4])


if __name__ == "__main__":
    main()
