"""What training asks about: the tasks of evaluation and easier ones, with as many questions a text as it can answer.

lesson(kind, rng, phrases) gives turns of (user, assistant). An answer is a few tokens and its text hundreds, so every
text is asked about in all ways, scenes stop in between to be asked about, and sizes go from trivial to evaluation's.
What stands behind an answer is the way there (notes.py).
Standard library only.
"""

import lexicon as lex
import longtasks
import tasks
from notes import STEP, Way, noted, way_of
from tasks import question, sentence, so_many, turns as turns_of


def scene(rng, phrases, opening):
    people, things = rng.randrange(2, 6), rng.randrange(1, 5)
    s = tasks.Scene(rng, phrases, people, things, rng.randrange(3, 8))
    if rng.random() < 0.7:
        s.talk()
    for p in s.people:
        s.go(p, rng.choice(s.places))
    for t in s.things:
        s.take(rng.choice(s.people), t)
    parts = rng.choice((1, 1, 1, 2, 3))
    turns = []
    for part in range(parts):
        for _ in range(rng.randrange(0 if part == 0 else 2, 4 + 4 // parts)):
            s.step()
        if rng.random() < 0.6:
            s.end()
        asked = scene_questions(rng, phrases, s, 2)
        turns += turns_of(opening if part == 0 else "", s.told, asked if part == parts - 1 else asked[:3])
        s.told = []
    return turns


def scene_questions(rng, phrases, s, most=9):
    """All that the scene can be asked, and where some of its people are."""
    out = [(key, *fact) for key in ("who", "where", "what") for fact in s.facts(key)]
    out = [(question(rng, phrases, key, **slots), *answer) for key, slots, *answer in out]
    some = rng.sample(s.facts("at"), min(most, len(s.people)))
    out += [(question(rng, phrases, "at", **slots), *answer) for slots, *answer in some]
    rng.shuffle(out)
    return out


def many(rng, phrases, opening):
    people, things = rng.sample(lex.NAMES, rng.randrange(1, 3)), rng.sample(lex.THINGS, 30)
    mine, turns, told, last = {p: [] for p in people}, [], [], {}
    parts = rng.randrange(1, 4)
    for part in range(parts):
        for _ in range(rng.randrange(1, 12 // parts)):
            p = rng.choice(people)
            kind = rng.random()
            if kind < 0.6 and len(mine[p]) < 6:
                mine[p].append(things.pop())
                told.append(so_many(sentence(rng, phrases, "take", p=p, t=mine[p][-1]), p, len(mine[p])))
                last[p] = told[-1]
            elif kind < 0.8 and len(mine[p]) > 1:
                gone = mine[p].pop(rng.randrange(len(mine[p])))
                told.append(so_many(sentence(rng, phrases, "drop", p=p, t=gone), p, len(mine[p])))
                last[p] = told[-1]
            elif kind > 0.85:
                told.append(sentence(rng, phrases, "look", p=p, t=rng.choice(things)))
        asked = [(question(rng, phrases, "many", p=p), str(len(mine[p])), way_of(p, last[p]))
                 for p in people if mine[p]]
        held = [(t, p) for p in people for t in mine[p]]
        asked += [(question(rng, phrases, "who", t=t), p) for t, p in rng.sample(held, min(2, len(held)))]
        if asked and told:
            rng.shuffle(asked)
            turns += turns_of(opening if not turns else "", told, asked)
            told = []
    return turns or many(rng, phrases, opening)


def food_told(rng, phrases, key, p, f):
    return noted(sentence(rng, phrases, key, p=p, f=f), (" " + f, STEP))


def taste(rng, phrases, opening):
    people = rng.sample(lex.NAMES, rng.randrange(1, 5))
    foods = iter(rng.sample(lex.FOODS, len(lex.FOODS)))
    facts = {(p, key): next(foods) for p in people for key in ("like", "hate", "cook", "dream")}
    of = {(p, key): food_told(rng, phrases, key, p, f) for (p, key), f in facts.items()}
    told = list(of.values())
    told += [sentence(rng, phrases, key, p=p, f=f) for p, f in zip(people, foods) for key in ("cook", "dream")]
    rng.shuffle(told)
    asked, keys = [], ["like", "hate"]
    rng.shuffle(keys)
    for key in keys:
        rng.shuffle(people)
        follow = rng.random() < 0.6
        for i, p in enumerate(people):
            ask = question(rng, phrases, "follow" if follow and i else key + "s", p=p)
            asked.append((ask, facts[p, key], Way((), of[p, key], "", -1)))
    return turns_of(opening, told, asked)


def define(rng, phrases, opening):
    n = rng.randrange(1, 4)
    words, things = rng.sample(lex.WORDS, 2 * n), rng.sample(lex.THINGS, n)
    told = [sentence(rng, phrases, "means", w=w, t=t) for w, t in zip(words, things)]
    ways = [way_of(w, s, t) for w, s, t in zip(words, told, things)]
    told += [sentence(rng, phrases, "alias", w=w, v=v) for w, v in zip(words[n:], words)]
    rng.shuffle(told)
    asked = [(question(rng, phrases, "define", w=w), "a " + t, *v)
             for w, t, *v in [*zip(words, things), *zip(words[n:], things, ways)]]
    rng.shuffle(asked)
    return turns_of(opening, told, asked)


def lesson(kind, rng, phrases, opening):
    made = {"scene": scene, "many": many, "taste": taste, "define": define}.get(kind)
    if made:
        return made(rng, phrases, opening)
    return tasks.make(kind, rng, phrases, questions=8).turns(opening)


def long_lesson(rng, phrases, opening, length):
    task = rng.choice([t for t in longtasks.LONG if length in longtasks.lengths_of(t)])
    return longtasks.make(task, rng, phrases, length, questions=12).turns(opening)


def long_scene(rng, phrases, opening, length):
    """After many changes all is asked, so that such a text teaches more than story_qa's one question."""
    s = tasks.Scene(rng, phrases, rng.randrange(3, 6), rng.randrange(2, 5), rng.randrange(4, 7))
    s.play(0)
    long_enough = rng.uniform(0.2, 0.6) * min(length, 800)
    while sum(longtasks.size(t) for t in s.told) < long_enough:
        s.step()
    s.end()
    asked = scene_questions(rng, phrases, s)
    rest = length - sum(map(longtasks.size, [*s.told, *(q + a for q, a, _ in asked)]))
    others = rng.sample([n for n in lex.NAMES if n not in s.people], 4)
    return turns_of(opening, longtasks.mix(rng, s.told, longtasks.filler(rng, phrases, rest, others)), asked)
