"""Makes the demo model from nothing, in one command: corpus, tokenizer, training, export, evaluation, model card.

    python train.py -o DIR --hours 12                 # from nothing
    python train.py -o DIR --resume DIR --hours 6     # goes on from an exported directory alone

Ctrl-C (or SIGTERM) stops and exports. An export is written every --export-minutes, so that little is lost. Training is
cut by time, which the learning rate follows; the curriculum follows the tokens of all runs. A resumed run has fresh
moments, a short warm-up and other documents.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import time
from typing import NamedTuple

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

import data
import evaluate
import export
import induction
import loss
import muon
import natural
import second
from model import Llama

CONFIG = dict(vocab_size=8192, hidden_size=384, num_hidden_layers=6, num_attention_heads=8, num_key_value_heads=2,
              head_dim=64, intermediate_size=640, max_position_embeddings=data.LONGEST, rope_theta=10000.0, rms_norm_eps=1e-5)
TINY = dict(CONFIG, vocab_size=1024, hidden_size=288, num_hidden_layers=2, intermediate_size=128)


class Part(NamedTuple):
    start: float       # millions of tokens, over all runs
    batch: int         # tokens
    lengths: tuple     # of long documents
    long_share: float  # their share of the tokens
    simple: float      # of lessons
    shares: str        # a table of data.SHARES
    rest: float        # times the weight of what is no answer


# At first the answers that copy, then those that need two looks; only then is language worth its weight.
CURRICULUM = (Part(0, 1280, (256,), 0.1, 0.8, "copy", 1), Part(2, 2560, (256,), 0.1, 0.8, "bind", 0.3),
              Part(4, 2560, (256, 512), 0.2, 0.8, "bind", 0.3), Part(17, 2560, (256, 512), 0.25, 0.55, "bind", 0.4),
              Part(21.5, 2560, (256, 512), 0.35, 0.5, "bind", 0.4), Part(25, 3072, (256, 512, 1024), 0.4, 0.4, "bind", 0.4),
              Part(29.5, 3072, (256, 512, 1024), 0.35, 0.4, "steps", 0.4),
              Part(37, 4096, (256, 512, 1024, 2048), 0.45, 0.3, "steps", 0.5),
              Part(39.5, 2560, (256, 512), 0.15, 0.8, "scenes", 0.3),
              Part(44, 3840, (256, 512, 1024), 0.4, 0.5, "own", 0.4),
              Part(50, 4096, (256, 512, 1024, 2048), 0.4, 0.4, "own", 0.4),
              Part(57, 4608, (256, 512, 1024, 2048, 4096), 0.45, 0.3, "own", 0.4),
              Part(66, 4608, (256, 512, 1024, 2048, 4096), 0.45, 0.2, "all", 1))


def part_at(tokens):
    return max(part for part in CURRICULUM if tokens >= 1e6 * part.start)


def optimizers_of(model):
    """Muon for the layers' matrices, which needs fewer tokens than AdamW; AdamW for the rest."""
    circuit = {id(p) for p in induction.held(model)}
    matrices = [p for p in model.layers.parameters() if p.dim() == 2]
    inside = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in inside]
    return [muon.Muon([{"params": [p for p in matrices if id(p) not in circuit]},
                       {"params": induction.held(model), "lr": 0.01 * induction.RATE}], lr=0.01),
            torch.optim.AdamW([{"params": [p for p in rest if p.dim() == 2], "lr": 3e-3},
                               {"params": [p for p in rest if p.dim() == 1], "lr": 2e-3}],
                              betas=(0.9, 0.95), weight_decay=0.01)]


def rate(step, done, warmup):
    """Linear warm-up, then constant, and down to 5 % over the last third of the time."""
    return min(1.0, (step + 1) / warmup) * max(0.05, min(1.0, (1 - done) / 0.33))


class Stop(Exception):
    pass


def stop(*_):
    raise Stop


def clock(seconds):
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02}:{int(seconds % 60):02}"


