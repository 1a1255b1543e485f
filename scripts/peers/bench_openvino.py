#!/usr/bin/env python3
"""Times an OpenVINO model in OpenVINO GenAI's LLMPipeline as llama-bench times its own: a prompt of random ids by itself,
then tokens generated after one. Prints {"version": .., "ppN": tokens/s, "tgN": tokens/s}. Settings are the library's own
(KV cache, precision, dynamic quantization), with the threads given.

    bench_openvino.py MODEL -t 2 -p 512 -n 64 [--sparse-rate 0.4]
"""

import argparse
import json
import sys

import numpy as np
import openvino
import openvino_genai


def inputs(rng, count):
    ids = rng.integers(3, 32000, (1, count)).astype(np.int64)
    return openvino_genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(np.ones_like(ids)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-t", type=int, default=2)
    parser.add_argument("-p", type=int, default=512)
    parser.add_argument("-n", type=int, default=64)
    parser.add_argument("--sparse-rate", type=float, help="least share of zeros of a weight that is kept sparse")
    args = parser.parse_args()

    properties = {"INFERENCE_NUM_THREADS": args.t}
    if args.sparse_rate is not None:
        properties["CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE"] = args.sparse_rate
    pipeline = openvino_genai.LLMPipeline(args.model, "CPU", **properties)
    rng = np.random.default_rng(1)

    def generate(prompt, tokens):
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens, config.ignore_eos, config.do_sample = tokens, True, False
        result = pipeline.generate(inputs(rng, prompt), config)
        if len(result.tokens[0]) != tokens:
            raise RuntimeError("%d tokens instead of %d" % (len(result.tokens[0]), tokens))
        return result.perf_metrics.raw_metrics

    rates = {"version": openvino_genai.__version__}
    if args.p:
        generate(args.p, 1)  # warms up
        rates["pp%d" % args.p] = args.p / generate(args.p, 1).m_times_to_first_token[0] * 1e6
    if args.n:
        generate(1, 4)
        steps = generate(1, args.n + 1).m_durations  # microseconds from token to token; the first token ends the prompt
        rates["tg%d" % args.n] = len(steps) / sum(steps) * 1e6
    print(json.dumps(rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
