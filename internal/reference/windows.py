"""Makes internal/exchange/testdata/mistral-window: a tiny Mistral of random weights whose window is shorter than its segments.

    python internal/reference/windows.py

Needs torch, transformers, peft and safetensors. Beside what models.py makes of a model (config.json, model.safetensors,
expect.safetensors, and here `greedy`: tokens after the first segment's first 12), train.json has the losses of ten steps of AdamW
on the batch in train.safetensors and that file the first step's gradients, named `gradient.NAME`; prefix/ is a prefix of PEFT's
and prefix.safetensors the logits with it. There is less padding than the window is wide: a row that sees nothing is NaN in transformers. Everything is computed in float64, except that tokens are chosen in float32.
"""

import json
import logging
import shutil

import peft
import torch
import transformers
from safetensors.torch import save_file

from models import OUT, run

CONFIG = {
    "model_type": "mistral", "architectures": ["MistralForCausalLM"], "hidden_size": 16, "head_dim": 8, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 31,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "sliding_window": 8,
}
TRAINING = {"lr": 5e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1}
STEPS = 10


def load(folder, dtype):
    return transformers.MistralForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def train(folder):
    """The losses of steps on a batch of segments of 24, 18 and 20 tokens, and the first gradients."""
    torch.manual_seed(5)
    mask = torch.zeros(3, 24, dtype=torch.int64)
    for i, n in enumerate([24, 18, 20]):
        mask[i, :n] = 1
    ids = torch.randint(1, 31, (3, 24)) * mask
    batch = {"input_ids": ids, "attention_mask": mask, "labels": torch.where(mask == 1, ids, -100)}
    model = load(folder, torch.float64)
    t = TRAINING
    optimizer = torch.optim.AdamW(model.parameters(), lr=t["lr"], betas=t["betas"], eps=t["eps"], weight_decay=t["weight_decay"])
    losses, gradients = [], {}
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = {"gradient." + name: p.grad.float() for name, p in model.named_parameters()}
        optimizer.step()
    (folder / "train.json").write_text(json.dumps({"losses_float64": losses, **TRAINING}, indent=1) + "\n")
    save_file({**batch, **gradients}, folder / "train.safetensors")


def prefix(folder, inputs):
    """A prefix, and the logits with it."""
    torch.manual_seed(6)
    model = load(folder, torch.float64)
    adapted = peft.get_peft_model(model, peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)).eval().double()
    with torch.no_grad():
        weight = adapted.prompt_encoder["default"].embedding.weight
        weight.copy_(torch.randn(weight.shape))
        logits = adapted(**inputs).logits
    adapted.float().save_pretrained(folder / "prefix")
    path = folder / "prefix" / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = None
    path.write_text(json.dumps(config, indent=1) + "\n")
    (folder / "prefix" / "README.md").unlink(missing_ok=True)
    save_file({**inputs, "logits": logits.float().contiguous()}, folder / "prefix.safetensors")


def main():
    logging.getLogger("transformers").setLevel(logging.ERROR)
    folder = OUT / "mistral-window"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    for seed in range(100):
        tensors, expect, far = run(transformers.MistralForCausalLM, folder, seed, 34)
        if far > 1.5e-6:
            continue
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with torch.no_grad():
            expect["greedy"] = load(folder, torch.float32).generate(
                expect["input_ids"][:1, :12], max_new_tokens=30, do_sample=False, eos_token_id=None, pad_token_id=0)[:, 12:]
        if len(expect["greedy"].unique()) > 8:
            break
    save_file(expect, folder / "expect.safetensors")
    train(folder)
    prefix(folder, {key: expect[key] for key in ("input_ids", "attention_mask")})
    print(f"seed {seed}, float32 is {far:.1e} from float64")


if __name__ == "__main__":
    main()
