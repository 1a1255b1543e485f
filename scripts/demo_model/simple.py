"""The first lessons: what lessons.py asks, with few facts, in few phrasings, and with nothing that leads astray.

Who has a thing is learnt from "Mia took the lamp. Who has the lamp?" long before it is from a page of people who wished
for lamps; until then the page teaches only to name one of the people. simple(kind, rng, phrases) gives turns, as
lessons.lesson does. Standard library only.
"""

import itertools

import lessons
import lexicon as lex
import longtasks
import tasks
from longtasks import told_to
from notes import DEEP, Way, noted, way_of
from tasks import question, sentence, turns as turns_of

KINDS = ("scene", "many", "order", "taste", "define", "sum", "rank", "copy", "reverse", "sort", "long")


class Few:
    """A few phrasings of each kind: the most usual, or any."""

    def __init__(self, phrases, rng, told, asked):
        any_of = rng.random() < 0.6
        few = lambda all_of, n: rng.sample(all_of, min(n, len(all_of))) if any_of else all_of[:n]
        self.TOLD = {k: few(v, told) for k, v in phrases.TOLD.items()}
        self.ASKED = {k: few(v, asked) for k, v in phrases.ASKED.items()}


def scene(rng, phrases):
    s = tasks.Scene(rng, phrases, rng.randrange(2, 5), rng.randrange(1, 5), 4)
    if rng.random() < 0.2:
        s.talk()
    for p in rng.sample(s.people, len(s.people)):
        s.go(p, rng.choice(s.places))
    for t in s.things:
        s.take(rng.choice(s.people), t)
    for t in s.things:
        if rng.random() < 0.15:
            s.drop(t)
    for p in s.people:
        if rng.random() < 0.3:
            s.go(p, rng.choice([x for x in s.places if x != s.at[p]]))
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        s.step()
    return turns_of("", s.told, lessons.scene_questions(rng, phrases, s))


def many(rng, phrases):
    people, things = rng.sample(lex.NAMES, rng.randrange(1, 3)), rng.sample(lex.THINGS, 8)
    mine = [(p, things.pop()) for p in people for _ in range(rng.randrange(1, 4))]
    rng.shuffle(mine)
    told = longtasks.counted([(p, sentence(rng, phrases, "take", p=p, t=t)) for p, t in mine])
    last = {p: text for (p, _), text in zip(mine, told)}
    asked = [(question(rng, phrases, "many", p=p), str(sum(q == p for q, _ in mine)), way_of(p, last[p]))
             for p in people]
    asked += [(question(rng, phrases, "who", t=t), p) for p, t in mine]
    rng.shuffle(asked)
    return turns_of("", told, asked)


def order(rng, phrases):
    people, (goal, other) = rng.sample(lex.NAMES, rng.randrange(2, 5)), rng.sample(lex.PLACES, 2)
    went = [(p, goal) for p in people]
    if rng.random() < 0.3:
        went.insert(rng.randrange(len(went)), (rng.choice(lex.NAMES), other))
    told = tasks.arrivals(went, [sentence(rng, phrases, "go", p=p, x=x) for p, x in went])
    of = {p: text for (p, x), text in zip(went, told) if x == goal}
    asked = [(question(rng, phrases, "order", n=n, x=goal), p, Way((), of[p], "", -1))
             for n, p in enumerate(people, 1)]
    rng.shuffle(asked)
    return turns_of("", told, asked)


def taste(rng, phrases):
    people = rng.sample(lex.NAMES, rng.randrange(1, 5))
    keys = rng.choice((("like",), ("hate",), ("like", "hate"), ("like", "hate"), ("like", "cook"), ("hate", "dream")))
    foods = iter(rng.sample(lex.FOODS, 2 * len(people)))
    facts = [(p, key, next(foods)) for p in people for key in keys]
    rng.shuffle(facts)
    told = [lessons.food_told(rng, phrases, key, p, f) for p, key, f in facts]
    text = {(p, key): t for (p, key, _), t in zip(facts, told)}
    asked = []
    for key in rng.sample(("like", "hate"), 2):
        of = [(p, f) for p, k, f in rng.sample(facts, len(facts)) if k == key]
        follow = rng.random() < 0.3
        ask = lambda i, p: question(rng, phrases, "follow" if follow and i else key + "s", p=p)
        asked += [(ask(i, p), f, Way((), text[p, key], "", -1)) for i, (p, f) in enumerate(of)]
    return turns_of("", told, asked)


def define(rng, phrases):
    n = rng.randrange(1, 4)
    words, things = rng.sample(lex.WORDS, 2 * n), rng.sample(lex.THINGS, n)
    told = [sentence(rng, phrases, "means", w=w, t=t) for w, t in zip(words, things)]
    pairs = list(zip(words, things))
    ways = [way_of(w, s, t) for w, s, t in zip(words, told, things)]
    if rng.random() < 0.7:
        told += [sentence(rng, phrases, "alias", w=w, v=v) for w, v in zip(words[n:], words)]
        pairs += list(zip(words[n:], things, ways))
    rng.shuffle(told)
    rng.shuffle(pairs)
    return turns_of("", told, [(question(rng, phrases, "define", w=w), "a " + t, *v) for w, t, *v in pairs])


