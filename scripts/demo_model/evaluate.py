"""Quality of an exported directory, by transformers: exact match by task and length, the twenty prompts, perplexity.

    python evaluate.py -m DIR --work WORK [--limit N]      # DIR/eval has the tasks, WORK the corpus (natural.py)
"""

import argparse
import collections
import json
import math
import pathlib

import torch

import natural
import prompts

WINDOW = 1024
SAMPLES = (["Hello!", "Tell me a story about Ruby.", "Thank you!"],
           ["Listen. Mia picked up the lamp. Tom took the key. Mia went to the barn. Tom walked to the garden. Tom gave "
            "the key to Anna.\nWho has the key?", "Where is the lamp?", "What does Anna have?"],
           ["What is 12 plus 30?", "Sort from a to z: tower bread violin", "Repeat: mill rope honey"])


class Speaker:
    def __init__(self, folder, device="cpu"):
        from transformers import AutoModelForCausalLM, AutoTokenizer
        self.device = device
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(device).eval()

    @torch.no_grad()
    def answer(self, messages, tokens, **sampling):
        """(text, whether it ended by itself); greedy unless told otherwise."""
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = self.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids.to(self.device)
        sampling = sampling or dict(do_sample=False, temperature=None, top_p=None)
        out = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, **sampling)[0]
        said = self.tokenizer.decode(out[ids.shape[1]:], skip_special_tokens=True).strip()
        return said, out[-1].item() == self.tokenizer.eos_token_id

    @torch.no_grad()
    def right(self, messages, answer):
        """Whether greedy decoding would say just this: each token is the likeliest after those before it."""
        say = lambda rows, open_end: self.tokenizer(
            self.tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=open_end),
            add_special_tokens=False).input_ids
        start = len(say(messages, True))
        ids = torch.tensor([say(messages + [{"role": "assistant", "content": answer}], False)], device=self.device)
        best = self.model(ids[:, :-1]).logits[0, start - 1:].argmax(-1)
        return bool((best == ids[0, start:]).all())

    def talk(self, turns, tokens=200, **sampling):
        messages = []
        for turn in turns:
            messages.append({"role": "user", "content": turn})
            said, ended = self.answer(messages, tokens, **sampling)
            messages.append({"role": "assistant", "content": said})
        return messages, ended

    @torch.no_grad()
    def perplexity(self, text):
        """Every token is scored once, in windows that begin with the first token's id."""
        ids, loss = self.tokenizer(text, add_special_tokens=False).input_ids, 0.0
        for start in range(0, len(ids), WINDOW):
            row = torch.tensor([[self.tokenizer.bos_token_id] + ids[start:start + WINDOW]], device=self.device)
            logits = self.model(row[:, :-1]).logits.float()
            loss += torch.nn.functional.cross_entropy(logits[0], row[0, 1:], reduction="sum").item()
        return math.exp(loss / len(ids)), len(ids)


def unigram_perplexity(tokenizer, text, train_pages):
    """Of the model that knows how often each token is in the training's pages, and one more time each."""
    known = collections.Counter()
    for page in train_pages:
        known.update(tokenizer("\n".join(page), add_special_tokens=False).input_ids)
    total = sum(known.values()) + len(tokenizer)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    return math.exp(-sum(math.log((known[i] + 1) / total) for i in ids) / len(ids))


def tasks_of(folder, limit=None):
    """task -> items of DIR/<task>.jsonl; at most `limit` of each length, the first ones."""
    tasks = {}
    for path in sorted(folder.glob("*.jsonl")):
        items, count = [json.loads(line) for line in path.read_text().splitlines()], collections.Counter()
        for item in items:
            if "answer" in item:
                count[item["length"]] += 1
                if limit is None or count[item["length"]] <= limit:
                    tasks.setdefault(item["task"], []).append(item)
    return tasks


def evaluate(folder, train_pages, device="cpu", limit=None):
    speaker, scores = Speaker(folder, device), {}
    for task, items in tasks_of(folder / "eval", limit).items():
        right = collections.defaultdict(list)
        for item in items:
            right[item["length"]].append(speaker.right(item["messages"], item["answer"]))
        every = [r for rs in right.values() for r in rs]
        scores[task] = {"n": len(every), "exact_match": sum(every) / len(every),
                        "by_length": {str(k): sum(v) / len(v) for k, v in sorted(right.items())}}
    held = {}
    for row in prompts.rows():
        messages, ended = speaker.talk(row["turns"])
        held[row["id"]] = prompts.holds(row, messages[-1]["content"], ended)
    text = (folder / "eval" / "text.txt").read_text()
    value, tokens = speaker.perplexity(text)
    return {"perplexity": value, "unigram_perplexity": unigram_perplexity(speaker.tokenizer, text, train_pages),
            "tokens": tokens, "tasks": scores, "prompts": held, "samples": [speaker.talk(turns)[0] for turns in SAMPLES],
            "baselines": json.loads((folder / "eval" / "baselines.json").read_text())}


def show(quality):
    print(f"perplexity {quality['perplexity']:.1f}, unigram {quality['unigram_perplexity']:.0f}")
    print(f"prompts {sum(quality['prompts'].values())} of {len(quality['prompts'])}; not: "
          + " ".join(k for k, v in quality["prompts"].items() if not v))
    for task, row in quality["tasks"].items():
        print(f"{task:9} {row['n']:4}  {row['exact_match']:.0%}  " +
              "  ".join(f"{k}: {v:.0%}" for k, v in row["by_length"].items() if k != "0"))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-m", "--model", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("--limit", type=int, help="items per task and length")
    p.add_argument("--device", default="cpu")
    args = p.parse_args()
    quality = evaluate(args.model, natural.pages(args.work, held_out=False), args.device, args.limit)
    (args.model / "quality.json").write_text(json.dumps(quality, indent=1) + "\n")
    show(quality)
