"""Decoding one text with a Llama of 1.1 billion parameters in llama.cpp: greedily, behind a prompt of 128 tokens. llama_gguf.py makes the files.

    python internal/reference/peers/run_llama.py decode-llama-1b --precision Q8_0 --steps 2 --cache runs/peers

A step is eight tokens, as in `trimtab bench`, and each has its time, at which the server hands it over; the first, which waits for the prompt as well, is
not counted. All is as llama.cpp has it by itself, but for the threads, the length of the context, and that the token of the best score is always taken.
"""

import pathlib
import time

import common
import xllamacpp

TOKENS = 8


def serve(path, threads):
    """The model in llama.cpp's server, in this process."""
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_gpu_layers, params.verbosity = str(path), 512, 0, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    return xllamacpp.Server(params)


def decode(server, prompt, tokens):
    """The seconds of each of so many tokens behind a prompt."""
    times = [time.perf_counter()]

    def take(part):
        if part.get("choices", [{}])[0].get("finish_reason", "error") is None:
            times.append(time.perf_counter())

    server.handle_completions({"prompt": prompt, "n_predict": tokens, "ignore_eos": True, "stream": True, "samplers": ["top_k"], "top_k": 1}, take)
    if len(times) != 1 + tokens:
        raise SystemExit(f"{len(times) - 1} tokens came, where {tokens} were asked for")
    return [after - before for before, after in zip(times, times[1:])]


def main():
    a = common.arguments(["decode-llama-1b"], ["Q8_0", "Q4_0"], __doc__)
    server = serve(pathlib.Path(a.cache) / f"llama-1b-{a.precision}.gguf", a.threads)
    prompt = [1000 + 7 * i for i in range(common.lengths(a.workload)[0])]
    seconds = decode(server, prompt, 1 + TOKENS * a.steps)
    common.report(f"llama.cpp (xllamacpp {xllamacpp.__version__})", a, seconds, system=xllamacpp.get_system_info().strip(" |"))


if __name__ == "__main__":
    main()
