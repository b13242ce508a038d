"""BERT-base's shape without a head as ONNX files, for ONNX Runtime and OpenVINO: float32, and ONNX Runtime's dynamic int8 of it.

    python internal/reference/peers/exported.py runs/peers
"""

import pathlib
import sys

import common

common.quiet()


def export(path):
    """Writes bert-base.onnx; numbers of segments and tokens stay open."""
    import torch
    import transformers

    class Bare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = transformers.BertModel(transformers.BertConfig(), add_pooling_layer=False).eval()

        def forward(self, input_ids):
            return self.model(input_ids=input_ids).last_hidden_state

    torch.manual_seed(0)
    ids = torch.randint(1000, 30000, (2, 32))
    torch.onnx.export(Bare(), (ids,), path, input_names=["input_ids"], output_names=["last"], dynamo=True, external_data=False,
                      dynamic_shapes={"input_ids": {0: torch.export.Dim("segments"), 1: torch.export.Dim("tokens", max=512)}})


def quantize(path, to):
    """Writes bert-base-int8.onnx: weights a scale an output channel, activations as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(path, to, weight_type=QuantType.QInt8, per_channel=True)


def main():
    cache = pathlib.Path(sys.argv[1])
    cache.mkdir(parents=True, exist_ok=True)
    plain, small = cache / "bert-base.onnx", cache / "bert-base-int8.onnx"
    if not plain.exists():
        export(plain)
    if not small.exists():
        quantize(plain, small)


if __name__ == "__main__":
    main()
