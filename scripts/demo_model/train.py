"""Makes the demo model from nothing, in one command: corpus, tokenizer, training, export, evaluation, model card.

    python train.py -o DIR --hours 12                 # from nothing
    python train.py -o DIR --resume DIR --hours 6     # goes on from an exported directory alone

Ctrl-C (or SIGTERM) stops and exports. An export is written every --export-minutes, so that little is lost. Training is
cut by time: the curriculum and the learning rate follow the share that is over. A resumed run has fresh moments and a
short warm-up; it begins at the context that the first ended with, and other documents.
"""

import argparse
import json
import os
import pathlib
import signal
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer

import data
import evaluate
import export
import make_tasks
import natural
from model import Llama

CONFIG = dict(vocab_size=6144, hidden_size=320, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=2,
              head_dim=64, intermediate_size=896, max_position_embeddings=4096, rope_theta=10000.0, rms_norm_eps=1e-5)
TINY = dict(CONFIG, vocab_size=1024, hidden_size=64, num_hidden_layers=2, intermediate_size=128)
# share of the training that is over -> the longest rows by then; every third step has shorter ones
CURRICULUM = ((0.0, 384), (0.3, 512), (0.5, 1024), (0.75, 2048), (0.9, 4096))


def longest(done):
    return max(length for start, length in CURRICULUM if done >= start)


def loss_of(model, ids, weights):
    with torch.autocast(ids.device.type, torch.bfloat16):
        logits = model(ids[:, :-1])
    each = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return (each * weights.flatten()).sum() / weights.sum()


def optimizers_of(model):
    """Muon for the layers' matrices, which needs fewer tokens than AdamW; AdamW for the rest."""
    matrices = [p for p in model.layers.parameters() if p.dim() == 2]
    inside = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in inside]
    return [torch.optim.Muon(matrices, lr=0.01, weight_decay=0.01),
            torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.95), weight_decay=0.01)]


def rate(step, done, warmup):
    """Linear warm-up, then constant, and down to 2 % over the last 40 % of the time."""
    return min(1.0, (step + 1) / warmup) * max(0.02, min(1.0, (1 - done) / 0.4))


class Stop(Exception):
    pass


def stop(*_):
    raise Stop


def clock(seconds):
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02}:{int(seconds % 60):02}"


def train(args, model, tokenizer, pages, log, save):
    rows = data.Rows(tokenizer, f"train/{args.seed}/{len(log)}", pages)
    optimizers = optimizers_of(model)
    peaks = [[group["lr"] for group in o.param_groups] for o in optimizers]
    part = {"seed": args.seed, "threads": args.threads, "device": args.device, "batch_tokens": args.batch_tokens,
            "steps": 0, "tokens": 0, "seconds": 0.0, "curve": []}
    first = log[-1]["context"] if log else 0
    log.append(part)
    saved = last = time.time()
    spent, average, warmup = 0.0, None, 100 if len(log) == 1 else 30
    model.train()
    try:
        while True:
            done = spent / (3600 * args.hours)
            if done >= 1 or part["steps"] == args.steps:
                break
            top = max(longest(done), min(first, CURRICULUM[-1][1]))
            length = top if part["steps"] % 3 else max(384, top // 2)
            ids, weights = rows.take(max(1, args.batch_tokens // length), length)
            loss = loss_of(model, torch.tensor(ids, device=args.device), torch.tensor(weights, device=args.device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, lrs in zip(optimizers, peaks):
                for group, lr in zip(optimizer.param_groups, lrs):
                    group["lr"] = lr * rate(part["steps"], done, warmup)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            average = loss.item() if average is None else 0.9 * average + 0.1 * loss.item()
            part["steps"] += 1
            part["tokens"] += len(ids) * length
            now = time.time()
            spent += min(now - last, 120)  # longer than any step: the process was frozen
            last = now
            part["seconds"], part["context"] = spent, top
            if part["steps"] % args.report == 0:
                part["curve"].append([part["steps"], part["tokens"], round(part["seconds"]), top, round(average, 4)])
                print(f"step {part['steps']}  {100 * done:.1f} %  context {top}  loss {average:.3f}  "
                      f"{part['tokens'] / part['seconds']:.0f} tokens/s  {clock(part['seconds'])}, "
                      f"{clock(max(0, 3600 * args.hours - part['seconds']))} left", flush=True)
            if time.time() - saved > 60 * args.export_minutes:
                save()
                saved = time.time()
    except Stop:
        print("stopped: exporting what there is", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-o", "--out", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, help="where the corpus lies or is put (default: OUT with .work)")
    p.add_argument("--resume", type=pathlib.Path, metavar="DIR")
    p.add_argument("--hours", type=float, default=12)
    p.add_argument("--steps", type=int, default=-1, help="stop after so many even if there is time left")
    p.add_argument("--batch-tokens", type=int, default=4096)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--report", type=int, default=10, metavar="STEPS")
    p.add_argument("--export-minutes", type=float, default=20)
    p.add_argument("--eval-items", type=int, default=40, help="items per short task after the training; 0: none")
    p.add_argument("-t", "--threads", type=int, default=1)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--tiny", action="store_true", help="a model of no use, to try the script")
    args = p.parse_args()
    work = args.work or args.out.with_name(args.out.name + ".work")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)

    if not (work / "manifest.json").exists():
        natural.gather(work)
    manifest = json.loads((work / "manifest.json").read_text())
    pages = natural.pages(work, held_out=False)
    config = TINY if args.tiny else CONFIG
    model, log = Llama(config), []
    if args.resume:
        tokenizer = Tokenizer.from_file(str(args.resume / "tokenizer.json"))
        model.load_hugging_face_tensors(load_file(args.resume / "model.safetensors"))
        log = json.loads((args.resume / "training.json").read_text())
    else:
        tokenizer = data.train_tokenizer(config["vocab_size"], args.seed, pages, count=2000 if args.tiny else 20000)
    model.to(args.device)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} M parameters, {tokenizer.get_vocab_size()} tokens, "
          f"{sum(m['bytes'] for m in manifest) / 1e6:.1f} MB of natural text", flush=True)

    def save(quality=None):
        export.export(model, config, tokenizer, args.out, log, manifest, quality)
        print(f"exported to {args.out}", flush=True)

    train(args, model, tokenizer, pages, log, save)
    save()
    if args.eval_items:
        items = list(make_tasks.all_items(make_tasks.DEFAULT_SEED, args.eval_items))
        quality = evaluate.evaluate(args.out, items, natural.pages(work, held_out=True), args.device, pages)
        save(quality)
        evaluate.show(quality)


if __name__ == "__main__":
    main()
