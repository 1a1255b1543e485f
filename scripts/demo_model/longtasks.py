"""Tasks of the RULER kind (Hsieh et al., 2024) over the same world: a few facts in a long text of other sentences.

make(task, rng, phrases, length) gives an Item of at most about `length` tokens, most of it filler or other facts of the
same form. Standard library only.
"""

import itertools
import re

import lexicon as lex
from notes import DEEP, EARLY, STEP, Way, noted, way_of
from tasks import Item, holding, question, sentence, so_many

LONG = ("needle", "needles", "locker", "track", "times", "story_qa")
LENGTHS = (256, 512, 1024, 2048, 4096)


def lengths_of(task):
    """A story with people, things and places fills 256 tokens by itself."""
    return LENGTHS[task == "story_qa":]

_PARTS = re.compile(r"\d|[A-Za-z]+|[^\sA-Za-z\d]")
_SPARE = 24  # for the template's own tokens


def size(text):
    """About the number of tokens: words, digits and signs. The rarer words take more than one token."""
    return round(1.1 * len(_PARTS.findall(text)))


def filler(rng, phrases, budget, names):
    """Sentences in which nothing happens that anybody asks for."""
    out = []
    while budget > 0:
        p, q = rng.sample(names, 2)
        slots = {key: rng.choice(values) for key, values in lex.FILL.items()}
        slots.update(p=p, q=q, x=rng.choice(lex.PLACES), t=rng.choice(lex.THINGS))
        out.append(sentence(rng, phrases, "fill", **slots))
        budget -= size(out[-1])
    return out[:-1]


def mix(rng, facts, others):
    """Facts keep their order and lie at random depths."""
    where = sorted(rng.randrange(len(others) + 1) for _ in facts)
    out, k = [], 0
    for i in range(len(others) + 1):
        while k < len(facts) and where[k] == i:
            out.append(facts[k])
            k += 1
        out += others[i:i + 1]
    return out


def _finish(item, rng, phrases, length, names):
    rest = length - _SPARE - sum(size(s) for s in item.told) - sum(size(q + a) for q, a, *_ in item.asked)
    item.told = mix(rng, item.told, filler(rng, phrases, rest, names))
    return item


def number_told(rng, phrases, p, q, n):
    """At its end the reader knows who told it whom."""
    return noted(sentence(rng, phrases, "tell", p=p, q=q, n=n), (n[0], EARLY), (" " + p, STEP), (" " + q, DEEP))


def told_to(p, q, facts, i=0):
    """To number i of an answer, the one that p told q."""
    return Way(((" " + p, STEP), (" " + q, DEEP)), facts[p, q], "", 5 * i)


def in_locker(rng, phrases, k, t):
    """(text, answer, way): the locker's digits and its thing are known where the later of the two ends."""
    text = sentence(rng, phrases, "locker", k=k, t=t)
    digits = tuple(zip(k.split("-"), (EARLY, STEP, DEEP)))
    end_of_k, end_of_t = text.index(k) + len(k) - 1, text.index(" " + t) + len(t)
    if end_of_t > end_of_k:
        text = noted(text, *digits, at=end_of_t)
        return text, "the " + t, Way(digits, text, t)
    text = noted(text, *digits[:2], (" " + t, DEEP), at=end_of_k)
    return text, "the " + t, Way(digits, text, k[-1])


def numbers_asked(rng, phrases, p, to, told, facts):
    listed = ", ".join(to[:-1]) + " and " + to[-1]
    return (question(rng, phrases, "needles", p=p, l=listed), ", ".join(told[p, q] for q in to),
            *(told_to(p, q, facts, i) for i, q in enumerate(to)))


def counted(told):
    """The sentences of (person, sentence); after each the reader knows how many the person has."""
    people = [p for p, _ in told]
    return [so_many(text, p, people[:i + 1].count(p)) for i, (p, text) in enumerate(told)]


