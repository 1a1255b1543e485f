"""Somebody needs help, and a kind deed comes back."""

import world
from plots.common import happy_end, intro, setting


def rescue(t):
    setting(t, animals=0, family=True, places=("park", "garden", "forest", "farm", "river", "meadow"))
    kind = t.pick(world.SMALL_ANIMALS)
    trouble, tool, cry = world.SMALL_ANIMALS[kind]
    t.put(K=kind, S=trouble, U=tool, C=cry)
    intro(t)
    t.say("{W} {A} was walking {P:at} when {A:he} heard a soft {C}.", "{W} {A} went {P:to} to {P:fun}.",
          "{W} {A} heard a {C} {P:at}.")
    t.say("a little {K} was {S}.", "{A:he} looked around and saw a little {K} that was {S}.")
    t.say("\"Do not be afraid, I will help you,\" said {A}.", "the {K} was [cold and scared|shaking with fear].",
          "{A} tried to reach it, but {A:he} could not.")
    t.say("{A} ran home and asked {M} for help.", "{A} called {M}.", "{A} ran to get {M}.")
    t.say("{M} came with {U}.", "they came back with {U}.", "{M} brought {U}.")
    t.say("very slowly, they got the {K} out.", "with {U}, they soon had the {K} safe on the ground.",
          "{M} helped, and at last the {K} was free.")
    if t.chance(0.5):
        t.put(Z=t.name(world.ANIMAL_NAMES["he"] + world.ANIMAL_NAMES["she"]))
        t.say("{A} gave the {K} some [food|water|milk] and a warm blanket.")
        t.say("{A} named the {K} {Z}, and they became friends.",
              "\"Can we keep it?\" asked {A}, and {M} said yes, so they named it {Z}.")
    else:
        t.say("the {K} ran back to its mother.",
              "the {K} [looked|blinked] at {A} as if to say thank you, and then it was gone.")
    happy_end(t, "{A} was glad to have such a kind family.")


def kindness_returns(t):
    setting(t, animals=0.1, places=("forest", "meadow", "river", "hill"))
    t.animal("B")
    intro(t)
    t.say("{W} {A} met {B} the {B:kind} {P:at}.", "{W} {A} was walking {P:at} and met {B:look} {B:kind} named {B}.")
    t.say("\"I am so hungry,\" said {B}.", "{B} was hungry and had not eaten for two days.")
    t.say("{A} had only some {B:food}, but {A:he} gave {B} half.",
          "{A} opened {A:his} bag and gave {B} all of {A:his} {B:food}.")
    t.say("\"Thank you, I will not forget this,\" said {B}.", "{B} ate and felt much better.")
    hole = t.chance(0.35)
    if hole:
        t.say("soon after, {A} fell into a deep hole.", "on the way home {A} fell into a hole.")
    else:
        t.say("later that day, {A} got lost in the fog.",
              "in the evening it got dark, and {A} could not find the way home.")
    t.say("{A} called for help.", "{A} sat down and began to cry.", "{A:he} was [afraid|cold and tired].")
    t.say("{B} heard it and came at once.", "suddenly {B} was there.")
    if hole:
        t.say("{B} threw down a long rope and pulled {A} out.",
              "{B} pushed a long branch into the hole, and {A} climbed out.")
    else:
        t.say("{B} knew every path, and soon they were home.", "\"Follow me,\" said {B}, and led {A} home.")
    t.say("\"You helped me, so I helped you,\" said {B}.", "from that day on, {A} and {B} were best friends.",
          "{A} learned that a kind deed comes back.")


