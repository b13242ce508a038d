"""Writes an adapter with its prediction head as the adapters library saves them: delta/testdata/head.

    python internal/reference/adapterhub_head.py

The head's tensors are there in both of the library's forms. Needs adapters 1.3 and PyTorch; weights are drawn by chance.
"""

import pathlib
import shutil
import tempfile

import adapters
import torch
import transformers

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "delta" / "testdata" / "head"


def main():
    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=31, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=16)
    model = adapters.BertAdapterModel(config)
    model.add_adapter("mood", config="seq_bn")
    model.add_classification_head("mood", num_labels=3, id2label={0: "bad", 1: "so so", 2: "good"})
    model.save_adapter(str(FOLDER), "mood", use_safetensors=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save_adapter(folder, "mood")
        shutil.copyfile(pathlib.Path(folder) / "pytorch_model_head.bin", FOLDER / "pytorch_model_head.bin")


if __name__ == "__main__":
    main()
