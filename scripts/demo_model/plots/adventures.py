"""Journeys, dragons, kings and stages."""

import world
from plots.common import happy_end, intro, setting
from tale import person


def lost_way(t):
    setting(t, animals=0.4, family=True, places=("forest", "meadow", "hill", "river"))
    lure, (guide, follow) = t.pick(world.LURES), t.pick(world.GUIDES)
    t.put(L=lure, saw="heard" if "sound" in lure else "saw", G=guide, F=follow)
    intro(t)
    t.say("{W} {A} went {P:to} and {saw} {L}.", "{W} {A} followed {L} {P:to}.")
    t.say("{A:he} went after it, far away from the path.", "{A:he} walked and walked and did not look back.")
    t.say("when {A:he} turned around, everything looked strange.", "soon {A} did not know where {A:he} was.",
          "then it got dark, and {A} was lost.")
    t.say("{A} [was scared|felt very small] and called for {M}.", "\"I must stay calm,\" {A} told {A:self}.",
          "{A} sat down {P:spot} and thought.")
    t.say("but then {A:he} noticed {G}.", "suddenly {A:he} noticed {G}.")
    t.say("{A} {F} until {A:he} saw {A:his} house.", "{A:he} {F} and found the way home.")
    t.say("{M} was waiting at the door and hugged {A:him}.", "\"There you are!\" said {M}.", "{M} had been so worried.")
    t.say("{A} promised never to leave the path again.", "that night {A} was glad to be in {A:his} warm bed.",
          "\"Next time I will take you with me,\" said {A}.")


def boat_trip(t):
    setting(t, animals=0.35, friend=True)
    event, fix = t.pick(world.SEA_TROUBLES)
    t.put(E=event, F=t.expand(fix), C=t.pick(("a red", "a blue", "a white", "a green", "a little", "an old")),
          I=t.pick(("a small island", "the other side of the lake", "the lighthouse", "a white beach")))
    intro(t)
    t.say("{W} {A} and {B} took {C} boat and went out on the water.", "{W} {A} and {B} wanted to sail to {I}.")
    t.say("the sun was shining, and the water was [calm|blue].", "{A} was the captain, and {B} looked for whales.")
    t.say("but then {E}.", "suddenly {E}.")
    t.say("\"What shall we do?\" asked {B}.", "\"Do not worry,\" said {A}.", "{B} was scared.")
    t.say("{F}.", "then {A} had an idea, and {F}.")
    t.say("at last they reached {I}.", "after a long time they came to {I}.")
    t.say("there they found [sweet berries|a hundred shells|a family of seals|a tall palm tree].",
          "they sat down and ate their bread.", p=0.7)
    t.say("in the evening they sailed home under the stars.", "\"What an adventure!\" said {B}.",
          "when they came home, everyone wanted to hear their story.")


def dragon_visit(t):
    setting(t, animals=0.2, family=True)
    t.animal("D", "dragon")
    trouble, help_, then = (t.expand(s) for s in t.pick(world.DRAGON_TROUBLES))
    t.put(S=trouble, help=help_, R=then)
    intro(t)
    t.say("{W} {D:look} dragon came to the village.", "{W} {A} met {D:look} dragon behind the house.",
          "{W} {A} found {D:look} dragon in a cave.")
    t.say("{A} wanted to run away, but the dragon looked sad.", "\"Please do not run away,\" said the dragon.",
          "everyone [was afraid|ran away], but {A} stayed." if "village" in t.sentences[-1] else
          "{A} was not afraid and asked, \"Who are you?\"")
    t.say("the dragon was named {D}, and {D:he} {S}.", "\"I am {D},\" said the dragon, who {S}.")
    t.say("\"I can help you,\" said {A}.", "{A} thought about it and had an idea.", p=0.7)
    t.say("{help}.")
    t.say("suddenly {R}.", "soon {R}.")
    t.say("\"Thank you, {A}!\" said {D}.", "{D} was so happy that {D:he} [danced|sang].")
    t.say("now {D} keeps the whole village warm in the winter.",
          "since then, {A} flies over the hills with {D} every Sunday.",
          "{A} told {M} about it, but {M} only laughed.", "from that day on, {A} and {D} were friends.")


