"""The little template language that the plots are written in. Standard library only.

    [a|b|c]     one of the alternatives (they nest; an empty one is allowed)
    {A}         what the story calls A: a name, or "her mom"
    {A:he}      a form of A: he, him, his, kid, kind ...
    {T}         a thing's noun; {T:a} "a red ball"; {T:full} "red ball"

A sentence's first letter is made a capital one after filling in, so "{A:he} smiled." may stand anywhere.
"""

import random
import re

import world

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_START = re.compile(r"((?:^|[^r][.] |! |[?] |[.]\" )\"?)([a-z])")
_SUBJECT = re.compile(r"(?:\{W\} )?\{([A-D])(?::he)?\} (?!and )")
_FORMS = {"he": ("he", "him", "his", "himself"), "she": ("she", "her", "her", "herself")}


def with_article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


class Entity(dict):
    """What a slot can show: str() is the plain form, keys are the others."""

    def __str__(self):
        return self["name"]


def person(name, pronoun, **forms):
    he, him, his, self_ = _FORMS[pronoun]
    return Entity(name=name, he=he, him=him, his=his, self=self_, **forms)


def thing(noun, adjective=""):
    full = f"{adjective} {noun}".strip()
    return Entity(name=noun, full=full, a=with_article(full), one=with_article(noun), adj=adjective)


class Tale:
    """One story in the making: a random stream, the cast and the sentences so far."""

    def __init__(self, rng):
        self.rng = rng
        self.cast = {}
        self.sentences = []
        self._subject = None  # the slot that the last sentence is about
        self._names = set()

    def pick(self, options):
        return self.rng.choice(list(options))

    def chance(self, p):
        return self.rng.random() < p

    # ---- cast ----

    def name(self, pool):
        while True:
            name = self.pick(pool)
            if name not in self._names:
                self._names.add(name)
                return name

    def made_up_name(self):
        """A rare name, so that a model learns to carry any name it is given through the story."""
        end = self.pick(("", "n", "l", "s", "ra", "x", "k", "m"))
        return "".join(self.rng.sample(world.SYLLABLES, self.pick((1, 2, 2)))).capitalize() + (end or "na")

    def child(self, slot):
        she = self.chance(0.5)
        name = self.made_up_name() if self.chance(0.1) else self.name(world.GIRLS if she else world.BOYS)
        self.cast[slot] = person(name, "she" if she else "he",
                                 kid="girl" if she else "boy", one="a girl" if she else "a boy", human=True)

    def animal(self, slot, kind=None):
        other = [e.get("kind") for e in self.cast.values() if isinstance(e, Entity)]
        kind = kind or self.pick(k for k in world.TALKING_ANIMALS if k not in other)
        looks, home, food, gift = world.TALKING_ANIMALS[kind]
        he = self.pick(("he", "she"))
        self.cast[slot] = person(self.name(world.ANIMAL_NAMES[he]), he, kind=kind, look=with_article(self.pick(looks)),
                                 home=home,
                                 food=food, gift=gift, kid=kind, one=with_article(kind), human=False)

    def hero(self, slot="A", animals=0.25):
        self.animal(slot) if self.chance(animals) else self.child(slot)

    def family(self, slot, of="A"):
        kind = self.pick(("mom", "dad", "grandma", "grandpa", "mom", "dad", "aunt", "uncle"))
        his = self.cast[of]["his"]
        self.cast[slot] = person(f"{his} {kind}", world.FAMILY[kind], human=True, rel=kind)

    def neighbor(self, slot):
        name = self.pick(world.NEIGHBORS)
        self.cast[slot] = person(name, world.NEIGHBORS[name], human=True)

    def thing(self, slot, *tables):
        table = {k: v for t in tables for k, v in t.items()}
        noun = self.pick(table)
        self.cast[slot] = thing(noun, self.pick(table[noun]) if self.chance(0.75) else "")

    def place(self, slot="P", names=tuple(world.PLACES)):
        name = self.pick(names)
        in_, to, spots, fun = world.PLACES[name]
        first, second = self.rng.sample(spots, 2)
        self.cast[slot] = Entity(name=name, at=in_, to=to, spot=first, spot2=second, fun=self.pick(fun))

    def put(self, **slots):
        self.cast.update(slots)

    # ---- text ----

    def expand(self, template):
        """Alternatives chosen and slots filled in, nothing else."""
        while True:
            template, n = _CHOICE.subn(lambda m: self.pick(m.group(1).split("|")), template)
            if not n:
                break

        def slot(match):
            value = self.cast[match.group(1)]
            if match.group(2) == "a" and isinstance(value, str):
                return with_article(value)
            return value[match.group(2)] if match.group(2) else str(value)

        text = _SLOT.sub(slot, template)
        return re.sub(r" +", " ", text).replace(" ,", ",").replace(" .", ".").strip()

    def fill(self, template):
        text = self.expand(template)
        return _START.sub(lambda m: m.group(1) + m.group(2).upper(), text)

    def say(self, *templates, p=1.0):
        """Adds one of the templates, with probability p."""
        if p < 1.0 and not self.chance(p):
            return
        template = self.pick(templates)
        subject = _SUBJECT.match(template)
        subject = subject.group(1) if subject else None
        named = subject and template.startswith("{" + subject + "} ")
        if named and self._pronoun_is_clear(subject) and self.chance(0.5):
            template = f"{{{subject}:he}}" + template[3:]
        self.sentences.append(self.fill(template))
        self._subject = subject

    def _pronoun_is_clear(self, slot):
        """The sentence before has the same subject and names nobody else of the same pronoun."""
        who = self.cast[slot]
        if not self.sentences or self._subject != slot:
            return False
        last = self.sentences[-1]
        return not any(isinstance(e, Entity) and e is not who and e.get("he") == who["he"] and e["name"] in last
                       for e in self.cast.values())

    def text(self):
        """The story. An animal that was never introduced gets its kind where it is first named."""
        text = " ".join(self.sentences)
        for e in self.cast.values():
            if isinstance(e, Entity) and e.get("kind"):
                name, kind = e["name"], e["kind"]
                known = (rf"{name}(,| the| was) (an? )?([a-z]+ )?{kind}|{kind} {name}|{kind}( was)? named {name}|"
                         rf"(I am|name is) {name}")
                if not re.search(known, text):
                    text = re.sub(rf"\b{name}\b", f"{name} the {kind}", text, count=1)
        return text


def make_rng(seed, index):
    return random.Random(f"{seed}/{index}")
