"""The workloads of `trimtab bench` in PyTorch + transformers + PEFT; the adapter in AdapterHub's adapters, which needs an environment of its own.

    python internal/reference/peers/run_pytorch.py lora-bert-base --precision bf16 --steps 3

Random weights of the same shapes, no dropout but where the workload says so, AdamW. bf16 is autocast, of the Llama bfloat16
weights as well. Segments of different lengths are padded to the longest and masked, as the libraries' collators do.
"""

import warnings

import common

common.quiet()
import torch  # noqa: E402
import transformers  # noqa: E402

METHODS = ["lora", "prefix", "adapter", "bitfit", "full"]
WORKLOADS = [m + "-bert-base" for m in METHODS] + ["lora-bert-base-dropout", "lora-bert-base-sst2", "lora-gpt2", "lora-llama-1b",
             "forward-bert-base", "classify-bert-base", "prompt-bert-base-sst2", "request-bert-base"]


def base(workload, precision):
    """A model of the workload's shape, its weights drawn."""
    if workload == "lora-gpt2":
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))
    if workload == "lora-llama-1b":
        torch.set_default_dtype(torch.bfloat16 if precision == "bf16" else torch.float32)
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**common.LLAMA))
        torch.set_default_dtype(torch.float32)
        return model
    dropout = 0.1 if workload.endswith("-dropout") else 0.0
    config = transformers.BertConfig(hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    if workload.startswith(("forward", "request")):
        return transformers.BertModel(config, add_pooling_layer=False)
    if workload.startswith("prompt"):
        return transformers.BertForMaskedLM(config)
    return transformers.BertForSequenceClassification(config)


def adapted(model, workload):
    """The model with what trains on it."""
    method = workload.split("-")[0]
    if method == "full":
        return model
    if method == "bitfit":
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.endswith("bias") or name.startswith("classifier")
        return model
    if method == "adapter":
        import adapters
        adapters.init(model)
        model.add_adapter("a", config=adapters.SeqBnConfig(reduction_factor=16))
        model.train_adapter("a")
        return model
    import peft
    task = "CAUSAL_LM" if "bert" not in workload else "SEQ_CLS"
    if method == "prefix":
        return peft.get_peft_model(model, peft.PrefixTuningConfig(task_type=task, num_virtual_tokens=16))
    targets = {"lora-gpt2": ["c_attn"], "lora-llama-1b": ["q_proj", "v_proj"]}.get(workload, ["query", "value"])
    config = peft.LoraConfig(task_type=task, r=8, lora_alpha=16, lora_dropout=0.0, target_modules=targets, fan_in_fan_out="gpt2" in workload)
    return peft.get_peft_model(model, config)


def inputs(lengths, vocabulary):
    """Drawn tokens, padded to the longest; without a mask where nothing is padded."""
    ids = torch.randint(1000, vocabulary, (len(lengths), max(lengths)))
    if min(lengths) == max(lengths):
        return {"input_ids": ids}
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    return {"input_ids": ids * mask, "attention_mask": mask.long()}


def training(model, workload):
    """A step of training on a batch."""
    model = adapted(model, workload).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, weight_decay=0.01)

    def step(batch):
        labels = torch.arange(len(batch["input_ids"])) % 2 if "bert" in workload else batch["input_ids"]
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return step


def forward(model, workload):
    """A pass without a gradient; of a masked language model the scores of four words at the masks."""
    model.eval()

    def step(batch):
        with torch.inference_mode():
            output = model(**batch)
            if workload.startswith("prompt"):
                at = batch["attention_mask"].sum(1) - 3
                return output.logits[torch.arange(len(at)), at][:, [6659, 2919, 2307, 2204]]
            return output[0]
    return step


def main():
    a = common.arguments(WORKLOADS, ["f32", "bf16"], __doc__)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(a.threads)
    model = base(a.workload, a.precision)
    vocabulary = model.config.vocab_size
    step = (training if a.workload.split("-")[0] in METHODS else forward)(model, a.workload)

    def run(batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=a.precision == "bf16"):
            step(batch)
    full = inputs(common.lengths(a.workload, a.batch), vocabulary)
    first = inputs(common.lengths(a.workload, a.warm or a.batch), vocabulary)
    seconds = common.measure(lambda: run(full), a.steps, lambda: run(first))
    common.report(f"PyTorch {torch.__version__.split('+')[0]}", a, seconds)


if __name__ == "__main__":
    main()
