"""Checks of the corpus that need only Python's standard library; a few seconds.

    python scripts/demo_model/check.py
"""

import json
import random
import re
import string
import unittest

import baselines
import lexicon as lex
import longtasks
import make_calibration
import make_tasks
import notes as notes_of
import phrases_eval
import phrases_more
import phrases_train
import tasks


def bare(template):
    """A template without its slots' letters, case and signs: what is left must differ."""
    return re.sub(r"[^a-z{}]+", " ", re.sub(r"{\w+}", "{}", template.lower())).strip()


class Corpus(unittest.TestCase):
    def test_the_world_is_large_enough(self):
        for table, least in ((lex.NAMES, 60), (lex.THINGS, 40), (lex.PLACES, 20), (lex.FOODS, 15)):
            self.assertGreaterEqual(len(table), least)
            self.assertEqual(len(set(table)), len(table))

    def test_no_template_is_shared(self):
        for part in ("TOLD", "ASKED"):
            train, held = getattr(phrases_more, part), getattr(phrases_eval, part)
            self.assertEqual(train.keys(), held.keys())
            for key in train:
                self.assertGreaterEqual(len(set(map(bare, train[key]))), 6, key)
                self.assertGreaterEqual(len(set(map(bare, held[key]))), 3, key)
            lead = [""] + [bare(t) + " " for t in phrases_train.LEAD]
            trained = {a + bare(t) for key, ts in train.items() for t in ts
                       for a in (lead if key in phrases_train.LED else [""])}
            both = trained & {bare(t) for ts in held.values() for t in ts}
            self.assertFalse(both)

    def test_same_slots(self):
        for part in ("TOLD", "ASKED"):
            for key in getattr(phrases_train, part):
                if key != "fill":
                    slots = {frozenset(f for _, f, _, _ in string.Formatter().parse(t) if f)
                             for p in (phrases_more, phrases_eval) for t in getattr(p, part)[key]}
                    self.assertEqual(len(slots), 1, key)

    def test_trivial_baselines_fail(self):
        facts = [fact for _, fact in make_tasks.all_items(1, 300, 30)]
        for task, row in baselines.report(facts).items():
            for name in ("majority", "last_mention", "bag_of_words"):
                self.assertLessEqual(row[name], 0.4, (task, name))

    def test_baselines_are_no_straw_men(self):
        item = dict(task="x", kind="place", text="Mia is in the barn. Tom is in the mill.", question="Where is Mia?",
                    answer="the barn")
        self.assertEqual(baselines.bag_of_words(item), "barn")
        self.assertEqual(baselines.last_mention(item), "mill")

    def test_lengths(self):
        for task in longtasks.LONG:
            for length in longtasks.lengths_of(task):
                item = longtasks.make(task, random.Random(f"{task}{length}"), phrases_eval, length)
                size = sum(longtasks.size(t) for t in item.told)
                self.assertLess(size, length)
                self.assertGreater(size, 0.5 * length)

    def test_same_seed_same_items(self):
        self.assertEqual(make_tasks.item_of("who", 0, 5, 3), make_tasks.item_of("who", 0, 5, 3))
        self.assertNotEqual(make_tasks.item_of("who", 0, 5, 3), make_tasks.item_of("who", 0, 6, 3))

    def test_the_calibration_text_is_what_its_script_writes(self):
        """Its conversations and stories, that is; the prose needs natural.py's packages."""
        known = set(make_calibration.FILE.read_text().splitlines())
        for make in (make_calibration.story, make_calibration.talk, make_calibration.long_talk):
            for i in range(3):
                self.assertIn(json.dumps(make(i)), known)

    def test_notes_are_what_a_reader_knows(self):
        for i in range(50):
            seen = {}
            for s in longtasks.make("times", random.Random(i), phrases_eval, 512).told:
                if notes := getattr(s, "notes", ()):
                    name = next(w for w in re.findall(r"\w+", s) if w in lex.NAMES)
                    seen[name] = seen.get(name, 0) + 1
                    self.assertEqual(notes, ((len(s) - 1, " " + name, notes_of.EARLY),
                                             (len(s) - 1, str(seen[name]), notes_of.DEEP)))
            (text, *_), *_ = longtasks.make("locker", random.Random(i), phrases_eval, 512).turns("Listen. ")
            first = re.search(r"[Tt]he (\w+)(?: lies)? in locker (\d)-(\d)-\d", text)
            self.assertEqual([n for n in text.notes if n.at == first.end() - 1],
                             [(first.end() - 1, word, layers) for word, layers in
                              zip((first[2], first[3], " " + first[1]), (notes_of.EARLY, notes_of.STEP, notes_of.DEEP))])

    def test_answers_follow_from_the_text(self):
        """An oracle with its own reading of the plainest sentences agrees with the simulation."""
        plain = type("Plain", (), {"ASKED": phrases_train.ASKED, "TOLD": dict(phrases_train.TOLD)})
        for key in plain.TOLD:
            plain.TOLD[key] = plain.TOLD[key][:1]
        for i in range(150):
            item = tasks.make(("who", "where", "what")[i % 3], random.Random(i), plain, 9)
            at, has, lies = {}, {}, {}
            for s in item.told:
                if m := re.fullmatch(r"(\w+) went to the (\w+)\.", s):
                    at[m[1]] = m[2]
                elif m := re.fullmatch(r"(\w+) picked up the (\w+)\.", s):
                    has[m[2]] = m[1]
                    lies.pop(m[2], None)
                elif m := re.fullmatch(r"(\w+) gave the (\w+) to (\w+)\.", s):
                    self.assertEqual(has[m[2]], m[1])
                    self.assertEqual(at[m[1]], at[m[3]])
                    has[m[2]] = m[3]
                elif m := re.fullmatch(r"(\w+) put the (\w+) down\.", s):
                    lies[m[2]] = at[has.pop(m[2])]
            for asked, answer, _ in item.asked:
                words = re.findall(r"\w+", asked)
                if item.task == "what":
                    person = next(w for w in words if w in at)
                    self.assertEqual([answer], ["the " + t for t, p in has.items() if p == person])
                else:
                    thing = next(w for w in words if w in has or w in lies)
                    place = lies.get(thing) or at[has[thing]]
                    self.assertEqual(answer, has[thing] if item.task == "who" else "the " + place)


if __name__ == "__main__":
    unittest.main()