def sick_friend(t):
    setting(t, friend=True, family=True)
    t.thing("T", world.TOYS)
    t.put(G=t.pick(("a bowl of hot soup", "a bunch of flowers", "a funny picture", "a basket of strawberries",
                    "a warm blanket", "a big book of stories")))
    intro(t)
    t.say("{W} {A} wanted to play with {B}, but {B} was sick.",
          "{W} {A}'s best friend {B} was sick and had to stay in bed.")
    t.say("\"I want to make {B} happy,\" {A} told {M}.", "{A} was sad and asked {M} what to do.", "{A} had an idea.")
    t.say("{A} got {G} ready.", "{M} helped {A} to get {G}.")
    t.say("{A} carried it very carefully to {B}.", "{A} took it to {B} and knocked on the door.")
    t.say("when {B} saw it, {B:he} [smiled|laughed].", "\"Is that for me?\" asked {B} and smiled.")
    t.say("{A} sat next to the bed and told {B} about {A:his} {T:full}.", "{A} read {B} a story.", p=0.6)
    t.say("a few days later {B} was well again.", "the next [week|morning] {B} felt much better.")
    t.say("{A} and {B} played together [all day|until the evening].", "they ran outside and played in the sun.",
          "\"You are the best medicine,\" said {B}.")


def little_helper(t):
    setting(t, animals=0.1, neighbor=True)
    job, why, reward = t.pick(world.JOBS)
    t.put(J=job, Y=why, R=reward)
    intro(t)
    t.say("{W} {A} saw that {N} had to {J}.", "{W} {N} had to {J}, and {Y}.")
    t.say("\"Can I help you?\" asked {A}.", "{A} stopped and asked, \"Do you need help?\"")
    t.say("\"Oh yes, please,\" said {N}.", "{N} smiled and said, \"That would be very kind.\"")
    t.say("they worked together [all morning|for an hour].", "it was hard work, but {A} did not stop.",
          "{A} worked until {A:his} arms hurt.")
    t.say("soon everything was done.", "when the sun went down, the work was done.")
    t.say("{N} gave {A} {R} to say thank you.", "to say thank you, {N} gave {A} {R}.")
    happy_end(t, "{A} learned that work is fun when you do it together.")


def bring_home(t):
    """Somebody small has to go back to where it belongs."""
    setting(t, animals=0.2, family=True, places=("garden", "forest", "meadow", "beach", "park"))
    lost, home, how, after = t.pick(world.STRAYS)
    t.put(I=lost, G=home, F=how, E=t.expand(after))
    intro(t)
    t.say("{W} {A} found {I} {P:at}.", "{W} {A} found {I} {P:spot}.")
    t.say("\"I want to go back to {G},\" it said.", "it was crying, because it was far from {G}.",
          "it was weak and missed {G}.")
    t.say("\"I will take you home,\" said {A}.", "{A} wanted to keep it, but {A:he} felt sorry for it.",
          "{A} held it very gently.")
    t.say("\"It needs to go home,\" said {M}.", "{A} asked {M} what to do.", p=0.6)
    t.say("so {A} {F}.", "{A} {F}.")
    t.say("that evening {E}.", "and then {E}.")
    t.say("{A} waved and went home.", "{A} smiled and said, \"Good night.\"", "{A} will never forget that day.")


def pull_together(t):
    """One alone cannot do it; all together can."""
    setting(t, animals=0.6, places=("garden", "farm", "meadow"))
    t.animal("B"), t.animal("C")
    t.put(V=t.pick(("carrot", "pumpkin", "turnip", "potato")), D=t.pick(("a pot of soup", "a big pie", "a hot stew")))
    intro(t)
    t.say("{W} {A} found a very big {V} {P:at}.", "in spring {A} planted a {V}, and it grew and grew.")
    t.say("{A} pulled and pulled, but the {V} did not move.",
          "{A:he} pulled as hard as {A:he} could, but it was too big.")
    t.say("{B} the {B:kind} came and helped, but it still did not move.",
          "{A} called {B} the {B:kind}, and they pulled together, but nothing happened.")
    t.say("then {C} the {C:kind} came by.", "\"May I help too?\" asked {C} the {C:kind}.")
    t.say("\"You are too small,\" said {B}, but {A} said, \"Everyone can help.\"", "\"On three!\" said {C}.", p=0.6)
    t.say("all three pulled, and the {V} came out of the ground.", "they pulled once more, and up came the {V}!")
    t.say("they made {D} and ate together.", "that evening there was {D} for everyone.")
    t.say("\"Together we are strong,\" said {A}.", "{C} was very proud.", "and there was still some left the next day.")


PLOTS = (rescue, rescue, kindness_returns, sick_friend, little_helper, bring_home, pull_together)
