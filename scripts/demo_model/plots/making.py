"""Making, growing and learning things: it goes wrong first, and patience or help sets it right."""

import world
from plots.common import happy_end, intro, setting


def baking(t):
    setting(t, animals=0.15, friend=True, family=True)
    dish, (a_dish, them, need, no, who) = t.pick(world.BAKES.items())
    t.put(D=dish, a=a_dish, them=them, were="were" if them == "them" else "was",
          they="they" if them == "them" else "it",
          first="the first one" if them == "them" else "the first piece", E=need, no=no, N=who)
    intro(t)
    t.say("{W} {A} and {M} wanted to make {a}.", "{W} {A} asked {M}, \"Can we make {a}?\"",
          "{W} {A} wanted to make {a} for {B}.")
    t.say("but {no} left in the kitchen.", "they looked in the kitchen, but they had no {E}.")
    t.say("{A} took a basket and ran to {N} to get some {E}.", "so {A} went to {N} and asked for {E}.")
    t.say("{N} gave {A:him} the {E} and said, \"Have fun!\"", "on the way home {A} held the {E} very carefully.")
    t.say("at home they mixed everything in a big bowl.", "{M} stirred, and {A} put in the {E}.")
    t.say("soon the whole house smelled [good|wonderful|of {D}].", "then they waited until the {D} {were} ready.")
    t.say("{A} gave {first} to {B}.", "{A} and {M} ate {them} while {they} {were} still warm.",
          "they invited {B} and ate {them} together.")
    happy_end(t, "\"I have never eaten anything so good!\" said {B}.")


def planting(t):
    setting(t, family=True)
    plant = t.pick(world.PLANTS)
    many, grown, share = world.PLANTS[plant]
    t.put(L=plant, R=grown, share=t.expand(share).replace("*", many))
    intro(t, 0.6)
    t.say("{W} {A}'s {M:rel} gave {A:him} a small {L} seed.", "{W} {A} found a little seed in {A:his} pocket.",
          "{W} {A} planted a small {L} seed in the garden.")
    if "planted" not in t.sentences[-1]:
        t.say("{A} made a hole in the ground and put the seed in.",
              "{A} put it into the warm ground and gave it some water.")
    t.say("every day {A:he} gave it water, but nothing happened.",
          "{A} waited and waited, but there was nothing to see.",
          "the next day {A} looked, but there was only brown earth.")
    t.say("\"Be patient, a seed needs time,\" said {M}.", "\"It is sleeping,\" said {M}, \"give it time.\"",
          "{A} [was sad|wanted to give up], but {M} told {A:him} to wait.")
    t.say("so {A} watered it every morning.", "the sun was warm, and then it rained for two days.", p=0.6)
    t.say("then, one morning, a tiny green leaf came out of the ground.", "after two weeks {A} saw a tiny green leaf.")
    t.say("in the summer it was {R}.", "it grew and grew until it was {R}.")
    t.say("{share}.", "\"You see, good things need time,\" said {M}.", "{A} was very proud of it.")


def building(t):
    setting(t, friend=True, family=True)
    what, (of, wrong, fix, end) = t.pick(world.BUILDS.items())
    t.put(D=what, N=what.split(" ", 1)[1], O=of, Y=wrong, F=fix, E=end)
    intro(t)
    t.say("{W} {A} and {B} wanted to build {D}.", "{W} {A} wanted to build {D} with {B}.",
          "{W} {A} had an idea and told {B}, \"We can build {D}!\"")
    t.say("they took {O} and began.", "{A:he} looked for {O} and got to work.",
          "with {O}, they worked all [morning|day].")
    t.say("but then {Y}.", "it looked [good|great], but suddenly {Y}.", "everything went well until {Y}.")
    t.say("\"Oh no!\" cried {A}.", "{A} was [angry|sad] and wanted to stop.", "\"It will never work,\" said {A}.")
    t.say("\"Let us try again,\" said {B}.", "\"We can fix it,\" said {B}.",
          "{M} came and said, \"Everything can be fixed.\"")
    t.say("they took {F} and fixed the {N}.", "with {F}, they made the {N} even better than before.",
          "they used {F}, and soon the {N} was as good as new.")
    t.say("in the end the {N} {E}.", "this time the {N} {E}.")
    happy_end(t, "{A} learned never to give up.")


