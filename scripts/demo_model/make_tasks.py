"""Writes evaluation tasks: DIR/<task>.jsonl and DIR/baselines.json. Standard library only.

    python make_tasks.py --seed 7 -o DIR [-n 100]

A line is {"id", "task", "length", "messages", "answer"}: greedy decoding of the assistant's next message must equal the
answer. `length` is the prompt's size class in tokens (0: as short as it comes). All is said in phrases_eval.py's words.
"""

import argparse
import json
import pathlib
import random

import baselines
import longtasks
import phrases_eval
import tasks

DEFAULT_SEED = 20260


def item_of(task, length, seed, index):
    """Item number `index` of a task: the same on every machine."""
    rng = random.Random(f"{seed}/{task}/{length}/{index}")
    opening = rng.choice(phrases_eval.OPEN)
    if length:
        item = longtasks.make(task, rng, phrases_eval, length, questions=1)
    else:
        item = tasks.make(task, rng, phrases_eval, questions=1)
    turns = item.turns(opening)
    messages = []
    for user, answer, *_ in turns:
        messages += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
    text, _, first = turns[0][0].rpartition("\n")
    asked = turns[-1][0].rpartition("\n")[2] + (" " + first if turns[1:] else "")
    return ({"id": f"{task}-{length}-{index}", "task": task, "length": length, "messages": messages[:-1],
             "answer": turns[-1][1]},
            {"task": task, "kind": item.kind, "text": text or first, "question": asked, "answer": turns[-1][1]})


def all_items(seed, n, long_n=None, full=4096):
    """Above `full` tokens there are fewer items, so that a length has no more text than that one."""
    for task in tasks.SHORT:
        yield from (item_of(task, 0, seed, i) for i in range(n))
    count = max(2, n // 5) if long_n is None else long_n
    for task in longtasks.LONG:
        for length in longtasks.lengths_of(task):
            yield from (item_of(task, length, seed, i) for i in range(max(1, min(count, count * full // length))))


def write(folder, seed, n, long_n=None, full=4096):
    """The files, and the baselines of a larger draw of the same kind, because chance alone moves small ones."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = {}
    for line, _ in all_items(seed, n, long_n, full):
        lines.setdefault(line["task"], []).append(json.dumps(line))
    for task, rows in lines.items():
        (folder / f"{task}.jsonl").write_text("\n".join(rows) + "\n")
    facts = [fact for _, fact in all_items(seed, max(n, 300), max(long_n or 0, 30))]
    report = {task: {k: round(v, 3) for k, v in row.items()} for task, row in baselines.report(facts).items()}
    (folder / "baselines.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, default=DEFAULT_SEED)
    p.add_argument("-n", type=int, default=100, help="items of a short task")
    p.add_argument("--long-n", type=int, help="items per length of a long task (default: a fifth of n, at least 2)")
    p.add_argument("-o", "--out", type=pathlib.Path, required=True)
    args = p.parse_args()
    for task, row in write(args.out, args.seed, args.n, args.long_n).items():
        print(f"{task:9} " + "  ".join(f"{k} {v:.0%}" if k != "n" else f"{v:4}" for k, v in row.items()))


if __name__ == "__main__":
    main()
