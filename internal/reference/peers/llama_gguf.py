"""A Llama of 1.1 billion drawn weights as GGUF files for llama.cpp, in Q8_0 and in Q4_0.

    python internal/reference/peers/llama_gguf.py runs/peers

Types are those that llama.cpp's own quantizer gives: every matrix in the file's own, but the output layer beside Q4_0 in Q6_K. What is drawn are the
bytes of the blocks; the speed of products does not depend on what is multiplied. Words of the vocabulary are made up.
"""

import pathlib
import sys

import common
import gguf
import numpy as np

Q8_0, Q4_0, Q6_K = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0, gguf.GGMLQuantizationType.Q6_K

# The types of a file's matrices, and of its output layer.
FILES = {"Q8_0": (Q8_0, Q8_0), "Q4_0": (Q4_0, Q6_K)}

# The byte of a block at which its scale, a float16, begins; all else in it are weights and, in Q6_K, scales of them in 8 bits.
SCALES = {Q8_0: 0, Q4_0: 0, Q6_K: 208}


def matrices(c):
    """The names of the matrices, their rows and columns; the output layer last."""
    hidden, inner = c["hidden_size"], c["intermediate_size"]
    narrow = hidden // c["num_attention_heads"] * c["num_key_value_heads"]
    block = {"attn_q": (hidden, hidden), "attn_k": (narrow, hidden), "attn_v": (narrow, hidden), "attn_output": (hidden, hidden),
             "ffn_gate": (inner, hidden), "ffn_up": (inner, hidden), "ffn_down": (hidden, inner)}
    yield "token_embd.weight", c["vocab_size"], hidden
    for i in range(c["num_hidden_layers"]):
        for name, shape in block.items():
            yield f"blk.{i}.{name}.weight", *shape
    yield "output.weight", c["vocab_size"], hidden


def norms(c):
    """The names of the weights of the norms."""
    return [f"blk.{i}.{name}_norm.weight" for i in range(c["num_hidden_layers"]) for name in ["attn", "ffn"]] + ["output_norm.weight"]


def stored(kind, rows, columns):
    """The shape of a matrix's bytes."""
    values, size = gguf.GGML_QUANT_SIZES[kind]
    return rows, columns // values * size


def drawn(rng, kind, rows, columns):
    """A matrix in blocks; the scales are alike and small, so that states stay finite, but no denormals."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = np.frombuffer(rng.bytes(int(np.prod(stored(kind, rows, columns)))), np.uint8).reshape(-1, size).copy()
    at = SCALES[kind]
    blocks[:, at:at + 2] = np.array([3e-4], np.float16).view(np.uint8)
    return blocks.reshape(stored(kind, rows, columns))


def describe(w, c):
    """The file's keys: the shape, and a vocabulary of made-up words."""
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(c["num_key_value_heads"])
    w.add_rope_dimension_count(c["hidden_size"] // c["num_attention_heads"])
    w.add_layer_norm_rms_eps(1e-6)
    types = gguf.TokenType
    special = [("<unk>", types.UNKNOWN), ("<s>", types.CONTROL), ("</s>", types.CONTROL)] + [(f"<0x{b:02X}>", types.BYTE) for b in range(256)]
    words = special + [(f"w{i}", types.NORMAL) for i in range(len(special), c["vocab_size"])]
    w.add_tokenizer_model("llama")
    w.add_token_list([word for word, _ in words])
    w.add_token_scores([0.0] * len(words))
    w.add_token_types([kind for _, kind in words])


def write(path, c, kind, output):
    """Writes a model of a shape, a matrix at a time, under another name until it is whole."""
    part, rng = path.with_suffix(".part"), np.random.default_rng(0)
    w = gguf.GGUFWriter(part, "llama")
    describe(w, c)
    kinds = {name: output if name == "output.weight" else kind for name, _, _ in matrices(c)}
    for name, rows, columns in matrices(c):
        shape = stored(kinds[name], rows, columns)
        w.add_tensor_info(name, shape, np.dtype(np.uint8), int(np.prod(shape)), raw_dtype=kinds[name])
    for name in norms(c):
        w.add_tensor_info(name, (c["hidden_size"],), np.dtype(np.float32), 4 * c["hidden_size"])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_ti_data_to_file()
    for name, rows, columns in matrices(c):
        w.write_tensor_data(drawn(rng, kinds[name], rows, columns))
    for _ in norms(c):
        w.write_tensor_data(np.ones(c["hidden_size"], np.float32))
    w.close()
    part.rename(path)


def main():
    cache = pathlib.Path(sys.argv[1])
    cache.mkdir(parents=True, exist_ok=True)
    for name, kinds in FILES.items():
        path = cache / f"llama-1b-{name}.gguf"
        if not path.exists():
            write(path, common.LLAMA, *kinds)


if __name__ == "__main__":
    main()
