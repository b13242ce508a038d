"""Writes delta/testdata: folders as PEFT 0.3 and AdapterHub's first libraries wrote them, as PyTorch files.

    python internal/reference/deltas.py

Element i of a tensor is (i % 13 - 6) / 64; names and shapes fit a BERT of width 32 with three blocks and three classes.
"""

import json
import pathlib

import torch

HERE = pathlib.Path(__file__).resolve().parents[2] / "delta" / "testdata"


def filled(*shape):
    count = torch.Size(shape).numel()
    return ((torch.arange(count) % 13 - 6) / 64).reshape(shape).to(torch.float32)


def write(folder, file, config, tensors):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    (HERE / folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    torch.save(tensors, HERE / folder / file)


def peft():
    config = {
        "base_model_name_or_path": "bert", "bias": "lora_only", "enable_lora": None, "fan_in_fan_out": False, "inference_mode": True, "lora_alpha": 16,
        "lora_dropout": 0.1, "merge_weights": False, "modules_to_save": ["classifier"], "peft_type": "LORA", "r": 2, "target_modules": ["query"],
        "task_type": "SEQ_CLS",
    }
    tensors = {"base_model.model.classifier.weight": filled(3, 32), "base_model.model.classifier.bias": filled(3)}
    for layer in range(3):
        name = f"base_model.model.bert.encoder.layer.{layer}.attention.self.query."
        tensors |= {name + "lora_A.weight": filled(2, 32), name + "lora_B.weight": filled(32, 2), name + "bias": filled(32)}
    write("peft-0.3", "adapter_model.bin", config, tensors)


def adapterhub():
    inner = {
        "adapter_residual_before_ln": False, "invertible_adapter": None, "ln_after": False, "ln_before": False, "mh_adapter": False,
        "non_linearity": "gelu", "original_ln_after": True, "original_ln_before": True, "output_adapter": True, "reduction_factor": 8,
        "residual_before_ln": True,
    }
    config = {"config": inner, "config_id": "0", "hidden_size": 32, "model_class": "BertModel", "model_name": "bert", "model_type": "bert", "name": "sst", "type": "text_task"}
    tensors = {}
    for layer in range(3):
        name = f"encoder.layer.{layer}.output.layer_text_task_adapters.sst."
        tensors |= {
            name + "adapter_down.0.weight": filled(4, 32), name + "adapter_down.0.bias": filled(4),
            name + "adapter_up.weight": filled(32, 4), name + "adapter_up.bias": filled(32),
        }
    write("adapterhub-1", "pytorch_adapter.bin", config, tensors)


peft()
adapterhub()
