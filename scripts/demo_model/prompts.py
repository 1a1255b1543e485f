"""Twenty fixed prompts and what must hold of the answers; no task, no baseline: does it talk like somebody?

An answer holds if it ends by itself, has every string of `contains`, and no four words in a row occur three times.
Standard library only.
"""

import collections
import re

TALES = ("Mia", "Victor", "Ruby", "Emil", "Agnes", "Ben")
KITCHEN = ("Nora and Ben came into the kitchen. Nora had a lamp, and Ben had a rope. Ben gave the rope to Nora, and then "
           "he went to the forest.")
PROMPTS = [(f"story-{name}", [ask.format(name)], [name]) for name, ask in zip(TALES, (
    "Tell me a short story about {}.", "I want to hear a story about {}.", "Do you know a story about {}?",
    "Please tell a story about {} now.", "Make up a tale about {}.", "Write a story with {}."))]
PROMPTS += [
    ("hello", ["Hello, how are you?"], ["ello"]),
    ("who", ["Hi! Who are you?"], ["language model"]),
    ("can", ["What can you do for me?"], ["stories"]),
    ("thanks", ["Tell me a story about Greta.", "She was nice. Thank you!", "Bye now!"], ["oodbye"]),
    ("lamp", [KITCHEN + " Who has the rope?"], ["Nora"]),
    ("forest", [KITCHEN + " Where is Ben?"], ["forest"]),
    ("follow", ["Karl likes soup. Olga likes honey. Karl hates plums. What does Karl like?", "And Olga?"], ["honey"]),
    ("worst", ["Ivan loves pizza. Ivan hates fish. What food does Ivan hate?"], ["fish"]),
    ("number", ["Wanda told Rolf the number 482. Rolf told Wanda the number 915. Which number did Wanda tell Rolf?"],
     ["482"]),
    ("locker", ["Locker 3-1-4 holds the violin. Locker 4-1-3 holds the ticket. What is in locker 4-1-3?"], ["ticket"]),
    ("copy", ["Say it again: violin bread tower"], ["violin bread tower"]),
    ("sort", ["Sort: tower bread violin"], ["bread tower violin"]),
    ("sum", ["How much is 20 plus 7?"], ["27"]),
    ("word", ["A borak is a spoon. What is a borak?"], ["spoon"]),
]


def rows():
    """As eval/prompts.jsonl has them; where there are several turns, the model's own answers stand between."""
    return [{"id": name, "turns": turns, "check": {"contains": contains, "ends": True, "no_loop": 4}}
            for name, turns, contains in PROMPTS]


def holds(row, answer, ended):
    words = re.findall(r"\w+", answer.lower())
    size = row["check"]["no_loop"]
    grams = collections.Counter(tuple(words[i:i + size]) for i in range(len(words) - size + 1))
    return (ended and all(c in answer for c in row["check"]["contains"])
            and max(grams.values(), default=0) < 3)
