"""Makes models/demo from nothing: stories -> tokenizer -> training -> Hugging Face directory -> samples -> model card.

    python make_demo.py                      # on one CPU core; at most an hour
    python make_demo.py --minutes 8 -o quick

The data is written by this folder's own generator (plots.py, world.py), so nothing is downloaded. Interrupted with
Ctrl-C, it exports what it has learned so far. The same seed gives the same stories and tokenizer on every machine; the
weights depend on the CPU's arithmetic.
"""

import argparse
import json
import math
import os
import pathlib
import signal
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

import corpus
from card import write_card
from model import CONFIG, Llama

HERE = pathlib.Path(__file__).resolve().parent


def loss_of(model, ids):
    """Cross entropy of the next token over rows [B, T + 1]; -1 is padding."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(ids[:, :-1].clamp(min=0))
    return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), ignore_index=-1)


def optimizers_of(model):
    """Muon for the layers' matrices, which needs about two thirds of AdamW's tokens here; AdamW for the rest."""
    matrices = [p for p in model.layers.parameters() if p.dim() == 2]
    inside = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in inside]
    return [torch.optim.Muon(matrices, lr=0.015, weight_decay=0.01),
            torch.optim.AdamW(rest, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=True)]


def rate(step, done, warmup=80):
    """Linear warm-up, then a cosine down to 2 % of the peak. `done` is the share of the training that is over."""
    return min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def train(args, model, tokenizer):
    """One story a row; in every eighth step rows of 512 tokens (the whole context), several stories long.

    It is over after the steps or the minutes, whichever comes first; the learning rate follows, so a busy machine gives
    a model that saw less, not one that was cut off.
    """
    rows = corpus.Rows(tokenizer, args.seed)
    optimizers = optimizers_of(model)
    peaks = [[group["lr"] for group in o.param_groups] for o in optimizers]
    compiled = torch.compile(loss_of, dynamic=False) if args.compile else loss_of
    held_out = torch.tensor(corpus.Rows(tokenizer, "held out").single(128, 161))
    log = {"tokens": 0, "steps": 0, "curve": []}
    start, average = time.time(), None
    try:
        for step in range(args.steps):
            done = max(step / args.steps, (time.time() - start) / (60 * args.minutes))
            if done >= 1:
                break
            make, length = (rows.packed, CONFIG["max_position_embeddings"]) if step % 8 == 7 else (rows.single, 144)
            ids = torch.tensor(make(args.batch_tokens // length, length + 1))
            loss = compiled(model, ids)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, lrs in zip(optimizers, peaks):
                for group, lr in zip(optimizer.param_groups, lrs):
                    group["lr"] = lr * args.peak * rate(step, done)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            average = loss.item() if average is None else 0.95 * average + 0.05 * loss.item()
            log["tokens"] += (ids[:, 1:] >= 0).sum().item()
            log["steps"] = step + 1
            if step % 25 == 24:
                spent = time.time() - start
                left = min(spent / (step + 1) * (args.steps - step - 1), 60 * args.minutes - spent)
                print(f"step {step + 1}  {100 * done:.0f} %  loss {average:.3f}  {log['tokens'] / spent:.0f} tokens/s  "
                      f"{spent / 60:.1f} min, {left / 60:.1f} left", flush=True)
            if step % 500 == 499:
                log["curve"].append((step + 1, evaluate(model, held_out)))
                print(f"  held-out loss {log['curve'][-1][1]:.3f}", flush=True)
    except KeyboardInterrupt:
        print("stopped: exporting what there is")
    log["minutes"] = (time.time() - start) / 60
    log["held_out"] = evaluate(model, held_out)
    log["stories"] = rows.next
    print(f"held-out loss {log['held_out']:.3f} after {log['stories']} stories")
    return log


@torch.no_grad()
def evaluate(model, ids):
    parts = ids.split(16)
    return sum(loss_of(model, part).item() for part in parts) / len(parts)


def export(model, tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    c = CONFIG
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "attention_dropout": 0.0,
        "bos_token_id": corpus.BOS_ID, "eos_token_id": corpus.EOS_ID, "dtype": "bfloat16", "head_dim": c["head_dim"],
        "hidden_act": "silu", "hidden_size": c["hidden_size"], "initializer_range": 0.02,
        "intermediate_size": c["intermediate_size"], "max_position_embeddings": c["max_position_embeddings"],
        "mlp_bias": False, "num_attention_heads": c["num_attention_heads"], "num_hidden_layers": c["num_hidden_layers"],
        "num_key_value_heads": c["num_key_value_heads"], "pretraining_tp": 1, "rms_norm_eps": c["rms_norm_eps"],
        "rope_parameters": {"rope_theta": c["rope_theta"], "rope_type": "default"}, "tie_word_embeddings": True,
        "use_cache": True, "vocab_size": c["vocab_size"],
    }
    generation = {"bos_token_id": corpus.BOS_ID, "eos_token_id": corpus.EOS_ID, "pad_token_id": corpus.EOS_ID,
                  "do_sample": True, "temperature": 0.8, "top_p": 0.95}
    for name, value in (("config.json", config), ("generation_config.json", generation)):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    save_file(model.hugging_face_tensors(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    corpus.save_tokenizer(tokenizer, folder, c["max_position_embeddings"])


def check(model, folder):
    """The exported directory, loaded by transformers, computes what was trained. Returns samples for the card."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer("Once upon a time there was a little girl named", return_tensors="pt").input_ids
    assert ids[0, 0] == corpus.BOS_ID, "the tokenizer must add BOS"
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.to(torch.bfloat16))
        theirs = loaded(ids).logits
        gap = ((model(ids) - theirs).abs().max() / theirs.abs().max()).item()
    assert gap < 0.03, f"transformers computes other logits: {gap}"  # ours are products of bfloat16
    torch.manual_seed(1)
    samples = []
    for prompt, sampled in (("", False), ("One day Mia found a", False), ("", True), ("One day Mia found a", True),
                            ("The little dragon", True), ("Leo and Anna wanted to", True)) + (("", True),) * 8:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        how = dict(do_sample=True, temperature=0.8, top_p=1.0, top_k=0) if sampled else dict(do_sample=False,
                                                                                             temperature=1.0, top_p=1.0)
        out = loaded.generate(ids, max_new_tokens=300, **how)[0]
        samples.append({"prompt": prompt, "sampled": sampled, "text": tokenizer.decode(out, skip_special_tokens=True),
                        "ended": out[-1].item() == corpus.EOS_ID})
    return samples


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-o", "--out", type=pathlib.Path, default=HERE.parent.parent / "models" / "demo")
    p.add_argument("--steps", type=int, default=4500)
    p.add_argument("--minutes", type=float, default=60, help="stop earlier than --steps after this time")
    p.add_argument("--batch-tokens", type=int, default=3072)
    p.add_argument("--seed", type=int, default=1, help="of the stories; take another one with --resume")
    p.add_argument("--resume", type=pathlib.Path, metavar="DIR", help="go on with the model that an earlier run made")
    p.add_argument("--peak", type=float, default=1.0, help="times the usual learning rates; try 0.4 with --resume")
    p.add_argument("-t", "--threads", type=int, default=1)
    p.add_argument("--no-compile", dest="compile", action="store_false",
                   help="do not use torch.compile (1.3 times slower)")
    args = p.parse_args()
    args.out = args.out.resolve()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup and & may have turned it off
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model, parts = Llama(CONFIG), []
    if args.resume:
        tokenizer = Tokenizer.from_file(str(args.resume / "tokenizer.json"))
        model.load_hugging_face_tensors(load_file(args.resume / "model.safetensors"))
        parts = json.loads((args.resume / "training.json").read_text())
    else:
        tokenizer = corpus.train_tokenizer(CONFIG["vocab_size"], args.seed, 20000)
    size = sum(p.numel() for p in model.parameters())
    print(f"{size / 1e6:.2f} M parameters, {tokenizer.get_vocab_size()} tokens", flush=True)
    parts.append(train(args, model, tokenizer))
    export(model, tokenizer, args.out)
    (args.out / "training.json").write_text(json.dumps(parts, indent=2) + "\n")
    samples = check(model, args.out)
    write_card(args.out, CONFIG, size, parts, samples)
    for s in samples:
        print(("sampled" if s["sampled"] else "greedy"), "ended" if s["ended"] else "NOT ENDED", "|", s["text"], "\n",
              flush=True)


if __name__ == "__main__":
    main()
