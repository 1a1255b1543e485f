"""Writes the calibration text of `lacuna compress --calibration demo`: models/calibration/demo.jsonl.

    python natural.py -o WORK && python make_calibration.py --natural WORK [-o FILE]

A line is {"text"} or {"messages"}: prose, stories and conversations like those of the demo model's training, in its
words. None of it is in models/demo/eval: the prose is of paragraphs that are held out of training and that eval/text.txt
does not take (its licences: models/calibration/NOTICE), the stories and conversations have names of their own in the
generator, and share no phrase with the evaluation's tasks. Standard library only.
"""

import argparse
import json
import pathlib
import random

import data
import lessons
import natural
import phrases_train
import tasks

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "models" / "calibration" / "demo.jsonl"
SEED = "calibration"
PROSE, STORIES, TALKS, LONG = 30_000, 20_000, 70_000, 30_000  # bytes of each
KINDS = [k for k in data.SHARES["all"] if k not in ("prose", "story", "drill", "talk")]


def messages(turns):
    return {"messages": [m for user, answer, *_ in turns
                         for m in ({"role": "user", "content": user}, {"role": "assistant", "content": answer})]}


def fill(size, make):
    """Lines of make(rng) until they have `size` bytes."""
    out, i = [], 0
    while sum(map(len, out)) < size:
        out.append(json.dumps(make(i)))
        i += 1
    return out


def talk(i):
    rng = random.Random(f"{SEED}/talk/{i}")
    turns = lessons.lesson(KINDS[i % len(KINDS)], rng, phrases_train, rng.choice(phrases_train.OPEN))
    return messages(turns + ([data.talk(rng)] if i % 4 == 0 else []))


def long_talk(i):
    rng = random.Random(f"{SEED}/long/{i}")
    return messages(lessons.long_lesson(rng, phrases_train, rng.choice(phrases_train.OPEN), (512, 1024)[i % 2]))


def story(i):
    rng = random.Random(f"{SEED}/story/{i}")
    hero, text = data.story_of(rng)
    return {"text": text} if i % 2 else messages([(tasks.question(rng, phrases_train, "story", p=hero), text)])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--natural", type=pathlib.Path, required=True, metavar="DIR", help="what natural.py wrote")
    p.add_argument("-o", "--out", type=pathlib.Path, default=FILE)
    args = p.parse_args()
    lines = [json.dumps({"text": page}) for page in natural.calibration(args.natural, PROSE)]
    lines += fill(STORIES, story) + fill(TALKS, talk) + fill(LONG, long_talk)
    random.Random(SEED).shuffle(lines)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(lines) + "\n")
    print(f"{args.out}: {len(lines)} lines, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
