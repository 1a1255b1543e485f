"""Things lost, things found, and what they lead to."""

import world
from plots.common import happy_end, intro, setting
from tale import thing


def lost_toy(t):
    setting(t, friend=True, family=True, places=())
    t.thing("T", world.TOYS, world.CLOTHES)
    intro(t, 0.6)
    t.say("{A} had {T:a} and took it everywhere.", "{A} loved {A:his} {T:full} more than anything else.",
          "{A}'s favorite thing was {T:a}.", "{A} got {T:a} from {M} and never went out without it.")
    t.say("{W} {A} went {P:to} with {A:his} {T}, but when {A:he} came home, the {T} was gone.",
          "{W} {A} was playing {P:at} and lost the {T}.", "{W} {A} could not find the {T} anywhere.")
    t.say("{A} [was very sad|began to cry|looked everywhere and felt sad].", "\"Where is my {T}?\" {A} [cried|asked].",
          "{A} looked under the bed, but it was not there.")
    if t.chance(0.55):
        t.say("\"Let us look {P:at},\" said {B}.", "{B} saw {A:his} sad face and said, \"I will help you look.\"",
              "{A:his} friend {B} came to help.")
        t.say("they looked {P:spot}, but [it was not there|there was nothing].", "first they looked {P:spot}.")
        t.say("then {B} looked {P:spot2} and [shouted|called], \"Here it is!\"", "then {B} found the {T} {P:spot2}.")
        t.say("{A} hugged {B} and said, \"Thank you!\"", "\"You are a good friend,\" said {A}.",
              "{A} let {B} hold the {T} all afternoon.")
    else:
        t.say("\"Think about where you had it last,\" said {M}.", "{M} said, \"Go back and look again.\"")
        t.say("{A} went back {P:to} and looked {P:spot}.", "so {A} walked back {P:to}.")
        t.say("there it was, {P:spot2}!", "the {T} was lying {P:spot2}.", "{A:he} found the {T} {P:spot2}.")
        t.say("{A} held it tight and promised to be more careful.",
              "\"I will take better care of you,\" {A:he} told the {T}.")
    happy_end(t)


def found_thing(t):
    setting(t, neighbor=True, places=())
    t.thing("T", world.TREASURES)
    intro(t, 0.4)
    t.say("{W} {A} found {T:a} {P:at}.", "{W} {A} went {P:to} and found {T:a}.", "{W} {A} found {T:a} {P:spot} {P:at}.",
          "{W}, while {A} was playing {P:at}, {A:he} saw {T:a} {P:spot}.")
    t.say("\"Who lost this?\" {A:he} [asked|wondered].", "{A:he} picked it up and looked at it for a long time.",
          "{A} wanted to keep it, but {A:he} knew that somebody must miss it.",
          "\"This {T} must belong to somebody,\" {A:he} thought.")
    t.say("{A} asked everyone {P:at}.", "{A} showed the {T} to everyone in the street.",
          "{A} went from door to door and asked about the {T}.", p=0.7)
    t.say("at last {A} met {N}, who looked [very sad|worried].", "then {A} saw {N}, who was looking for something.")
    t.say("\"Is this your {T}?\" asked {A}.", "{A} held out the {T} and asked, \"Is this yours?\"")
    t.say("\"Yes! I lost it {P:at},\" said {N}.",
          "{N} [smiled|jumped for joy] and said, \"Yes, I have looked for it all day!\"")
    t.say("{N} gave {A} [a cookie|a big red apple|a warm hug|a bag of nuts] to say thank you.",
          "\"You are very honest,\" {N:he} said.", "to say thank you, {N} told {A} a story about the {T}.")
    happy_end(t, "{A} learned that it feels good to give things back.")


def found_box(t):
    """Something closed, something that opens it, something inside."""
    setting(t, friend=True, family=True, places=("attic", "garden", "beach", "forest", "hill", "farm"))
    t.put(T=thing(t.pick(("box", "chest", "trunk", "door")), t.pick(("old", "small", "wooden", "green"))),
          K=t.pick(("a rusty key", "a golden key", "a small key", "a silver key")),
          O=t.pick(("in an old boot", "on a string around the neck of a doll", "under a flower pot",
                    "in the pocket of an old coat")))
    t.put(I=t.pick(("an old photo of {M} as a child", "a bundle of letters", "a family of mice", "a golden crown",
                    "a music box that still played")))
    t.put(I=t.expand(t.cast["I"]))
    intro(t, 0.4)
    t.say("{W} {A} found {T:a} {P:spot} {P:at}.", "{W} {A} and {B} found {T:a} {P:at}.")
    t.say("{A} pulled and pulled, but the {T} did not open.", "it was locked.",
          "the {T} was locked, and there was no key.")
    t.say("\"What is inside?\" {A} wondered.", "\"We need a key,\" said {A}.")
    t.say("{A:he} looked for a key all [day|morning].", "{B} helped {A:him} to look for the key.", p=0.7)
    t.say("at last {A} found {K} {O}.", "then {B} found {K} {O}.")
    t.say("the key turned, and the {T} opened with a squeak.", "slowly {A} turned the key.")
    t.say("inside was {I}!", "behind it they saw {I}." if t.cast["T"]["name"] == "door" else "in it was {I}.")
    t.say("\"I had forgotten that,\" said {M} and smiled.", "{A} showed it to {M}, who could not believe it.",
          "{A} and {B} promised to keep it a secret.", "{A} ran to {M} and told {M:him} everything.")


