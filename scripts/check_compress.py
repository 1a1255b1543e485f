#!/usr/bin/env python3
"""Checks `lacuna compress` against straightforward PyTorch versions of Wanda, SparseGPT and GPTQ, written for this check from
the papers' formulas: the inverse of the Hessian, its Cholesky factor, one column after the other.

    scripts/check_compress.py                       models/demo, on what models/calibration/demo.jsonl says
    scripts/check_compress.py -m DIR --text FILE    another Llama, another text
    scripts/check_compress.py --only "sparsegpt 50 %"

Both are given the same inputs: each of PyTorch's matrices is made from the input that lacuna's own matrices before it give.
(SparseGPT chooses from weights that earlier choices have changed. Two runs that are fed by their own layers drift apart by
the last bits, more with every layer, and agree in 94 % of places.)

For each case: the share of places where both prune alike (at least 99 %); the relative difference of the matrices' output
errors (of their sum and in the mean), the largest of the errors that lacuna reports from those of its weights by PyTorch's
statistics ("told/own"), and both perplexities by `lacuna eval` (all at most 1 % apart). Needs PyTorch, transformers and
safetensors; exit status 0, 1 a case misses, 2 bad usage. It checks the methods, and says nothing about
the quality of a model.
"""

import argparse
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM

from packed_weights import PackedModel

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = 128
DAMPING = 0.01

# Name, flags of `lacuna compress`, prune method, fraction or (n, m), rounding.
CASES = [
    ("wanda 50 %", ["--prune", "wanda", "--weights", "bf16"], "wanda", 0.5, "bf16"),
    ("wanda 2:4", ["--prune", "wanda", "--sparsity", "2:4", "--weights", "bf16"], "wanda", (2, 4), "bf16"),
    ("sparsegpt 50 %", ["--prune", "sparsegpt", "--weights", "bf16"], "sparsegpt", 0.5, "bf16"),
    ("sparsegpt 70 %", ["--prune", "sparsegpt", "--sparsity", "0.7", "--weights", "bf16"], "sparsegpt", 0.7, "bf16"),
    ("sparsegpt 2:4", ["--prune", "sparsegpt", "--sparsity", "2:4", "--weights", "bf16"], "sparsegpt", (2, 4), "bf16"),
    ("gptq int4", ["--weights", "int4", "--group", "64", "--activations", "bf16", "--natural-order"], None, None, "int4"),
    ("gptq int4, ordered", ["--weights", "int4", "--group", "64", "--activations", "bf16"], None, None, "int4 ordered"),
]
GROUP = 64


def lowest(scores, count):
    """True for the `count` lowest of each row; of equals the first."""
    order = torch.argsort(scores, dim=1, stable=True)
    mask = torch.zeros_like(scores, dtype=torch.bool)
    mask.scatter_(1, order[:, :count], True)
    return mask


def pruned_columns(scores, begin, amount):
    """The mask of columns from `begin` on, by a share of the row or a pattern."""
    if isinstance(amount, tuple):
        n, m = amount
        rows, columns = scores.shape
        return lowest(scores.reshape(-1, m), m - n).reshape(rows, columns)
    end = begin + scores.shape[1]
    return lowest(scores, math.floor(amount * end) - math.floor(amount * begin))


def int4_scales(w, importance):
    """Of each row: the weight of largest magnitude over -8, times the one of 1, 0.975, .. 0.7 with the least error."""
    largest = w.gather(1, w.abs().argmax(dim=1, keepdim=True))
    best, least = None, None
    for i in range(13):
        scale = (largest * (1 - 0.025 * i) / -8).half().double()
        error = (importance * (w - int4(w, scale)) ** 2).sum(dim=1, keepdim=True)
        if best is None:
            best, least = scale, error
        else:
            better = error < least
            best, least = torch.where(better, scale, best), torch.where(better, error, least)
    return best


def int4(w, scale):
    return scale * torch.clamp(torch.round(w / torch.where(scale == 0, 1.0, scale)), -8, 7)