def plain(kind, rng, phrases):
    asked = []
    for _ in range(6):
        key = kind
        if kind == "sum":
            key = rng.choice(("plus", "minus"))
            b = rng.randrange(1, 10)
            a = rng.randrange(b, 10 if rng.random() < 0.5 else 30)
            slots, answer = dict(a=a, b=b), a + b if key == "plus" else a - b
        elif kind == "rank":
            rows = rng.sample(range(100), rng.randrange(2, 4))
            slots, answer = dict(l=" ".join(map(str, rows))), " ".join(map(str, sorted(rows)))
        else:
            rows = rng.sample(lex.THINGS + lex.PLACES + lex.FOODS, rng.randrange(2, 5))
            done = {"copy": rows, "reverse": rows[::-1], "sort": sorted(rows)}[kind]
            slots, answer = dict(l=" ".join(rows)), " ".join(done)
        asked.append((question(rng, phrases, key, **slots), str(answer)))
    return turns_of("", [], asked)


def needle(rng, phrases, n):
    """Pairs of people who have nothing to do with each other, pairs both ways, which teach who told and who heard, or
    pairs of a few, for which both names must be right."""
    kind = rng.random()
    if kind < 0.2:
        names = rng.sample(lex.NAMES, 2 * n)
        pairs = list(zip(names[:n], names[n:]))
    elif kind < 0.6:
        n = (n + 1) // 2
        names = rng.sample(lex.NAMES, 2 * n)
        pairs = list(zip(names[:n], names[n:]))
        pairs += [(q, p) for p, q in pairs]
    else:
        names = rng.sample(lex.NAMES, next(k for k in itertools.count(3) if k * (k - 1) > n))
        pairs = rng.sample(list(itertools.permutations(names, 2)), n)
    told = dict(zip(pairs, rng.sample(lex.NUMBERS, len(pairs))))
    facts = {(p, q): longtasks.number_told(rng, phrases, p, q, k) for (p, q), k in told.items()}
    asked = [(question(rng, phrases, "needle", p=p, q=q), k, told_to(p, q, facts)) for (p, q), k in told.items()]
    for p in sorted({p for p, _ in pairs}):
        to = [q for q in names if (p, q) in told]
        for _ in range(2 if len(to) > 1 else 0):
            some = rng.sample(to, min(len(to), rng.randrange(2, 4)))
            asked.append(longtasks.numbers_asked(rng, phrases, p, some, told, facts))
    return list(facts.values()), asked


def locker(rng, phrases, n):
    keys = ["-".join(rng.sample(lex.DIGITS, 3)) for _ in range(n)]
    if rng.random() < 0.3:
        keys = list(itertools.chain(*(map("-".join, itertools.permutations(k.split("-"))) for k in keys)))
        keys = rng.sample(keys, n)
    of = {k: longtasks.in_locker(rng, phrases, k, t) for k, t in zip(keys, rng.sample(lex.THINGS, n))}
    return ([text for text, *_ in of.values()],
            [(question(rng, phrases, "locker", k=k), *answer) for k, (_, *answer) in of.items()])


def track(rng, phrases, n):
    """The first have numbers, the others take over what some before them had."""
    names, numbers = rng.sample(lex.NAMES, 2 * n), rng.sample(lex.NUMBERS, n)
    told, of = [], {}
    for i, p in enumerate(names):
        if i < n:
            of[p] = numbers[i]
            told.append(sentence(rng, phrases, "value", p=p, n=of[p]))
        else:
            q = names[rng.randrange(i - n, i)]
            of[p] = of[q]
            told.append(noted(sentence(rng, phrases, "same", p=p, q=q), (of[p][0], DEEP)))
    return told, [(question(rng, phrases, "track", p=p), k) for p, k in of.items()]


def times(rng, phrases, n):
    counts = {p: rng.randrange(1, 5) for p in rng.sample(lex.NAMES, min(n, 4))}
    told = [(p, sentence(rng, phrases, "ring", p=p)) for p, k in counts.items() for _ in range(k)]
    rng.shuffle(told)
    last = dict(told)
    return (longtasks.counted(told),
            [(question(rng, phrases, "times", p=p), str(k), way_of(p, last[p])) for p, k in counts.items()])


def long(rng, phrases, length):
    """Filler lies between the facts, in one of two texts; many facts, each asked for, teach more than much filler."""
    made = rng.choice((needle, needle, needle, locker, locker, locker, track, times))
    told, asked = made(rng, phrases, rng.randrange(2, 4 + min(length, 600) // 30))
    if made in (needle, locker):
        rng.shuffle(told)
    rng.shuffle(asked)
    if rng.random() < 0.5:
        rest = length - sum(longtasks.size(s) for s in told) - sum(longtasks.size(q + a) for q, a, *_ in asked)
        told = longtasks.mix(rng, told, longtasks.filler(rng, phrases, rest, rng.sample(lex.NAMES, 4)))
    return turns_of("", told, asked)


def simple(kind, rng, phrases, length):
    few = Few(phrases, rng, rng.randrange(1, 13), rng.randrange(1, 5))
    if kind == "long":
        return long(rng, few, rng.randrange(0, length))
    made = {"scene": scene, "many": many, "order": order, "taste": taste, "define": define}.get(kind)
    return made(rng, few) if made else plain(kind, rng, few)