def sad_king(t):
    """A king or queen has everything but one thing, and the hero brings it."""
    setting(t, animals=0.3)
    title, he = t.pick((("king", "he"), ("queen", "she"), ("princess", "she"), ("prince", "he")))
    t.put(K=person("the " + title, he), a="a " + title, trait=t.pick(world.TRAITS))
    lack, brought, how = t.pick(world.ROYAL_TROUBLES)
    t.put(L=t.expand(lack), G=brought, H=t.expand(how))
    t.say("once upon a time there was {a} who {L}.", "{K} was sad because {K:he} {L}.",
          "in a big castle lived {a} who {L}.")
    t.say("{K} had gold and horses, but {K:he} was not happy.", "many people came to help, but nobody could.",
          "\"Whoever helps me gets a bag of gold,\" said {K}.")
    who = "{A}, {trait:a} {A:kid}," if t.cast["A"]["human"] else "{A} the {A:kind}"
    t.say("one day " + who + " came to the castle.", "then " + who + " heard about it and went to the castle.")
    t.say("\"I can help you,\" said {A}.", "{A} had {G} in {A:his} bag.",
          "the guards laughed at {A}, but {K} let {A:him} in.")
    t.say("{A} showed {K} {G}, and soon {H}.", "\"I have {G} for you,\" said {A}, and soon {H}.")
    t.say("{K} laughed for the first time in years.", "{K} was so happy that {K:he} danced through the castle.")
    t.say("\"What do you want for that?\" asked {K}.", "{K} wanted to give {A} a bag of gold.")
    t.say("\"I only want a friend,\" said {A}.", "{A} gave the gold to the poor and went home.",
          "\"Nothing,\" said {A}, \"I was glad to help.\"", "from that day on, {A} came to the castle every Sunday.")


def stage(t):
    setting(t, animals=0.2, friend=True, family=True)
    act, wrong, saved = t.pick(world.ACTS)
    t.put(G=act, Y=t.expand(wrong), F=t.expand(saved))
    intro(t)
    t.say("{W} there was a big show at school, and {A} wanted to {G}.",
          "{W} {A} was going to {G} in front of everyone.")
    t.say("{A} practiced every day.", "{M} helped {A} to practice.", p=0.7)
    t.say("when {A} saw all the people, {A:his} knees began to shake.",
          "\"What if I do something wrong?\" {A} asked {M}.")
    t.say("\"Just look at me,\" said {M}.", "\"You can do it,\" said {B}.", p=0.7)
    t.say("{A} began, but then {Y}.", "at first all went well, but then {Y}.")
    t.say("it was very quiet.", "somebody laughed.", "{A} turned red.", p=0.6)
    t.say("then {F}.", "but {F}.")
    t.say("everyone laughed and clapped.", "the people clapped and clapped.")
    happy_end(t, "\"That was the best part of the show,\" said {B}.", "\"Next year I will do it again,\" said {A}.")


def train_ride(t):
    setting(t, animals=0.2, family=True, neighbor=True)
    t.thing("T", world.TOYS)
    stop, clear = t.pick(world.TRAIN_STOPS)
    t.put(G=t.pick(("the city", "the sea", "the mountains", "the big lake")), Y=stop, clear=clear,
          F=t.pick(("sang songs", "told stories", "shared their bread and apples", "played a game")))
    intro(t)
    t.say("{W} {A} and {M} took the train to {G}.", "{W} {A} went to {G} by train with {M}.")
    t.say("{A} sat by the window and saw [cows and fields|rivers and hills|small houses].",
          "the train was long and green.")
    t.say("suddenly the train stopped, because {Y}.", "in the middle of a forest the train stopped: {Y}.")
    t.say("\"When will we be there?\" asked {A}.", "everyone was [angry|tired] and nobody spoke.",
          "a little child began to cry.")
    t.say("{A} had an idea and took out {A:his} {T:full}.", "{A} showed the others {A:his} {T:full}.")
    t.say("soon all the people talked and {F}.", "then {N} smiled, and they all {F}.")
    t.say("after an hour {clear}, and the train went on.", "nobody noticed that {clear} and the train went on.")
    t.say("when they came to {G}, {A} had many new friends.", "\"That was the best train ride of my life,\" said {N}.")


PLOTS = (lost_way, boat_trip, dragon_visit, sad_king, stage, train_ride)
