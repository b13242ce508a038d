"""BERT-base's last states in OpenVINO. exported.py makes the file.

    python internal/reference/peers/run_openvino.py forward-bert-base --precision f32 --cache runs/peers

bf16 is OpenVINO's own choice of kernels under that hint; a processor without bfloat16 instructions has none, and the script says so.
"""

import pathlib

import common
import numpy as np
import openvino


def main():
    a = common.arguments(["forward-bert-base", "request-bert-base"], ["f32", "bf16"], __doc__)
    core = openvino.Core()
    if a.precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise SystemExit("OpenVINO has no bf16 on this processor")
    lengths = common.lengths(a.workload, a.batch)
    model = core.compile_model(pathlib.Path(a.cache) / "bert-base.onnx", "CPU", {
        "INFERENCE_NUM_THREADS": a.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": a.precision})
    ids = np.random.default_rng(0).integers(1000, 30000, (len(lengths), lengths[0]))
    request = model.create_infer_request()
    seconds = common.measure(lambda: request.infer({"input_ids": ids}), a.steps)
    common.report(f"OpenVINO {openvino.__version__.split('-')[0]}", a, seconds)


if __name__ == "__main__":
    main()
