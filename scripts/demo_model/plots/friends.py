"""Friends: how they meet, quarrel, compete and make up."""

import world
from plots.common import happy_end, intro, setting


def sharing(t):
    setting(t, friend=True, neighbor=True, places=())
    t.thing("T", world.TOYS)
    intro(t, 0.4)
    t.say("{W} {A} and {B} were playing {P:at} with {T:a}.", "{W} {A} took {A:his} {T:full} {P:to} and met {B}.",
          "{W} {A} got {T:a} for {A:his} birthday, and {B} came to see it.")
    t.say("{B} wanted to play with the {T}, but {A} said, \"No, it is mine!\"",
          "\"May I have it?\" asked {B}, but {A} held the {T} tight.")
    t.say("they both pulled at the {T}, and it fell down.", "{B} was sad and went away.",
          "{B} sat down and did not say a word.")
    t.say("now {A} was alone, and the {T} was no fun anymore.", "{A} looked at {B} and felt bad.",
          "{A} played alone, but it was boring.")
    t.say("\"Toys are more fun when you share them,\" said {N}.", "{N} saw it and said, \"You can take turns.\"", p=0.6)
    t.say("so {A} went to {B} and said, \"I am sorry, let us play together.\"",
          "{A} gave the {T} to {B} and said, \"Now it is your turn.\"")
    t.say("{B} smiled, and they took turns.", "they played together until it got dark.",
          "{B} laughed, and they played all afternoon.")
    t.say("{A} learned that sharing is more fun.", "from then on they shared everything.",
          "{A} and {B} were good friends again.")


def new_friend(t):
    setting(t, friend=True, places=())
    t.thing("T", world.TOYS)
    intro(t, 0.4)
    t.say("{W} {A} saw a new {B:kid} {P:at}.", "{W} {A} went {P:to} and saw {B:one} who was all alone.")
    t.say("the {B:kid} sat {P:spot} and looked sad.", "nobody talked to the new {B:kid}.",
          "the {B:kid} was shy and looked at the ground.")
    t.say("{A} went over and said, \"Hello, I am {A}.\"", "{A} smiled and asked, \"What is your name?\"")
    t.say("\"I am {B},\" said the {B:kid} [quietly|softly].",
          "\"My name is {B}, and I am new here,\" said the {B:kid}.")
    t.say("{A} showed {B} {A:his} {T:full}.", "\"Do you want to {P:fun}?\" asked {A}.",
          "{A} asked {B} to {P:fun} together.")
    t.say("{B} nodded, and soon they were laughing.", "{B} was happy and said yes.",
          "they played until the sun went down.")
    t.say("\"Will you come back tomorrow?\" asked {B}.", "on the way home {B} said, \"I am glad that I met you.\"",
          p=0.6)
    t.say("from that day on, {A} and {B} were best friends.", "now {B} was not alone anymore.",
          "the next day they met {P:at} again.")


def quarrel(t):
    setting(t, animals=1, places=("forest", "meadow", "river", "garden"))
    t.animal("B"), t.animal("C")
    t.put(G=t.pick(("big apple", "sweet pear", "piece of cheese", "big cookie", "ripe melon")))
    intro(t, 0.4)
    t.say("{W} {A} the {A:kind} and {B} the {B:kind} found a {G} {P:at}.",
          "{W} {A} the {A:kind} found a {G} {P:spot}, and {B} the {B:kind} saw it too.")
    t.say("\"I saw it first!\" said {A}.", "\"It is mine!\" said {A}.")
    t.say("\"No, I saw it first!\" said {B}.", "\"No, it is mine!\" said {B}.")
    if t.chance(0.5):
        t.say("while they were fighting, {C} the {C:kind} came and ate the {G}.",
              "they did not see that {C} the {C:kind} came and took the {G}.")
        t.say("now both of them had nothing.", "{A} and {B} looked at each other and were still hungry.")
        t.say("\"Next time we will share,\" said {B}.", "\"We were silly,\" said {A}, and {B} nodded.")
    else:
        t.say("{C} the {C:kind} heard them and said, \"Cut it in two.\"",
              "\"Why do you not share it?\" asked {C} the {C:kind}.")
        t.say("so they cut the {G} in half.", "{A} and {B} [felt silly|laughed] and cut it into pieces.")
        t.say("each of them got a piece, and {C} got one too.", "all three sat down and ate.")
    t.say("after that, they never fought about food again.", "and that is how they became friends.",
          "since then, {A} and {B} always share.")