def learning(t):
    setting(t, animals=0.15, family=True)
    skill, (first, fail, tip, win) = t.pick(world.SKILLS.items())
    t.put(S=skill, I=first, F=t.expand(fail), T=tip, V=win)
    intro(t, 0.6)
    t.say("{A} wanted to learn to {S}.", "{W} {A} wanted to {S}, but {A:he} did not know how.",
          "all the others could {S}, but {A} could not.")
    t.say("{A:he} {I}, but {F}.")
    t.say("\"I cannot do it,\" {A} said and [sat down|began to cry].", "{A} was [sad|angry] and wanted to stop.")
    t.say("\"{T},\" said {M}.", "{M} [sat down next to {A:him}|came to help] and said, \"{T}.\"")
    t.say("{A} tried again and again.", "{A} took a deep breath and tried once more.", "the next day {A} tried again.")
    t.say("and then it worked: {A:he} {V}!", "this time {A:he} {V}.", "after a week, {A:he} {V}.")
    t.say("\"I can {S}!\" {A:he} shouted.", "{M} clapped and was very proud.", "\"I knew you could do it,\" said {M}.")


def gift(t):
    setting(t, animals=0.15, friend=True, family=True)
    what, of = t.pick(world.GIFTS)
    t.put(G=what, N=what.split(" ", 1)[1].split(" of ")[0].split(" with ")[0], O=of,
          F=t.cast["M"] if t.chance(0.4) else t.cast["B"])
    intro(t)
    t.say("{W} it was {F}'s birthday, but {A} had no gift.",
          "{W} {A} wanted to give {F} something nice, but {A:he} had no money.")
    t.say("{A} thought for a long time.", "\"What can I do?\" {A} asked.",
          "{A} looked at toys in the shop, but they cost too much.")
    t.say("then {A} had an idea and took {O}.", "in the kitchen {A} found {O}.")
    t.say("{A:he} worked all [afternoon|evening] and made {G}.", "with {O}, {A:he} made {G}.")
    t.say("it was not perfect, but it was made with love.", "{A} put it in a small box with a red ribbon.", p=0.6)
    t.say("when {F} saw the {N}, {F:he} smiled.", "{F} looked at the {N} and could not say a word.")
    t.say("\"This is the best gift of all,\" said {F}.", "\"You made this for me?\" asked {F} and hugged {A:him}.")
    happy_end(t, "{A} learned that a gift does not have to cost much.")


def stand(t):
    """Selling something to buy something, and spending it otherwise in the end."""
    setting(t, animals=0.15, friend=True, neighbor=True)
    t.thing("T", world.TOYS)
    t.put(G=t.pick(("lemonade", "cookies", "apple juice", "flowers")),
          K=t.pick(("a new roof for the birds", "food for the lost cats", "books for the school",
                    "a tree for the park")))
    intro(t)
    t.say("{A} wanted to buy {T:a}, but {A:he} had no money.", "{W} {A} saw {T:a} in the shop and wanted to have it.")
    t.say("\"We can sell {G},\" said {B}.", "{A} had an idea: {A:he} would sell {G} with {B}.")
    t.say("they put a table in front of the house.", "they painted a big sign and sat down behind a table.")
    t.say("at first nobody came.", "they waited for an hour, but the street was empty.", p=0.6)
    t.say("then {N} came and bought some {G}.", "{N} was the first one, and then many people came.")
    t.say("in the evening their box was full of coins.", "soon they had sold everything.")
    t.say("but on the way to the shop they heard that there was no money for {K}.",
          "then {A} heard {N} say, \"We need {K}, but we have no money.\"")
    t.say("{A} thought about it and gave the coins for that.", "\"That is more important,\" said {A}, and {B} nodded.")
    happy_end(t, "{A} had no {T}, but {A:he} was happy.")


PLOTS = (baking, planting, building, learning, gift, stand)
