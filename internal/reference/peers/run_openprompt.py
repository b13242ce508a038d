"""Zero-shot classification of SST-2's test data on a small masked language model in OpenPrompt: text in, labels out.

    python internal/reference/peers/run_openprompt.py ../shared/models/minilm-mlm ../shared/data/sst2/test.tsv

Prints JSON: `seconds` from the texts to the labels (wrapping, tokenizing, the model, the verbalizer), without the libraries' imports and
without loading the model; `load_seconds` is those two; `accuracy`.
"""

import argparse
import json
import time
import warnings

start = time.perf_counter()
import common  # noqa: E402

common.quiet()
warnings.simplefilter("ignore")
import torch  # noqa: E402
import transformers  # noqa: E402
from openprompt import PromptDataLoader, PromptForClassification  # noqa: E402
from openprompt.data_utils import InputExample  # noqa: E402
from openprompt.plms.mlm import MLMTokenizerWrapper  # noqa: E402
from openprompt.prompts import ManualTemplate, ManualVerbalizer  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    rows = [line.rstrip("\n").split("\t") for line in open(a.data, encoding="utf-8")][1:]
    plm = transformers.BertForMaskedLM.from_pretrained(a.model, torch_dtype=torch.float32)
    tokenizer = transformers.BertTokenizer.from_pretrained(a.model)
    template = ManualTemplate(tokenizer=tokenizer, text='{"placeholder":"text_a"} It was {"mask"}.')
    verbalizer = ManualVerbalizer(tokenizer, classes=[0, 1], label_words={0: ["terrible", "bad"], 1: ["great", "good"]})
    model = PromptForClassification(plm=plm, template=template, verbalizer=verbalizer).eval()
    loaded = time.perf_counter()

    examples = [InputExample(guid=i, text_a=text) for i, (text, _) in enumerate(rows)]
    loader = PromptDataLoader(dataset=examples, template=template, tokenizer=tokenizer, tokenizer_wrapper_class=MLMTokenizerWrapper,
                              max_seq_length=128, batch_size=a.batch)
    labels = []
    with torch.inference_mode():
        for batch in loader:
            labels += model(batch).argmax(-1).tolist()
    seconds = time.perf_counter() - loaded
    accuracy = sum(str(label) == row[1] for label, row in zip(labels, rows)) / len(rows)
    print(json.dumps({"peer": "OpenPrompt 1.0.1", "workload": "zero-shot", "precision": "f32", "threads": a.threads, "seconds": seconds, "texts": len(rows),
                      "load_seconds": loaded - start, "accuracy": accuracy, "hwm_bytes": common.peak_bytes()}))


if __name__ == "__main__":
    main()
