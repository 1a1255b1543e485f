"""Texts of a few sentences with questions about them: who, where, what, how many, in which order; lists and sums.

make(task, rng, phrases) gives an Item: what is told, then (question, answer) pairs. What is asked needs more than one
sentence, or the roles in it: whoever only matches words is wrong most of the time (baselines.py measures that).
Standard library only.
"""

from dataclasses import dataclass, field

import lexicon as lex
from notes import DEEP, EARLY, STEP, Way, joined, noted, way_of


def turns(opening, told, asked):
    """The text belongs to the first question. What stands behind an answer stays there."""
    text = joined(opening, joined(*told), "\n", between="") if told else ""
    return [(joined(text, q, between="") if i == 0 else q, *a) for i, (q, *a) in enumerate(asked)]


@dataclass
class Item:
    task: str
    kind: str                      # a key of lexicon.ANSWERS
    told: list = field(default_factory=list)
    asked: list = field(default_factory=list)  # (question, answer, ways to it)

    def turns(self, opening=""):
        return turns(opening, self.told, self.asked)


class Scene:
    """People, places and things; what happened is both told and kept in at, has and lies."""

    def __init__(self, rng, phrases, people=4, things=4, places=4):
        self.rng, self.phrases = rng, phrases
        self.people, self.things = rng.sample(lex.NAMES, people), rng.sample(lex.THINGS, things)
        self.places = rng.sample(lex.PLACES, places)
        self.at, self.holder, self.lies, self.told = {}, {}, {}, []
        self.went, self.got, self.left = {}, {}, {}  # the sentences of a person, of a thing, of one that was left

    def tell(self, key, *known, **slots):
        self.told.append(noted(sentence(self.rng, self.phrases, key, **slots), *known))

    def go(self, p, x):
        self.at[p] = x
        self.tell("go", p=p, x=x)
        self.went[p] = self.told[-1]

    def take(self, p, t):
        self.holder[t] = p
        self.lies.pop(t, None)
        self.tell("take", (" " + p, STEP), (" " + t, DEEP), p=p, t=t)
        self.got[t] = self.told[-1]

    def give(self, p, t, q):
        self.holder[t] = q
        self.tell("give", (" " + q, STEP), (" " + t, DEEP), p=p, t=t, q=q)
        self.got[t] = self.told[-1]

    def drop(self, t):
        p = self.holder.pop(t)
        self.lies[t] = self.at[p]
        self.tell("drop", (" " + self.at[p], DEEP), p=p, t=t)
        self.left[t] = self.told[-1]

    def facts(self, key):
        """(slots of the question, answer, way) of all that can be asked."""
        held = self.holder.items()
        if key == "who":
            return [(dict(t=t), p, Way((), self.got[t], "", -1)) for t, p in held]
        if key == "where":
            facts = [(dict(t=t), "the " + self.at[p], way_of(p, self.went[p], self.at[p])) for t, p in held]
            return facts + [(dict(t=t), "the " + x, Way((), self.left[t])) for t, x in self.lies.items()]
        if key == "at":
            return [(dict(p=p), "the " + x, Way((), self.went[p], x)) for p, x in self.at.items()]
        mine = {p: [t for t, q in held if q == p] for p in self.people}
        return [(dict(p=p), "the " + ts[0], Way((), self.got[ts[0]])) for p, ts in mine.items() if len(ts) == 1]

    def others(self, *not_these):
        return self.rng.choice([p for p in self.people if p not in not_these])

    def step(self):
        """Something happens at random."""
        rng, t = self.rng, self.rng.choice(self.things)
        what = rng.random()
        if what < 0.35:
            p = rng.choice(self.people)
            self.go(p, rng.choice([x for x in self.places if x != self.at.get(p)]))
        elif t in self.holder and what < 0.65:
            # They meet first, so that giving is possible.
            p = self.holder[t]
            q = self.others(p)
            if self.at[q] != self.at[p]:
                self.go(q, self.at[p])
            self.give(p, t, q)
        elif t in self.holder and what < 0.75:
            self.drop(t)
        elif t in self.lies and what < 0.8:
            p = rng.choice(self.people)
            if self.at[p] != self.lies[t]:
                self.go(p, self.lies[t])
            self.take(p, t)
        else:
            self.tell("look", p=rng.choice(self.people), t=t)

    def play(self, steps):
        self.talk()
        for p in self.people:
            self.go(p, self.rng.choice(self.places))
        for t in self.things:
            self.take(self.rng.choice(self.people), t)
        for _ in range(steps):
            self.step()

    def end(self):
        """Most people go somewhere else at the end, and there is talk again."""
        for p in self.rng.sample(self.people, len(self.people)):
            if self.rng.random() < 0.8:
                self.go(p, self.rng.choice([x for x in self.places if x != self.at[p]]))
        self.talk()

    def talk(self):
        """Everybody speaks of something, and everything is spoken of; who speaks need not have it."""
        talk = [(self.rng.choice(self.people), t) for t in self.things for _ in range(self.rng.randrange(1, 3))]
        talk += [(p, self.rng.choice(self.things)) for p in self.people]
        for p, t in self.rng.sample(talk, len(talk)):
            self.tell("look", p=p, t=t)


