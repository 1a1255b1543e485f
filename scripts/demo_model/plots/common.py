"""Beats that many plots share: who the hero is, when it happens, how it ends."""

import world

TIMES = ("one day", "one day",
         "one [morning|evening|afternoon|sunny day|cold morning|windy day|warm day|rainy morning]",
         "in the [morning|evening|winter|summer]",
         "on [Monday|Friday|Sunday|Saturday]", "[last|one] [summer|winter|spring]", "yesterday", "early in the morning")


def setting(t, *, animals=0.25, friend=False, family=False, neighbor=False, places=None):
    """Draws the hero, the time and whoever else the plot needs."""
    t.hero("A", animals)
    t.put(W=t.expand(t.pick(TIMES)))
    if friend:
        t.hero("B", 0.2)
    if family:
        t.family("M")
    if neighbor:
        t.neighbor("N")
    if places is not None:
        t.place("P", places or tuple(world.PLACES))


def intro(t, p=0.5):
    """Says who the hero is, with probability p."""
    if not t.chance(p):
        return
    if t.cast.get("W") == "yesterday":
        t.put(W="one day")
    hero = t.cast["A"]
    if hero["human"]:
        t.put(trait=t.pick(world.TRAITS), home=t.pick(world.HOMES))
        t.say("once upon a time there was {trait:a} {A:kid} named {A}.",
              "once upon a time, {trait:a} {A:kid} named {A} lived {home}.",
              "there was once a {A:kid} named {A} who lived {home}.",
              "{A} was {trait:a} {A:kid} who lived {home}.",
              "{A} was {trait:a} {A:kid}.",
              "this is the story of {A}, {trait:a} {A:kid} who lived {home}.",
              "the little {A:kid} {A} lived {home}.",
              "long ago there was {trait:a} {A:kid} named {A}.",
              "a {A:kid} named {A} lived {home} with {A:his} [family|mom and dad|grandma|brother|sister].")
    else:
        t.say("once upon a time there was {A:look} {A:kind} named {A}.",
              "{A} was {A:look} {A:kind} who lived {A:home}.",
              "once upon a time, {A:look} {A:kind} named {A} lived {A:home}.",
              "the little {A:kind} {A} lived {A:home}.",
              "this is the story of {A}, {A:look} {A:kind} who lived {A:home}.",
              "{A} the {A:kind} lived {A:home} and loved {A:food}.",
              "{A} the {A:kind} could {A:gift}.")


def happy_end(t, *more):
    """Says one of the plot's own endings or a general one."""
    t.say(*more, *more, "{A} was very [happy|proud|glad].", "{A} [smiled|laughed|sang] all the way home.",
          "it was the best day of the [week|year|summer].", "{A} went to bed with a smile.",
          "that night {A} slept very well.")
