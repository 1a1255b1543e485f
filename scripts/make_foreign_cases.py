#!/usr/bin/env python3
"""Writes tests/data/foreign: tiny random Llama models as other tools quantize them, and what transformers computes with
the values that their files mean.

    python scripts/make_foreign_cases.py

ct-*       by the compressors of the compressed-tensors package, whose own decompressors give the values
gptq*, awq by this script, from the layouts that GPTQModel and AutoAWQ document
bitmask*   by this script: older layouts that the package no longer writes
cases.json ids and their log-probabilities in float32; the versions used

Needs torch, transformers, safetensors, compressed-tensors.
"""
import json
import pathlib

import compressed_tensors
import torch
import transformers
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "foreign"
CONFIG = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
              num_key_value_heads=2, head_dim=16, vocab_size=48, max_position_embeddings=128,
              tie_word_embeddings=False)
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def words(codes, bits):
    """[.., c] codes to [.., c * bits / 32] int32, the first code lowest."""
    per = 32 // bits
    shifted = codes.long().reshape(*codes.shape[:-1], -1, per) << (bits * torch.arange(per))
    return shifted.sum(-1).to(torch.uint32).view(torch.int32).contiguous()


def round_groups(weight, bits, group, symmetric):
    """Codes [n, k], scales and zero points [n, groups]."""
    n, k = weight.shape
    w = weight.reshape(n, -1, group or k)
    top = 2 ** bits - 1
    if symmetric:
        scale = w.abs().amax(-1) / (top // 2)
        zero = torch.full_like(scale, 2 ** (bits - 1))
    else:
        low, high = w.amin(-1).clamp(max=0), w.amax(-1).clamp(min=0)
        scale = (high - low) / top
        zero = (-low / scale).round()
    scale = scale.half()
    codes = (w / scale.float()[..., None] + zero[..., None]).round().clamp(0, top)
    return codes.reshape(n, k), scale, zero


def gptq(weight, bits, group, symmetric, act_order, less_one):
    n, k = weight.shape
    order = torch.randperm(k) if act_order else torch.arange(k)
    codes, scale, zero = round_groups(weight[:, order], bits, group, symmetric)
    group_of = torch.empty(k, dtype=torch.int32)
    group_of[order] = (torch.arange(k) // group).int()
    back = torch.empty_like(codes)
    back[:, order] = codes
    value = (back - zero[:, group_of.long()]) * scale.float()[:, group_of.long()]
    tensors = {"qweight": words(back, bits).T.contiguous(),
               "qzeros": words(zero.T.contiguous() - (1 if less_one else 0), bits),
               "scales": scale.T.contiguous(), "g_idx": group_of}
    return tensors, value


def awq(weight):
    codes, scale, zero = round_groups(weight, 4, 64, False)
    value = (codes - zero.repeat_interleave(64, 1)) * scale.float().repeat_interleave(64, 1)
    interleave = lambda t: t.reshape(*t.shape[:-1], -1, 8)[..., list(AWQ_ORDER)].reshape(t.shape)
    return {"qweight": words(interleave(codes.T.contiguous()), 4), "qzeros": words(interleave(zero.T.contiguous()), 4),
            "scales": scale.T.contiguous()}, value


def bits_of(mask):
    n, k = mask.shape
    return (mask.reshape(n, -1, 8).long() << torch.arange(8)).sum(-1).to(torch.uint8)


def bitmask(weight, two_four, prefix):
    w = weight.bfloat16()
    if two_four:
        keep = torch.zeros_like(w, dtype=torch.bool).reshape(w.shape[0], -1, 4)
        keep.scatter_(-1, w.float().abs().reshape(w.shape[0], -1, 4).topk(2, -1).indices, True)
        keep = keep.reshape(w.shape)
    else:
        keep = torch.rand_like(weight) < 0.5
    value = torch.where(keep, w, torch.zeros_like(w)).float()
    tensors = {"compressed": w[keep].reshape(len(w), -1) if two_four else w[keep], "bitmask": bits_of(keep),
               "shape": torch.tensor(w.shape)}
    if not two_four:
        tensors["row_offsets"] = torch.cat([torch.zeros(1, dtype=torch.long), keep.sum(1).cumsum(0)[:-1]])
    return {prefix + name: t for name, t in tensors.items()}, value


def fp4_values(packed):
    codes = torch.stack([packed["weight_packed"] & 15, packed["weight_packed"] >> 4], -1).flatten(-2).long()
    table = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    scale = packed["weight_scale"]
    scale = 2.0 ** (scale.float() - 127) if scale.dtype == torch.uint8 else scale.float() / packed["weight_global_scale"]
    sign = 1 - 2 * (codes >> 3)
    return sign * table[codes & 7] * scale.repeat_interleave(codes.shape[1] // scale.shape[1], 1)


def with_package(weight, form, args):
    """By the package's compressor, from scales that suit it; the values by its decompressor in float32."""
    n, k = weight.shape
    state = {"weight": weight}
    group = args.get("group_size") or k
    w = weight.reshape(n, -1, group)
    top = w.abs().amax(-1)
    if form == "mxfp4-pack-quantized":
        state["weight_scale"] = 2.0 ** torch.floor(torch.log2(top / 6))
    elif form == "nvfp4-pack-quantized":
        state["weight_global_scale"] = (448 * 6 / weight.abs().max()).reshape(1)
        state["weight_scale"] = (state["weight_global_scale"] * top / 6).to(torch.float8_e4m3fn).float()
    elif args["symmetric"]:
        state["weight_scale"] = (top / (2 ** (args["num_bits"] - 1) - 0.5)).bfloat16().float()
    else:
        low, high = w.amin(-1).clamp(max=0), w.amax(-1).clamp(min=0)
        scale = ((high - low) / (2 ** args["num_bits"] - 1)).bfloat16().float()
        state["weight_scale"] = scale
        state["weight_zero_point"] = ((-low / scale).round() - 2 ** (args["num_bits"] - 1)).to(torch.int8)
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**args), format=form)
    compressor = BaseCompressor.load_from_registry(form)
    packed = compressor.compress(state, scheme)
    value = compressor.decompress(dict(packed), scheme)["weight"].float()
    if "mxfp4" in form or "nvfp4" in form:  # the package rounds these products to bf16
        exact = fp4_values(packed)
        assert ((exact - value).abs() <= exact.abs() / 128).all()
        value = exact
    tensors = {k: v.bfloat16() if k == "weight_scale" and v.dtype == torch.float32 else v for k, v in packed.items()}
    return {name if name.startswith("weight") else "weight_" + name: t.contiguous() for name, t in tensors.items()}, value


def ct(form, **args):
    args = dict({"num_bits": 4, "type": "int", "strategy": "group", "symmetric": True}, **args)
    config = {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed",
              "ignore": ["lm_head"], "kv_cache_scheme": None, "config_groups": {"group_0": {
                  "targets": ["Linear"], "weights": args, "input_activations": None, "output_activations": None,
                  "format": form}}}
    return config, lambda w: with_package(w, form, args)


def sparse(form, two_four, prefix):
    return {"quant_method": "compressed-tensors", "sparsity_config": {"format": form, "ignore": ["lm_head"]}}, \
        lambda w: bitmask(w, two_four, prefix)


CASES = {
    "ct-int4-group32": ct("pack-quantized", group_size=32),
    "ct-int4-zeros": ct("pack-quantized", group_size=64, symmetric=False),
    "ct-int4-channel": ct("pack-quantized", strategy="channel"),
    "ct-int8-packed": ct("pack-quantized", num_bits=8, group_size=64),
    "ct-int8-channel": ct("int-quantized", num_bits=8, strategy="channel"),
    "ct-int8-zeros": ct("int-quantized", num_bits=8, strategy="channel", symmetric=False),
    "ct-mxfp4": ct("mxfp4-pack-quantized", type="float", group_size=32),
    "ct-nvfp4": ct("nvfp4-pack-quantized", type="float", strategy="tensor_group", group_size=16),
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": True, "sym": False},
             lambda w: gptq(w, 4, 64, False, True, True)),
    "gptq-v2-int8": ({"quant_method": "gptq", "bits": 8, "group_size": 32, "desc_act": False, "sym": True,
                      "checkpoint_format": "gptq_v2"}, lambda w: gptq(w, 8, 32, True, False, False)),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": True, "version": "gemm"}, awq),
    "bitmask": sparse("sparse-bitmask", False, ""),
    "bitmask-24": sparse("sparse-24-bitmask", True, "weight."),
}