def race(t):
    setting(t, animals=0.5, places=("park", "meadow", "hill", "beach", "forest"))
    human = t.cast["A"]["human"]
    for slot in "BC":
        t.hero(slot, 0 if human else 1)
    t.put(leg="knee" if human else "foot")
    intro(t, 0.4)
    t.say("{W} there was a big race {P:at}.", "{W} {A} and {B} wanted to know who was faster.")
    t.say("\"I will win,\" said {B} and laughed.", "{B} was very fast and said, \"Nobody can beat me.\"")
    t.say("{A} was slow, but {A:he} had practiced every day.", "{A} said nothing and took a deep breath.")
    if t.chance(0.5):
        t.say("they ran, and {B} was far ahead.", "at first {B} was in front.")
        t.say("{B} was so sure to win that {B:he} sat down {P:spot} and fell asleep.",
              "then {B} stopped to eat some berries.")
        t.say("{A} ran and ran and did not stop.", "{A} passed {B} and reached the finish first.")
        t.say("{A} won the race, and {B} could not believe it.",
              "\"How did you do that?\" asked {B}, and {A} said, \"I did not stop.\"")
        t.say("{C} gave {A} a golden medal.", "everyone clapped for {A}.")
    else:
        t.say("they ran, and then {B} fell over a stone.", "close to the finish, {B} slipped and hurt {B:his} {leg}.")
        t.say("{A} could win now, but {A:he} stopped.", "{A} turned around and went back.")
        t.say("{A} helped {B} up, and they walked to the finish together.", "\"Come, I will help you,\" said {A}.")
        t.say("{C} won the race, but everyone clapped for {A}.", "\"You are the real winner,\" said {B}.")
        t.say("{A} was happy, because a friend is more than a medal.", "from that day on, {A} and {B} ran together.")


def hide_and_seek(t):
    setting(t, friend=True, places=())
    t.put(G=t.pick(("a loud sneeze", "a quiet giggle", "a small cough")),
          S=t.pick(("a tail of string", "a red shoe", "the tip of a hat", "a bit of a blue sleeve")))
    intro(t, 0.4)
    t.say("{W} {A} and {B} played hide and seek {P:at}.", "{W} {A} said to {B}, \"Let us play hide and seek {P:at}!\"")
    t.say("{A} closed {A:his} eyes and counted to [ten|twenty].", "{B} ran away, and {A} began to count.")
    t.say("{A} looked {P:spot}, but {B} was not there.", "first {A} looked {P:spot}.")
    t.say("\"Where can {B:he} be?\" {A} [asked|wondered].", "{A} was about to give up.", p=0.7)
    t.say("then {A} heard {G}.", "then {A} saw {S}.")
    t.say("\"I found you!\" [shouted|called] {A}.", "{B} was sitting {P:spot2}!")
    t.say("{B} laughed and came out.", "\"Now it is my turn to look,\" said {B}.")
    t.say("they played until [it got dark|dinner].", "{A} hid so well that {B} needed a whole hour.",
          "it was so much fun that they forgot the time.")


def picnic(t):
    setting(t, friend=True, places=("park", "meadow", "river", "hill", "beach", "forest"))
    t.animal("C", t.pick(("squirrel", "duck", "mouse", "fox", "bird", "hedgehog", "rabbit")))
    t.put(G=t.pick(("cookies", "strawberries", "sandwiches", "cherries", "muffins", "pears")))
    intro(t, 0.5)
    t.say("{W} {A} and {B} had a picnic {P:at}.", "{W} {A} packed a basket with {G} and went {P:to} with {B}.")
    t.say("they sat down on a blanket and took out the {G}.", "the basket was full of {G}.")
    t.say("but when they looked again, half of the {G} were gone.", "suddenly one of the {G} was missing.")
    t.say("\"Did you eat them?\" asked {A}, but {B} shook {B:his} head.", "\"It was not me,\" said {B}.")
    t.say("they hid {P:spot} and waited.", "{A} and {B} lay very still and watched the basket.")
    t.say("soon a little {C:kind} came and took another one.", "there came a little {C:kind} with very full cheeks.")
    t.say("\"I am sorry, my children are hungry,\" said the {C:kind}.",
          "{A} laughed and asked, \"Why did you not ask us?\"",
          "\"My name is {C}, and these are so good,\" said the {C:kind}.")
    t.say("so they all ate together.", "they gave the {C:kind} a whole bag of {G}.")
    happy_end(t, "after that, the {C:kind} came to every picnic.")


PLOTS = (sharing, new_friend, quarrel, race, hide_and_seek, picnic)
