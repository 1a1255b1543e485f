"""Plots at home: weather, night, fear, truth and small sins."""

import world
from plots.common import happy_end, intro, setting


def rain(t):
    setting(t, friend=True, family=True, places=world.OUTDOORS)
    t.put(G=t.pick(("built a tent from sheets and chairs", "drew a big picture of the sun", "baked cookies",
                    "made paper boats", "told each other stories", "played hide and seek", "sang songs and danced")))
    intro(t)
    t.say("{W} {A} and {B} wanted to go {P:to} to {P:fun}.", "{W} {A} wanted to {P:fun} {P:at} with {B}.")
    t.say("but then [dark|black] clouds came, and it began to rain.",
          "but it began to rain [very hard|and did not stop].")
    t.say("\"Now the day is ruined,\" said {A}.", "{A} looked out of the window and was sad.",
          "\"It is not fair,\" said {A}.")
    t.say("\"We can have fun inside,\" said {B}.", "{M} had an idea.",
          "\"Rain is good for the flowers,\" said {M}, \"and you can play inside.\"")
    t.say("so they {G}.", "they {G} and forgot the rain.")
    t.say("after some time the rain stopped, and there was a rainbow.", "suddenly the sun came out.",
          "when they looked out again, the sun was shining.")
    t.say("they put on their boots and jumped in the puddles.", "they ran outside and looked at the sky.",
          "they ran {P:to} after all.", p=0.7)
    t.say("it was a wonderful day.", "\"I like rain,\" said {A}.",
          "in the evening {A} said, \"That was the best day ever.\"")


def snow(t):
    setting(t, friend=True, family=True, places=("hill", "park", "garden", "forest"))
    hat = t.pick(("hat", "scarf", "hat", "scarf", "button"))
    t.put(W=t.pick(("one morning", "one winter morning", "on Sunday", "last winter", "in December")), hat=hat,
          a=t.pick(("an old ", "a red ", "a blue ", "a green ")) + hat)
    intro(t)
    t.say("{W} everything was white.", "{W} {A} looked out of the window and saw snow.", "{W} it snowed all night.")
    t.say("{A} put on {A:his} warm coat and ran {P:to}.", "\"Snow!\" shouted {A} and ran {P:to}.")
    t.say("there {A:he} met {B}.", "{B} was already {P:at}.")
    t.say("they made a big snowman and gave him {a}.", "they rolled three big balls and made a snowman with {a}.")
    t.say("but the snowman looked sad, because he had no nose.", "\"Something is missing,\" said {B}.")
    t.say("{A} ran to {M} and got a carrot.", "{M} came out with a long carrot.")
    t.say("now the snowman could smile.", "with the carrot, he looked perfect.")
    t.say("then they all drank hot cocoa.", "in the evening their hands were cold, but they were happy.",
          "when spring came, the snowman was gone, but {A} still had the {hat}.")


def night_noise(t):
    setting(t, animals=0.2, family=True)
    noise = t.pick(world.NOISES)
    who, want, gift = world.NOISES[noise]
    t.put(N=noise, NN=noise.split(" ", 1)[1], K=who, TK="the " + who.split(" ", 1)[1], Y=want, G=gift,
          W=t.pick(("one night", "late at night", "in the middle of the night", "one dark night", "one windy night")))
    intro(t, 0.4)
    t.say("{W} {A} heard {N}.", "{W} {A} woke up because of {N}.")
    t.say("\"Is that a monster?\" {A:he} whispered.", "{A} pulled the blanket over {A:his} head.",
          "{A:his} heart beat very fast.")
    t.say("the {NN} came again.", "then {A:he} heard it again.", p=0.5)
    if t.chance(0.5):
        t.say("{A} took a lamp and went to the [door|window].", "at last {A} got up and took a lamp.")
        t.say("very slowly, {A:he} looked outside.", "{A:he} looked around and held {A:his} breath.")
    else:
        t.say("{A} woke {M}, and together they went to look.", "{A} called {M}, who came with a lamp.")
        t.say("they looked outside very slowly.", "\"Let us see who it is,\" said {M}.")
    if who == "the wind":
        t.say("it was only the wind in the old tree.", "there was no monster, only the wind.")
        t.say("{A} laughed and went back to bed.", "\"Good night, wind,\" said {A}.")
    else:
        t.say("it was only {K} that {Y}.", "there was no monster, only {K} that {Y}.")
        t.say("{A} laughed and gave {TK} {G}.", "\"You are not scary at all,\" {A} told {TK}.")
    t.say("then {A} slept until the morning.", "after that, {A} was not afraid of noises in the night anymore.",
          "soon the house was quiet again.")


def fear(t):
    setting(t, animals=0.1, friend=True, family=True)
    what, (start, help_, end) = t.pick(world.FEARS.items())
    t.put(F=what, S=start, aid=help_, E=t.expand(end))
    intro(t, 0.4)
    t.say("{A} was afraid of {F}.", "there was one thing that {A} did not like: {A:he} was afraid of {F}.")
    t.say("{W}, {S}, {A} wanted to run away.", "{W}, {S}, {A} [closed {A:his} eyes|held on to {M}].")
    t.say("\"What is wrong?\" asked {M}.", "\"I am afraid,\" {A} whispered.")
    t.say("\"Everyone is afraid of something,\" said {M}.", "\"I was afraid of it too when I was little,\" said {M}.",
          p=0.7)
    t.say("{M} gave {A:him} {aid}.", "{A} got {aid} from {M}.")
    t.say("{A} counted to three, and then {A:he} {E}.", "slowly {A} [got braver|felt better], and {A:he} {E}.")
    t.say("it was not so bad at all.", "\"I did it!\" {A:he} [said|shouted].", "now {A} was not afraid of {F} anymore.",
          "{A} told {B} about it and was very proud.")


