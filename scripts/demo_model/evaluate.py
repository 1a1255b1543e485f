"""Quality of an exported directory, by transformers: exact match by task and length, perplexity of held-out prose.

    python evaluate.py -m DIR --work WORK [-n 100]      # WORK has natural.jsonl
"""

import argparse
import collections
import json
import math
import pathlib

import torch

import baselines
import make_tasks
import natural


def perplexity(model, tokenizer, pages, train_pages, device, limit=60000, window=1024):
    """Rows of `window` tokens, each scored from its second on, against the unigram model of the training pages."""
    join = lambda rows: tokenizer("\n".join(t for row in rows for t in row), add_special_tokens=False).input_ids
    ids, known = join(pages)[:limit], collections.Counter(join(train_pages[:len(pages) * 5]))
    total, vocab = sum(known.values()), len(tokenizer)
    loss = unigram = count = 0
    for start in range(0, len(ids) - 1, window):
        row = torch.tensor([[tokenizer.bos_token_id] + ids[start:start + window]], device=device)
        with torch.no_grad():
            logits = model(row[:, :-1]).logits.float()
        loss += torch.nn.functional.cross_entropy(logits[0], row[0, 1:], reduction="sum").item()
        unigram -= sum(math.log((known[i] + 1) / (total + vocab)) for i in row[0, 1:].tolist())
        count += row.shape[1] - 1
    return math.exp(loss / count), math.exp(unigram / count), count


def evaluate(folder, items, held_out, device, train_pages):
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(device).eval()
    right = collections.defaultdict(lambda: collections.defaultdict(list))
    for line, _ in items:
        text = tokenizer.apply_chat_template(line["messages"], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids.to(device)
        with torch.no_grad():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=48, do_sample=False,
                                 temperature=None, top_p=None)
        said = tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)
        right[line["task"]][line["length"]].append(said.strip() == line["answer"])
    scores = {}
    for task, lengths in right.items():
        every = [r for rs in lengths.values() for r in rs]
        scores[task] = {"n": len(every), "exact_match": sum(every) / len(every),
                        "by_length": {str(k): sum(v) / len(v) for k, v in lengths.items()}}
    value, unigram, tokens = perplexity(model, tokenizer, held_out, train_pages, device)
    return {"perplexity": value, "unigram_perplexity": unigram, "tokens": tokens, "tasks": scores,
            "baselines": baselines.report(fact for _, fact in items)}


def show(quality):
    print(f"perplexity {quality['perplexity']:.1f}, unigram {quality['unigram_perplexity']:.0f}")
    for task, row in quality["tasks"].items():
        print(f"{task:9} {row['n']:4}  {row['exact_match']:.0%}  " +
              "  ".join(f"{k}: {v:.0%}" for k, v in row["by_length"].items() if k != "0"))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-m", "--model", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("-n", type=int, default=100)
    p.add_argument("--device", default="cpu")
    args = p.parse_args()
    quality = evaluate(args.model, list(make_tasks.all_items(make_tasks.DEFAULT_SEED, args.n)),
                       natural.pages(args.work, held_out=True), args.device, natural.pages(args.work, held_out=False))
    (args.model / "quality.json").write_text(json.dumps(quality, indent=1) + "\n")
    show(quality)
