#!/usr/bin/env python3
"""Writes a GGUF file of TinyLlama 1.1 B's shape with random weights, for llama.cpp's llama-bench: what it computes does
not change its speed. No vocabulary is written; llama-bench takes random ids.

    make_gguf.py OUTPUT.gguf --type BF16|Q8_0|Q4_0|Q4_K      (numpy and gguf, which scripts/peers/setup.sh installs)

As llama-quantize does, norms stay F32. Q4_K, which the package cannot make, is written as random blocks with small scales.
"""

import argparse
import sys

import gguf
import numpy as np

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 2048, 5632, 22, 32, 4, 64, 32000


def tensors():
    yield "token_embd.weight", (VOCAB, HIDDEN)
    for i in range(LAYERS):
        block = "blk.%d." % i
        yield block + "attn_norm.weight", (HIDDEN,)
        yield block + "attn_q.weight", (HEADS * HEAD_DIM, HIDDEN)
        yield block + "attn_k.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield block + "attn_v.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield block + "attn_output.weight", (HIDDEN, HEADS * HEAD_DIM)
        yield block + "ffn_norm.weight", (HIDDEN,)
        yield block + "ffn_gate.weight", (INTERMEDIATE, HIDDEN)
        yield block + "ffn_up.weight", (INTERMEDIATE, HIDDEN)
        yield block + "ffn_down.weight", (HIDDEN, INTERMEDIATE)
    yield "output_norm.weight", (HIDDEN,)
    yield "output.weight", (VOCAB, HIDDEN)


def random_k_blocks(shape, rng):
    """Q4_K: 144 bytes for 256 weights: two f16 scales, 12 bytes of packed 6-bit scales, 128 bytes of codes."""
    blocks = shape[0] * shape[1] // 256
    data = rng.integers(0, 256, (blocks, 144), dtype=np.uint8)
    data[:, :4] = np.frombuffer(np.array([1e-4, 1e-3], np.float16).tobytes(), np.uint8)
    return data.reshape(shape[0], -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--type", default="BF16", choices=["BF16", "Q8_0", "Q4_0", "Q4_K"])
    args = parser.parse_args()
    kind = gguf.GGMLQuantizationType[args.type]
    file_type = {"BF16": gguf.LlamaFileType.MOSTLY_BF16, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
                 "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0, "Q4_K": gguf.LlamaFileType.MOSTLY_Q4_K_S}[args.type]

    writer = gguf.GGUFWriter(args.output, "llama")
    writer.add_name("random tinyllama-1.1b")
    writer.add_file_type(file_type)
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INTERMEDIATE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("no_vocab")

    rng = np.random.default_rng(1)
    made = {}  # by shape: layers share values, which lie in the file once each all the same
    for name, shape in tensors():
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, np.float32))
            continue
        if shape not in made and args.type == "Q4_K":
            made[shape] = random_k_blocks(shape, rng)
        elif shape not in made:
            made[shape] = gguf.quants.quantize(rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02), kind)
        writer.add_tensor(name, made[shape], raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
