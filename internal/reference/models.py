"""Makes internal/exchange/testdata: tiny models of random weights whose configs say what the larger goldens do not.

    python internal/reference/models.py

Needs torch, transformers and safetensors. Each folder holds config.json as older or newer versions of transformers
wrote it, model.safetensors, and expect.safetensors: inputs, logits and hidden states, computed in float64.
"""

import json
import logging
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parents[2] / "internal" / "exchange" / "testdata"

LLAMA = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 31,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
}
GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 16, "n_layer": 2, "n_head": 2,
    "n_positions": 64, "vocab_size": 31, "embd_pdrop": 0.1, "attn_pdrop": 0.1, "resid_pdrop": 0.1,
}
BERT = {
    "model_type": "bert", "architectures": ["BertModel"], "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 31, "max_position_embeddings": 64,
}

CASES = {
    "llama-linear-old": {**LLAMA, "rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 3.0}},
    "llama-dynamic-old": {**LLAMA, "rope_theta": 500.0, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "llama-yarn": {**LLAMA, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 16}},
    "llama-yarn-mscale": {**LLAMA, "head_dim": 12, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 16,
        "beta_fast": 4.0, "beta_slow": 0.5, "mscale": 0.7, "mscale_all_dim": 1.2, "truncate": False}},
    "llama-yarn-factor": {**LLAMA, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "attention_factor": 1.3,
        "original_max_position_embeddings": 16}},
    "llama-llama3-old": {**LLAMA, "rope_theta": 100.0, "rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}},
    "llama-cls-biases": {**LLAMA, "architectures": ["LlamaForSequenceClassification"], "head_dim": 12, "pad_token_id": 0,
                         "attention_bias": True, "mlp_bias": True, "hidden_act": "gelu_pytorch_tanh",
                         "id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}},
    "gpt2-untied": {**GPT2, "n_inner": 20, "activation_function": "relu", "tie_word_embeddings": False},
    "gpt2-cls-two": {**GPT2, "architectures": ["GPT2ForSequenceClassification"], "pad_token_id": 0},
    "bert-bare": {**BERT, "hidden_act": "gelu_new", "type_vocab_size": 3, "layer_norm_eps": 1e-5},
    "bert-mlm-untied": {**BERT, "architectures": ["BertForMaskedLM"], "tie_word_embeddings": False},
    "bert-mlm-untied-old": {**BERT, "architectures": ["BertForMaskedLM"], "tie_word_embeddings": False},
}


def run(kind, folder, seed, short=9):
    """A model of random weights, its inputs, segments of 40 and short tokens, and outputs, and how far float32 is from float64."""
    torch.manual_seed(seed)
    config = transformers.AutoConfig.from_pretrained(folder, attn_implementation="eager")
    model = kind(config).eval()
    inputs = {"input_ids": torch.randint(1, 31, (2, 40)), "attention_mask": torch.ones(2, 40, dtype=torch.int64)}
    inputs["attention_mask"][1, short:] = 0
    inputs["input_ids"][1, short:] = 0
    if config.model_type == "bert":
        inputs["token_type_ids"] = torch.randint(0, 2, (2, 40))

    def outputs(dtype):
        out = model.to(dtype)(**inputs, output_hidden_states=True)
        named = {f"hidden_states.{i}": hidden for i, hidden in enumerate(out.hidden_states)}
        return {**named, **({"logits": out.logits} if "logits" in out else {})}

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (1.0 if parameter.dim() == 1 else 0.0))
        single = outputs(torch.float32)
        tensors = {key: value.clone() for key, value in model.state_dict().items()}
        double = outputs(torch.float64)
    far = max(((single[k] - double[k]).abs() / (1 + double[k].abs()))[inputs["attention_mask"] == 1 if double[k].dim() == 3 else ...].max()
              for k in double)
    return tensors, {**inputs, **{k: v.float().contiguous() for k, v in double.items()}}, far


def main():
    logging.getLogger("transformers").setLevel(logging.ERROR)
    for name, config in CASES.items():
        folder = OUT / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        for seed in range(100):
            tensors, expect, far = run(getattr(transformers, config["architectures"][0]), folder, seed)
            if far < 1.5e-6:
                break
        if "CausalLM" in config["architectures"][0] and config["tie_word_embeddings"]:
            del tensors["lm_head.weight"]
        if name == "bert-mlm-untied-old":  # 4.x had one bias under both names
            tensors["cls.predictions.bias"] = tensors.pop("cls.predictions.decoder.bias")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        save_file(expect, folder / "expect.safetensors")
        print(f"{name}: seed {seed}, float32 is {far:.1e} from float64")


if __name__ == "__main__":
    main()