def needle(task, rng, phrases, length, questions):
    """Numbers that go from one person to another. The way back and what was never told carry other numbers."""
    people = rng.sample(lex.NAMES, 4)
    pairs = rng.sample(list(itertools.permutations(people, 2)), 8 if length > 300 else 6)
    if task == "needles":
        p = people[0]
        pairs = [(p, q) for q in people[1:]] + [(q, p) for q in people[1:3]]
    else:  # both ways of each asked pair are there
        pairs = list(dict.fromkeys(pairs[:3] + [(q, p) for p, q in pairs[:3]]))
    numbers = iter(rng.sample(lex.NUMBERS, 40))
    told = {pair: next(numbers) for pair in pairs}
    told_whom = {(p, q): number_told(rng, phrases, p, q, n) for (p, q), n in told.items()}
    facts = list(told_whom.values())
    if task == "needle":
        facts += [sentence(rng, phrases, "kept", p=p, q=q, n=next(numbers)) for p, q in pairs]
    rng.shuffle(facts)
    if task == "needles":
        to = rng.sample(people[1:], rng.randrange(2, 4))
        asked = [numbers_asked(rng, phrases, p, to, told, told_whom)]
    else:
        asked = [(question(rng, phrases, "needle", p=p, q=q), told[p, q], told_to(p, q, told_whom))
                 for p, q in rng.sample(pairs, min(questions, len(pairs)))]
    return _finish(Item(task, "number", facts, asked), rng, phrases, length, people)


def locker(rng, phrases, length, questions):
    """Key and value: a locker's digits, in another order, are another locker."""
    count = max(5, min(len(lex.THINGS), (length - 4 * _SPARE) // 16))
    keys = []
    while len(keys) < count:
        same = list(itertools.permutations(rng.sample(lex.DIGITS, 3)))
        if "-".join(sorted(same[0])) not in {"-".join(sorted(k.split("-"))) for k in keys}:
            keys += ["-".join(k) for k in rng.sample(same, 5)]
    pairs = list(zip(keys[:count], rng.sample(lex.THINGS, count)))
    asked = rng.sample(pairs[:count // 5 * 5], min(questions, count))
    asked = [(question(rng, phrases, "locker", k=k), k) for k, _ in asked]
    rng.shuffle(pairs)
    of = {k: in_locker(rng, phrases, k, t) for k, t in pairs}
    told, asked = [text for text, *_ in of.values()], [(q, *of[k][1:]) for q, k in asked]
    return _finish(Item("locker", "thing", told, asked), rng, phrases, length, rng.sample(lex.NAMES, 4))


def track(rng, phrases, length, questions):
    """Three chains of people who take over each other's number."""
    names, numbers = iter(rng.sample(lex.NAMES, 20)), rng.sample(lex.NUMBERS, 3)
    chains, asked = [], []
    for n in numbers:
        people = [next(names) for _ in range(rng.randrange(3, 5))]
        chains.append([sentence(rng, phrases, "value", p=people[0], n=n)] +
                      [noted(sentence(rng, phrases, "same", p=p, q=q), (n[0], DEEP))
                       for q, p in zip(people, people[1:])])
        asked += [(question(rng, phrases, "track", p=p), n) for p in people[1:]]
    told = []
    while any(chains):
        told.append(rng.choice([c for c in chains if c]).pop(0))
    rng.shuffle(asked)
    return _finish(Item("track", "number", told, asked[:questions]), rng, phrases, length, list(names))


def times(rng, phrases, length, questions):
    people = rng.sample(lex.NAMES, 2)
    counts = [rng.randrange(1, 9) if length > 300 else rng.randrange(1, 6) for _ in people]
    told = [(p, sentence(rng, phrases, "ring", p=p)) for p, n in zip(people, counts) for _ in range(n)]
    rng.shuffle(told)
    last = dict(told)
    asked = [(question(rng, phrases, "times", p=p), str(n), way_of(p, last[p])) for p, n in zip(people, counts)]
    return _finish(Item("times", "count", counted(told), asked[:questions]), rng, phrases, length,
                   people + rng.sample(lex.NAMES, 3))


def story_qa(rng, phrases, length, questions):
    """who, where or what, asked at the end of a long story."""
    task = rng.choice(("who", "where", "what"))
    steps = 2
    item = holding(task, rng, phrases, questions, steps)
    while sum(size(s) for s in item.told) < min(0.5 * length, 400):
        steps += 4
        item = holding(task, rng, phrases, questions, steps)
    names = [n for n in rng.sample(lex.NAMES, 40) if not any(n in s for s in item.told)]
    item.task = "story_qa"
    return _finish(item, rng, phrases, length, names)


def make(task, rng, phrases, length, questions=4):
    if task in ("needle", "needles"):
        return needle(task, rng, phrases, length, questions)
    made = {"locker": locker, "track": track, "times": times, "story_qa": story_qa}[task]
    return made(rng, phrases, length, questions)