def compress(w, hessian, method, amount, rounding):
    """What stands for w [n, k] in float64, and the mask of what went."""
    n, k = w.shape
    diagonal = torch.diagonal(hessian)
    if method == "wanda":
        mask = pruned_columns(w.abs() * diagonal.sqrt(), 0, amount)
        return torch.where(mask, 0.0, w).bfloat16().double(), mask
    order = torch.arange(k)
    if rounding.endswith("ordered"):
        order = torch.argsort(diagonal, descending=True, stable=True)
    w, hessian = w[:, order].clone(), hessian[order][:, order]
    damped = hessian + DAMPING * diagonal.mean() * torch.eye(k, dtype=torch.float64)
    u = torch.linalg.cholesky(torch.linalg.inv(damped), upper=True)
    mask, out = torch.zeros(n, k, dtype=torch.bool), torch.zeros(n, k, dtype=torch.float64)
    for begin in range(0, k, BLOCK):
        end = min(k, begin + BLOCK)
        if method == "sparsegpt" and not isinstance(amount, tuple):
            scores = (w[:, begin:end] / torch.diagonal(u)[begin:end]) ** 2
            mask[:, begin:end] = pruned_columns(scores, begin, amount)
        for j in range(begin, end):
            if isinstance(amount, tuple) and j % amount[1] == 0:
                scores = (w[:, j:j + amount[1]] / torch.diagonal(u)[j:j + amount[1]]) ** 2
                mask[:, j:j + amount[1]] = pruned_columns(scores, j, amount)
            if rounding == "bf16":
                q = w[:, j].bfloat16().double()
            else:
                if j % GROUP == 0:
                    scale = int4_scales(w[:, j:j + GROUP], diagonal[order][j:j + GROUP])
                q = int4(w[:, j:j + 1], scale)[:, 0]
            q = torch.where(mask[:, j], 0.0, q)
            error = (w[:, j] - q) / u[j, j]
            w[:, j + 1:] -= error[:, None] * u[j, j + 1:]
            out[:, j] = q
    back = torch.argsort(order)
    return out[:, back], mask[:, back]