def sentence(rng, phrases, key, **slots):
    text = rng.choice(phrases.TOLD[key]).format(**slots)
    if key in getattr(phrases, "LED", ()) and rng.random() < 0.4:
        text = rng.choice(phrases.LEAD) + text
    return text[0].upper() + text[1:]


def question(rng, phrases, key, **slots):
    text = rng.choice(phrases.ASKED[key]).format(**slots)
    return text[0].upper() + text[1:]


def holding(task, rng, phrases, questions=4, steps=None):
    """who, where, what: things change hands and places."""
    while True:
        scene = Scene(rng, phrases, people=rng.randrange(4, 6), things=rng.randrange(3, 5), places=rng.randrange(5, 7))
        scene.play(rng.randrange(3, 8) if steps is None else steps)
        scene.end()
        pairs = scene.facts(task)
        if pairs:
            break
    rng.shuffle(pairs)
    kind = {"who": "person", "where": "place", "what": "thing"}[task]
    return Item(task, kind, scene.told, [(question(rng, phrases, task, **s), *a) for s, *a in pairs[:questions]])


def so_many(text, p, count):
    """A sentence after which the reader knows how many p has."""
    return noted(text, (" " + p, EARLY), (str(count), DEEP))


def many(rng, phrases, questions=4):
    people = rng.sample(lex.NAMES, 2)
    things = iter(rng.sample(lex.THINGS, 24))
    events, answers = [], []
    for p in people:
        keep, lost = rng.randrange(1, 7), rng.randrange(3)
        mine = [next(things) for _ in range(keep + lost)]
        times = [(rng.random(), "take", p, t) for t in mine]
        times += [(1 + rng.random(), "drop", p, t) for t in mine[:lost]] + [(2 * rng.random(), "look", p, next(things))]
        events += times
        answers.append((p, keep))
    told, held, last = [], dict.fromkeys(people, 0), {}
    for _, key, p, t in sorted(events):
        told.append(sentence(rng, phrases, key, p=p, t=t))
        if key != "look":
            held[p] += 1 if key == "take" else -1
            told[-1] = last[p] = so_many(told[-1], p, held[p])
    rng.shuffle(answers)
    return Item("many", "count", told, [(question(rng, phrases, "many", p=p), str(n), way_of(p, last[p]))
                                        for p, n in answers[:questions]])


def arrivals(went, told):
    """The sentences of `went`, (person, place) each: at its end the reader knows who came, as which one."""
    places = [x for _, x in went]
    return [noted(text, (" " + x, EARLY), (" " + p, STEP), (str(places[:i + 1].count(x)), DEEP))
            for i, ((p, x), text) in enumerate(zip(went, told))]