def train(args, model, tokenizer, pages, log, save):
    documents = data.Documents(tokenizer, f"train/{args.seed}/{len(log)}", pages)
    optimizers = optimizers_of(model)
    peaks = [[group["lr"] for group in o.param_groups] for o in optimizers]
    part = {"seed": args.seed, "threads": args.threads + args.second, "device": args.device,
            "batch_tokens": args.batch_tokens, "steps": 0, "tokens": 0, "seconds": 0.0, "cpu_seconds": 0.0, "curve": []}
    before = sum(p["tokens"] for p in log)
    log.append(part)
    start = saved = last = time.time()
    spent, mean, mean_answer, warmup = 0.0, None, None, 30 if len(log) == 1 else 20
    model.train()
    size = lambda at: int((args.batch_tokens or at.batch) * (0.6 if args.second else 1))
    other = second.Second(model, before, tokenizer, f"train/{args.seed}/{len(log)}/second", pages, part_at, size) \
        if args.second else None
    try:
        while True:
            done = max(spent / (3600 * args.hours),
                       (time.time() - start) / (args.until - start) if args.until else 0)
            if done >= 1 or part["steps"] == args.steps:
                break
            at = part_at(before + part["tokens"])
            row = documents.take(size(at), at)
            value, answers = loss.loss_of(model, row, args.device)
            value.backward()
            part["tokens"] += len(row.ids) + (other.add(before + part["tokens"]) if other else 0)
            if before + part["tokens"] < induction.HELD:
                for p in induction.held(model):
                    p.grad = None
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, lrs in zip(optimizers, peaks):
                for group, lr in zip(optimizer.param_groups, lrs):
                    group["lr"] = lr * rate(part["steps"], done, warmup)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            induction.centre(model)
            mean = value.item() if mean is None else 0.95 * mean + 0.05 * value.item()
            mean_answer = answers if mean_answer is None else 0.95 * mean_answer + 0.05 * answers
            part["steps"] += 1
            now = time.time()
            spent += min(now - last, 120)  # longer than any step: the process was frozen
            last = now
            on_cores = time.process_time() + (other.cpu_seconds() if other else 0)
            part["seconds"], part["cpu_seconds"] = round(spent), round(on_cores)
            part["context"] = at.lengths[-1]
            if part["steps"] % args.report == 0:
                part["curve"].append([part["steps"], part["tokens"], round(spent), at.lengths[-1], round(mean, 4),
                                      round(mean_answer, 4)])
                print(f"step {part['steps']}  {100 * done:.1f} %  context {at.lengths[-1]}  loss {mean:.3f}  "
                      f"answers {mean_answer:.3f}  {part['tokens']} tokens, {part['tokens'] / spent:.0f} a second, "
                      f"{part['tokens'] / on_cores:.0f} a CPU second  {clock(spent)}, "
                      f"{clock((1 - done) * spent / max(1e-6, done))} left", flush=True)
            if time.time() - saved > 60 * args.export_minutes:
                save()
                saved = time.time()
    except Stop:
        print("stopped: exporting what there is", flush=True)
    if other:
        other.close()
    if not part["steps"]:
        log.pop()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-o", "--out", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, help="where the corpus lies or is put (default: OUT with .work)")
    p.add_argument("--resume", type=pathlib.Path, metavar="DIR")
    p.add_argument("--hours", type=float, default=12)
    p.add_argument("--until", metavar="HH:MM", help="end at this time today, if --hours are not over before")
    p.add_argument("--steps", type=int, default=-1, help="stop after so many even if there is time left; 0: measure only")
    p.add_argument("--batch-tokens", type=int, help="default: by the curriculum")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--report", type=int, default=10, metavar="STEPS")
    p.add_argument("--export-minutes", type=float, default=20)
    p.add_argument("--eval-limit", type=int, default=40, help="items per task and length after the training; 0: none")
    p.add_argument("-t", "--threads", type=int, default=1)
    p.add_argument("--second", action="store_true", help="a second process of one thread adds gradients of its own")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--tiny", action="store_true", help="a model of no use, to try the script")
    args = p.parse_args()
    if args.second and args.device != "cpu":
        p.error("--second is for --device cpu")
    work = args.work or args.out.with_name(args.out.name + ".work")
    if args.until:
        now, (hour, minute) = time.localtime(), map(int, args.until.split(":"))
        args.until = time.mktime((*now[:3], hour, minute, 0, *now[6:]))
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)

    if not (work / "manifest.json").exists():
        natural.gather(work)
    manifest = json.loads((work / "manifest.json").read_text())
    if args.resume and not (args.out / "eval").exists() and (args.resume / "eval").exists():
        shutil.copytree(args.resume / "eval", args.out / "eval")
    export.evaluation_files(args.out, work)
    pages = natural.pages(work, held_out=False, but_for=(args.out / "eval" / "text.txt").read_text())
    config = TINY if args.tiny else CONFIG
    model, log = Llama(config), []
    if args.resume:
        tokenizer = Tokenizer.from_file(str(args.resume / "tokenizer.json"))
        model.load_hugging_face_tensors(load_file(args.resume / "model.safetensors"))
        log = json.loads((args.resume / "training.json").read_text())
    else:
        induction.wire(model)
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
    if args.eval_limit:
        quality = evaluate.evaluate(args.out, pages, args.device, args.eval_limit)
        save(quality)
        evaluate.show(quality)


if __name__ == "__main__":
    main()