def torch_version(model, ours, method, amount, rounding):
    """What PyTorch makes of each matrix from the input that lacuna's own matrices before it give, so that both see the same:
    {name: (weight, output error, mask)}, and the output errors of lacuna's matrices by the same statistics. The model's
    matrices become lacuna's. Inputs are rounded to bf16, as lacuna does it."""
    theirs, measured = {}, {}
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].bfloat16().float(),))
    streams = [model.model.embed_tokens(s[None]) for s in model.sequences]
    for index, layer in enumerate(model.model.layers):
        rotary = [model.model.rotary_emb(x, torch.arange(x.shape[1])[None]) for x in streams]

        def run(i):
            # One sequence from its beginning: is_causal does the mask.
            return layer(streams[i], position_embeddings=rotary[i], attention_mask=None)

        for names in (("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), ("self_attn.o_proj",),
                      ("mlp.gate_proj", "mlp.up_proj"), ("mlp.down_proj",)):
            modules = [layer.get_submodule(name) for name in names]
            k = modules[0].weight.shape[1]
            hessian = torch.zeros(k, k, dtype=torch.float64)
            inputs = []
            # Before the hook that rounds it: the statistics are of the input itself.
            hook = modules[0].register_forward_pre_hook(lambda m, i: inputs.append(i[0][0].double()), prepend=True)
            for i in range(len(streams)):
                inputs.clear()
                run(i)
                hessian += inputs[0].T @ inputs[0]
            hook.remove()
            for name, module in zip(names, modules):
                full = f"model.layers.{index}.{name}.weight"
                w, own = module.weight.double(), ours(full, module.weight.shape)
                q, mask = compress(w, hessian, method, amount, rounding)

                def error(q):
                    return float((((w - q) @ hessian) * (w - q)).sum() / ((w @ hessian) * w).sum())

                theirs[full] = (q, error(q), mask)
                measured[full] = error(own)
                module.weight.copy_(own)
        streams = [out[0] if isinstance(out := run(i), tuple) else out for i in range(len(streams))]
    return theirs, measured


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-m", "--model", default=str(ROOT / "models/demo"))
    parser.add_argument("--text", help="for calibration and perplexity; one that the model has a notion of")
    parser.add_argument("--lacuna", default=str(ROOT / "build/release/lacuna"))
    parser.add_argument("--sequences", type=int, default=24)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--windows", type=int, default=16, help="of the text, for the perplexities; 0: all")
    parser.add_argument("--only", help="this case alone")
    args = parser.parse_args()
    cases = [c for c in CASES if args.only in (None, c[0])]
    if not cases:
        parser.error("--only: there are " + ", ".join(c[0] for c in CASES))
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)  # the demo model is small, and threads wait for each other on a busy machine

    scratch = tempfile.TemporaryDirectory()
    if args.text is None:
        rows = map(json.loads, open(ROOT / "models/calibration/demo.jsonl", encoding="utf-8"))
        said = [row["text"] if "text" in row else "\n".join(m["content"] for m in row["messages"]) for row in rows]
        args.text = str(pathlib.Path(scratch.name) / "text.txt")
        pathlib.Path(args.text).write_text("\n".join(said), encoding="utf-8")

    def lacuna(*arguments):
        result = subprocess.run([args.lacuna, *arguments], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"lacuna {' '.join(arguments)}: {result.stderr}")
        return result.stdout

    ids = json.loads(lacuna("tokenize", "-m", args.model, "--file", args.text, "--no-special", "--json"))["ids"]
    bos = json.loads(lacuna("tokenize", "-m", args.model, "-p", "a", "--json"))["ids"]
    there = len(ids) // args.length
    count = min(args.sequences, there)
    sequences = []
    for i in range(count):
        begin = i * there // count * args.length
        piece = ids[begin:begin + args.length]
        if len(bos) > 1:
            piece[0] = bos[0]
        sequences.append(torch.tensor(piece))

    def perplexity(folder):
        return json.loads(lacuna("eval", "-m", str(folder), "--tasks", "ppl", "-f", args.text, "--limit",
                                 str(args.windows), "--json"))["perplexity"]["value"]

    failed = False
    print(f"{'case':20} {'same places':>12} {'errors, sum':>12} {'mean off by':>12} {'told/own':>10} {'ppl':>9} {'PyTorch':>9}")
    for name, flags, method, amount, rounding in cases:
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            report = json.loads(lacuna("compress", "-m", args.model, "-o", str(folder / "ours"), "--calibration", args.text,
                                       "--sequences", str(args.sequences), "--length", str(args.length), "--keep",
                                       "lm_head=bf16", "--json", *flags))
            ours = {m["name"]: m["error"] for layer in report["layers"] for m in layer["matrices"]}
            model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
            model.sequences = sequences
            packed = PackedModel(folder / "ours")

            def weight(matrix, shape):
                return packed.int4(matrix, *shape, GROUP) if method is None else packed.bitmap_bf16(matrix, *shape)

            theirs, measured = torch_version(model, weight, method, amount, rounding)
            same, places = 0, 0
            if method is not None:
                for matrix, (q, _, mask) in theirs.items():
                    same += int((~packed.mask(matrix, *mask.shape) == mask).sum())
                    places += mask.numel()
            total = sum(ours.values()) / sum(error for _, error, _ in theirs.values()) - 1
            mean = sum(abs(ours[m] / theirs[m][1] - 1) for m in ours) / len(ours)
            told = max(abs(ours[m] / measured[m] - 1) for m in ours)
            for matrix, (q, _, _) in theirs.items():
                model.get_parameter(matrix).copy_(q)
            shutil.copytree(args.model, folder / "theirs", ignore=shutil.ignore_patterns("*.safetensors", "eval"))
            model.save_pretrained(folder / "theirs")
            a, b = perplexity(folder / "ours"), perplexity(folder / "theirs")
            share = same / places if places else 1.0
            bad = share < 0.99 or max(abs(total), mean, told, abs(a / b - 1)) > 0.01
            failed |= bad
            print(f"{name:20} {f'{share:.3%}' if places else '-':>12} {total:>+12.2%} {mean:>12.2%} {told:>10.2%} {a:9.3f} "
                  f"{b:9.3f}{'  MISSES' if bad else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