def magic_thing(t):
    setting(t, family=True, places=())
    noun = t.pick(("lamp", "ring", "stone", "bell", "shell", "feather", "bottle", "crown", "coin"))
    t.put(T=thing(noun, t.pick(world.TREASURES[noun])))
    wish, effect, trouble = t.pick(world.WISHES)
    t.put(V=wish)
    intro(t)
    t.say("{W} {A} found {T:a} {P:spot} {P:at}.", "{W} {A} found {T:a} {P:at}.")
    t.say("when {A:he} touched it, a quiet voice said, \"You have one wish.\"",
          "the {T} began to glow and said, \"Make a wish!\"")
    t.say("{A} thought for a moment and wished {V}.", "\"I wish {V},\" said {A}." if wish[:3] == "for" else
          "\"I want {V},\" said {A}.")
    t.say(effect)
    t.say(trouble)
    t.say("\"I want everything to be as it was,\" said {A}.", "\"Please make it stop,\" {A} told the {T}.")
    t.say("the {T} glowed again, and everything was as before.", "the {T} [laughed|sighed] softly, and it was over.")
    t.say("{A} put the {T} back {P:spot} and went home.", "{A} ran home and told {M} everything.",
          "{A} was glad to be home again.")
    t.say("{A:he} never wished for such things again.", "now {A:he} knew that life was good as it was.", p=0.6)


def treasure_map(t):
    setting(t, friend=True, places=world.OUTDOORS)
    prize, then = t.pick(world.PRIZES)
    t.put(R=prize, Q=then, F=t.pick(("the attic", "an old book", "a bottle", "an old coat")))
    intro(t)
    t.say("{W} {A} found an old map in {F}.", "{W} {A} and {B} found an old map in {F}.")
    t.say("a red cross showed a place {P:at}.",
          "\"This is a treasure map!\" said {A}, and pointed at a red cross {P:at}.")
    t.say("{A} and {B} took a shovel and went {P:to}.", "{A} asked {B} to come, and they walked {P:to}.")
    t.say("they dug {P:spot}, but found only [stones|an old shoe|a worm].", p=0.6)
    t.say("\"Maybe the map is upside down,\" said {B}.", "{B} turned the map around and laughed.", p=0.5)
    t.say("then they dug {P:spot2} and hit something hard.", "{P:spot2} they saw something [shiny|strange].")
    t.say("it was {R}!", "they pulled out {R}.")
    t.say("{Q}.", "{Q}, and everyone was happy.")
    happy_end(t)


def naughty_pet(t):
    setting(t, animals=0, family=True, places=("garden", "attic"))
    he = t.pick(("he", "she"))
    t.put(K=t.pick(("dog", "cat", "puppy", "kitten", "parrot")), Z=t.name(world.ANIMAL_NAMES[he]),
          him="him" if he == "he" else "her")
    t.thing("T", world.CLOTHES, {"sock": ("red", "old", "blue"), "shoe": ("brown", "left", "old"),
                                 "spoon": ("silver", "wooden")})
    intro(t)
    t.say("{A} had a {K} named {Z}.", "{A} had a little {K}, and its name was {Z}.")
    t.say("{Z} loved to take things and hide them.", "{Z} always wanted to play.", p=0.7)
    t.say("{W} {A} could not find {A:his} {T:full}.", "{W} {A}'s {M:rel} asked, \"Where is my {T:full}?\"")
    t.say("{A} looked in every room.", "they looked under the beds and behind the doors.")
    t.say("then {A} saw {Z} run {P:to}.", "then {A} heard a noise {P:at}.")
    t.say("{P:spot} there was a big pile: a brush, a ball, and the {T}!",
          "{Z} was sleeping {P:spot}, and the {T} was under {him}.")
    t.say("\"You little thief!\" said {A}, but {A:he} had to laugh.", "{A} could not be angry for long.",
          "{A} and {M} laughed until they cried.")
    t.say("after that, {A} gave {Z} an old {T} to play with.", "since that day, {A} always closes the door.",
          "{A} gave {Z} a hug and took the {T} back.")


PLOTS = (lost_toy, lost_toy, found_thing, found_thing, found_thing, found_box, magic_thing, treasure_map, naughty_pet)
