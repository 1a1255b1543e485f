"""What needs no model: the most frequent answer, the last candidate named, the sentence that shares the most words.

A task on which one of these is right more often than 40 % measures nothing; check.py fails on it.
"""

import collections
import re

import lexicon as lex

STOP = set("""a an the is was are of to in on at do does did have has had it what which who where how many much and for
with by me tell that this now end be can name say i my""".split())
_WORDS = re.compile(r"[a-z]+|\d+")


def words(text):
    return _WORDS.findall(text.lower())


def candidates(item):
    """The words that may be an answer, as the task writes it."""
    kind = item["kind"]
    if kind == "other":  # sums and lists: any word of the prompt
        return sorted(set(words(item["text"])))
    return [c.lower() for c in lex.ANSWERS[kind]]


def bare(answer):
    return re.sub(r"^(the|a) ", "", answer.lower())


def last_mention(item):
    options, asked = set(candidates(item)), set(words(item["question"]))
    found = [w for w in words(item["text"]) if w in options]
    other = [w for w in found if w not in asked or item["kind"] == "other"]
    return other[-1] if other else ""


def bag_of_words(item, last=True):
    """Of the sentences with a candidate, one that shares the most words with the question: the last or the first."""
    options, asked = set(candidates(item)), set(words(item["question"])) - STOP
    best, answer = -1, ""
    for part in re.split(r"(?<=[.!?:])\s", item["text"]):
        found = [w for w in words(part) if w in options and w not in asked]
        share = len(asked & set(words(part)))
        if found and (share > best or last and share == best):
            best, answer = share, found[-1 if last else 0]
    return answer


def report(items):
    """task -> {baseline: share right}; items have task, kind, text, question and answer."""
    by_task = collections.defaultdict(list)
    for item in items:
        by_task[item["task"]].append(item)
    out = {}
    for task, group in by_task.items():
        answers = [bare(i["answer"]) for i in group]
        share = lambda guesses: sum(g == a for g, a in zip(guesses, answers)) / len(group)
        majority = collections.Counter(answers).most_common(1)[0][1] / len(group)
        out[task] = {"n": len(group), "majority": majority,
                     "last_mention": share([last_mention(i) for i in group]),
                     "bag_of_words": max(share([bag_of_words(i, last) for i in group]) for last in (True, False))}
    return out