def order(rng, phrases, questions=4):
    scene = Scene(rng, phrases, people=rng.randrange(5, 8))
    comers = rng.sample(scene.people, rng.randrange(4, len(scene.people) + 1))
    goal, rest = scene.places[0], scene.places[1:]
    went = []

    def go(p, x):
        scene.go(p, x)
        went.append((p, x))

    for p in comers:
        go(p, goal)
        while rng.random() < 0.4:
            go(scene.others(p), rng.choice(rest))
    go(rng.choice(comers), rng.choice(rest))
    asked = rng.sample(list(enumerate(comers, 1)), min(questions, len(comers)))
    told = arrivals(went, scene.told)
    of = {p: text for (p, x), text in reversed(list(zip(went, told))) if x == goal}
    return Item("order", "person", told,
                [(question(rng, phrases, "order", n=n, x=goal), p, Way((), of[p], "", -1)) for n, p in asked])


def taste(task, rng, phrases, questions=4):
    """likes, and the follow-up that names only the next person: the rest of it is in the turn before."""
    people, foods = rng.sample(lex.NAMES, 3), iter(rng.sample(lex.FOODS, 18))
    facts = {(p, key): next(foods) for p in people for key in ("like", "hate", "cook", "dream")}
    told = [sentence(rng, phrases, key, p=p, f=f) for (p, key), f in facts.items()]
    told += [sentence(rng, phrases, key, p=p, f=next(foods)) for p in people for key in ("cook", "dream")]
    rng.shuffle(told)
    key = rng.choice(("like", "hate"))
    asked = [(question(rng, phrases, key + "s", p=people[0]), facts[people[0], key])]
    if task == "follow":
        asked += [(question(rng, phrases, "follow", p=p), facts[p, key]) for p in people[1:]]
    else:
        for p in people[1:]:
            key = rng.choice(("like", "hate"))
            asked.append((question(rng, phrases, key + "s", p=p), facts[p, key]))
    return Item(task, "food", told, asked[:questions if task != "follow" else max(2, questions)])


def define(rng, phrases, questions=4):
    words, things = rng.sample(lex.WORDS, 6), rng.sample(lex.THINGS, 3)
    told = [sentence(rng, phrases, "means", w=w, t=t) for w, t in zip(words[:3], things)]
    told += [sentence(rng, phrases, "alias", w=w, v=v) for w, v in zip(words[3:], words)]
    rng.shuffle(told)
    asked = [(question(rng, phrases, "define", w=w), "a " + t) for w, t in zip(words[3:], things)]
    rng.shuffle(asked)
    return Item("define", "thing", told, asked[:questions])


def plain(task, rng, phrases, questions=4):
    """Sums and lists: nothing is told, everything is in the question."""
    asked = []
    for _ in range(questions):
        key = task
        if task == "sum":
            key = rng.choice(("plus", "minus"))
            a, b = sorted((rng.randrange(1, 100), rng.randrange(1, 100)), reverse=True)
            slots, answer = dict(a=a, b=b), a + b if key == "plus" else a - b
        elif task == "rank":
            rows = rng.sample(range(100), rng.randrange(3, 6))
            slots, answer = dict(l=" ".join(map(str, rows))), " ".join(map(str, sorted(rows)))
        else:
            rows = rng.sample(lex.THINGS + lex.PLACES + lex.FOODS, rng.randrange(3, 7 if task == "sort" else 9))
            done = {"copy": rows, "reverse": rows[::-1], "sort": sorted(rows)}[task]
            slots, answer = dict(l=" ".join(rows)), " ".join(done)
        asked.append((question(rng, phrases, key, **slots), str(answer)))
    return Item(task, "other", [], asked)


SHORT = ("who", "where", "what", "many", "order", "likes", "follow", "define", "sum", "rank", "copy", "reverse", "sort")


def make(task, rng, phrases, questions=4):
    if task in ("who", "where", "what"):
        return holding(task, rng, phrases, questions)
    if task in ("likes", "follow"):
        return taste(task, rng, phrases, questions)
    made = {"many": many, "order": order, "define": define}.get(task)
    return made(rng, phrases, questions) if made else plain(task, rng, phrases, questions)
