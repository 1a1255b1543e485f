#!/usr/bin/env python3
"""Compares `lacuna eval` with transformers on the same windows and task items.

    scripts/check_eval.py -m DIR [--text FILE] [--task-dir DIR] [--tasks ..] [--limit N] [--ctx N] [--stride N]
                          [--windows hf|llama.cpp] [--numerics f32] [--dtype float32|bfloat16]

Perplexity must agree within 0.5 %, exact match of every task within 1 point over all its items (two items where a task
has fewer than 200). Windows and answers are made here anew, from the guide of transformers and from llama.cpp's rule.
Needs torch and transformers. Exit status: 0, 1 they differ, 2 bad usage.
"""

import argparse
import collections
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def windows(tokens, p):
    """[(begin, first counted, end)] by the rule, window and stride that eval says it used."""
    size, stride = p["window"], p["stride"]
    if p["rule"] == "llama.cpp":
        return [(b, b + size // 2 + 1, b + size) for b in range(0, tokens - size + 1, size)]
    found, before = [], 0
    for begin in range(0, tokens, stride):
        end = min(begin + size, tokens)
        found.append((begin, max(before, begin + 1), end))
        before = end
        if end == tokens:
            break
    return [w for w in found if w[1] < w[2]]


def perplexity(model, tokenizer, text, said, limit):
    import torch
    ids = tokenizer(text).input_ids
    bos = tokenizer("").input_ids[:1]
    loss = count = 0
    for begin, first, end in windows(len(ids), said)[:limit or None]:
        row = ids[begin:end]
        if said["rule"] == "llama.cpp":
            row = bos + row[len(bos):]
        row = torch.tensor([row])
        with torch.no_grad():
            logits = model(row[:, :-1]).logits[0].double()
        targets = row[0, 1:]
        logs = torch.log_softmax(logits, -1).gather(1, targets[:, None])[:, 0]
        logs = logs[first - begin - 1:]
        loss -= logs.sum().item()
        count += len(logs)
    return math.exp(loss / count), count


def exact_match(model, tokenizer, items):
    import torch
    right = collections.defaultdict(list)
    for i, item in enumerate(items):
        text = tokenizer.apply_chat_template(item["messages"], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.no_grad():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=48, do_sample=False,
                                 temperature=None, top_p=None, top_k=None)
        said = tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)
        right[item["task"]].append(said.strip() == item["answer"])
        print("\r%d of %d" % (i + 1, len(items)), end="", file=sys.stderr)
    print(file=sys.stderr)
    return right


def load_items(folder, names, limit):
    counts, items = collections.Counter(), []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            item = json.loads(line)
            if "messages" not in item or (names and item["task"] not in names):
                continue
            counts[item["task"], item["length"]] += 1
            if not limit or counts[item["task"], item["length"]] <= limit:
                items.append(item)
    return items


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", type=pathlib.Path, required=True)
    parser.add_argument("--lacuna", type=pathlib.Path, default=ROOT / "build" / "release" / "lacuna")
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--task-dir", type=pathlib.Path)
    parser.add_argument("--tasks")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--ctx", type=int)
    parser.add_argument("--stride", type=int)
    parser.add_argument("--windows", choices=("hf", "llama.cpp"))
    parser.add_argument("--numerics", choices=("default", "f32"))
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    args = parser.parse_args()
    command = [args.lacuna, "eval", "-m", args.model, "--json"]
    for flag in ("text", "task_dir", "tasks", "limit", "ctx", "stride", "windows", "numerics"):
        value = getattr(args, flag)
        command += ["--" + flag.replace("_", "-"), str(value)] if value else []
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return 2
    ours = json.loads(done.stdout)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=getattr(torch, args.dtype)).eval()
    folder = args.task_dir or args.model / "eval"
    bad = False
    if "perplexity" in ours:
        text = (args.text or folder / "text.txt").read_text(encoding="utf-8")
        value, count = perplexity(model, tokenizer, text, ours["perplexity"], args.limit)
        off = ours["perplexity"]["value"] / value - 1
        ok = abs(off) <= 0.005 and count == ours["perplexity"]["tokens"]
        bad |= not ok
        print("perplexity %.4f, transformers %.4f (%+.4f %%), tokens %d and %d: %s" % (
            ours["perplexity"]["value"], value, 100 * off, ours["perplexity"]["tokens"], count, "ok" if ok else "DIFFERS"))
    if "tasks" in ours:
        right = exact_match(model, tokenizer, load_items(folder, set(args.tasks.split(",")) if args.tasks else None,
                                                         args.limit))
        for task, mine in sorted(ours["tasks"].items()):
            theirs = right[task]
            if mine.get("skipped"):
                print("%-12s %d items are longer than the context: not compared" % (task, mine["skipped"]))
                continue
            value = sum(theirs) / len(theirs)
            ok = len(theirs) == mine["n"] and abs(value - mine["exact_match"]) <= max(0.01, 2 / len(theirs)) + 1e-9
            bad |= not ok
            print("%-12s %.1f %%, transformers %.1f %%, %d items: %s" % (
                task, 100 * mine["exact_match"], 100 * value, mine["n"], "ok" if ok else "DIFFERS"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
