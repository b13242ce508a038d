"""BERT-base's last states in ONNX Runtime: float32, or int8 by its dynamic quantization. exported.py makes the files.

    python internal/reference/peers/run_onnxruntime.py forward-bert-base --precision int8 --cache runs/peers
"""

import pathlib

import common
import numpy as np
import onnxruntime


def main():
    a = common.arguments(["forward-bert-base", "request-bert-base"], ["f32", "int8"], __doc__)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    path = pathlib.Path(a.cache) / ("bert-base-int8.onnx" if a.precision == "int8" else "bert-base.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    lengths = common.lengths(a.workload, a.batch)
    ids = np.random.default_rng(0).integers(1000, 30000, (len(lengths), lengths[0]))
    seconds = common.measure(lambda: session.run(None, {"input_ids": ids}), a.steps)
    common.report(f"ONNX Runtime {onnxruntime.__version__}", a, seconds)


if __name__ == "__main__":
    main()