def main():
    report = {"versions": {m.__name__: m.__version__ for m in (torch, transformers)}, "cases": []}
    report["versions"]["compressed-tensors"] = compressed_tensors.__version__
    for number, (name, (quantization, compress)) in enumerate(CASES.items()):
        torch.manual_seed(number)
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**CONFIG)).float().eval()
        tensors = {}
        with torch.no_grad():
            for parameter, weight in model.state_dict().items():
                stem = parameter[:-len("weight")]
                if weight.dim() == 2:
                    weight.copy_((torch.randn_like(weight) * 1.5 / weight.shape[1] ** 0.5).bfloat16())
                if weight.dim() == 2 and "_proj" in parameter:
                    parts, value = compress(weight.clone())
                    weight.copy_(value)
                    tensors.update({stem + part: t for part, t in parts.items()})
                else:
                    tensors[parameter] = weight.bfloat16().clone()
            ids = torch.randint(0, CONFIG["vocab_size"], (1, 48))
            p = torch.log_softmax(model(ids).logits[0].double(), -1)
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        config = dict(CONFIG, model_type="llama", architectures=["LlamaForCausalLM"], dtype="bfloat16", rms_norm_eps=1e-6,
                      hidden_act="silu", rope_theta=10000.0, bos_token_id=1, eos_token_id=2,
                      quantization_config=quantization)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        report["cases"].append({"name": name, "ids": ids[0].tolist(),
                                "next": [round(p[i, ids[0, i + 1]].item(), 7) for i in range(ids.shape[1] - 1)]})
        print(name, sum(t.numel() * t.element_size() for t in tensors.values()), "bytes")
    (OUT / "cases.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