def honesty(t):
    setting(t, animals=0, family=True)
    item, (how, then) = t.pick(world.FRAGILE.items())
    t.put(I=item, how=how, then=then, pet=t.pick(("dog", "cat", "wind")))
    intro(t)
    if t.chance(0.5):
        t.say("{W} {A} {how}, and {then}.")
    else:
        t.say("{W} {A} {how}.")
        t.say("suddenly {then}.", "{then}.")
    t.say("crash! The {I} was broken.", "the {I} broke into many pieces.",
          "there was a loud crash, and the {I} was broken.")
    t.say("{A} was afraid and hid the pieces under the bed.", "{A} did not know what to do.",
          "at first {A} wanted to say that it was the {pet}.")
    t.say("when {M} came home, {M:he} asked, \"What happened to the {I}?\"", "\"Who broke the {I}?\" asked {M}.")
    t.say("{A} looked down and said, \"I did it, and I am sorry.\"", "{A} began to cry and told the truth.",
          "\"It was me,\" said {A} very quietly.")
    t.say("{M} was not angry.", "{M} hugged {A:him}.", "\"Thank you for telling the truth,\" said {M}.")
    t.say("together they cleaned up the pieces.", "they bought a new {I} together.",
          "they glued the {I}, and it looked almost new.")
    t.say("{A} felt much better.", "{A} learned that it is good to tell the truth.",
          "after that, {A} was more careful.")


def greedy(t):
    setting(t, animals=0.5, friend=True, family=True)
    t.put(G=t.pick(("cookies", "strawberries", "plums", "pancakes", "cherries", "sausages", "muffins", "pears")))
    intro(t)
    t.say("{W} {A}'s {M:rel} put a big plate of {G} on the table.", "{W} {A} saw a basket full of {G} in the kitchen.")
    t.say("\"Only two before dinner,\" said {M}.", "\"Leave some for {B},\" said {M}.")
    t.say("but {A} ate one, and then another, and then another.", "when nobody was looking, {A} ate all the {G}.",
          "{A} could not stop until the last of the {G} was gone.")
    t.say("soon {A:his} tummy began to hurt.", "after that, {A} felt very sick.")
    t.say("{B} came and asked, \"Where are the {G}?\"", "when {B} came, there was nothing left.")
    t.say("{A} felt bad and said, \"I ate them all, I am sorry.\"", "{A} turned red and told the truth.")
    t.say("{M} made {A:him} a cup of warm tea.", "\"Now you know why I told you to stop,\" said {M}.",
          "\"We can get new ones,\" said {M}, \"but you will help.\"")
    t.say("the next time, {A} ate only two and gave the rest to {B}.", "after that, {A} always shared.")


def moon(t):
    setting(t, animals=0.5, family=True)
    t.put(W=t.pick(("one night", "one clear night", "one warm night", "late in the evening")),
          S=t.pick(("on a ladder", "on a tall chair", "up the highest tree", "on a pile of boxes", "on the roof")),
          G=t.pick(("in a bucket of water", "in the pond", "in a puddle")),
          hand="hand" if t.cast["A"]["human"] else "nose")
    intro(t, 0.6)
    t.say("{W} {A} looked at the moon and wanted to touch it.", "{W} {A} said, \"I want to have the moon.\"")
    t.say("{A:he} climbed {S}, but the moon was still too far away.",
          "{A:he} climbed {S}, but {A:he} could not reach it.")
    t.say("{A:he} jumped as high as {A:he} could and fell into the grass.",
          "\"Come down, moon!\" {A:he} called, but the moon did not answer.", p=0.7)
    t.say("{M} saw it and [smiled|laughed].", "\"Come with me,\" said {M}.",
          "{A} was sad, and {M} sat down next to {A:him}.")
    t.say("{M} showed {A:him} the moon {G}.", "then {A:he} saw the moon {G}.")
    t.say("it was round and bright, and so close that {A} could touch it.",
          "{A} put {A:his} {hand} into the water, and the moon danced.")
    t.say("\"Good night, moon,\" said {A}.", "{A} fell asleep and dreamed of the moon.",
          "\"Now I have touched the moon,\" said {A} and was happy.")


def tooth(t):
    setting(t, animals=0, friend=True, family=True)
    t.put(G=t.pick(("an apple", "a carrot", "a big cookie", "a piece of bread")),
          C=t.pick(("a silver coin", "a shiny coin", "a small letter", "a new brush")))
    intro(t)
    t.say("{W} {A} had a loose tooth.", "{W} {A} noticed that a tooth was loose.")
    t.say("{A} pushed it with {A:his} finger, but it did not come out.",
          "it moved from side to side, but it did not fall out.")
    t.say("\"Does it hurt?\" asked {B}.", "\"I have lost three already,\" said {B}.", "{A} was a little afraid.")
    t.say("\"Just wait,\" said {M}, \"it will come out by itself.\"", "\"Do not worry,\" said {M}.")
    t.say("then {A} took a bite of {G}.", "at lunch {A} ate {G}.")
    t.say("\"My tooth is gone!\" {A} [shouted|cried].", "suddenly there was the tooth, in the middle of it!")
    t.say("{A} put the tooth under {A:his} pillow.", "that night the tooth lay under {A:his} pillow.")
    t.say("in the morning {A} found {C} there.", "the next day there was {C} in its place.")


PLOTS = (rain, snow, night_noise, fear, honesty, greedy, moon, tooth)
