"""Strings that tokenizers get wrong, for make_tokenizer_cases.py. Everything odd is written as an escape on purpose."""
import random

# Where one alternative of a published pattern decides: contractions before letters, line ends after punctuation, title
# case and modifier letters, marks, digits of other scripts, other spaces.
EDGES = [
    "x'sub X'SUB x'reader X'LLAMA x'mum X'MUM o'vest X'Verse x'deed X'DEED x'tis X'Tis x'RED 'store",
    "I'M'S'Tx'Ll'lx'\u017fx",
    "a;\nb!\n\n  c...\r\n\r\nd,\n\te :\n:\n", "x://\n//y/\r\n/ ./\n z\n/",
    "a\u01c5b aB\u01c5c B\u01c5 \u01c5a a\u02b0A \u01c5\u01c5 A\u02b0b b\u02b0C \u02b0D\u00aaB E\u05d0f\u05d0G",
    "a\u0301B\u0301C\u0301d \u0301e!\u0301f 1\u03012 \u20ac\u0301x \u00b0\u0301",
    "1\u00bd2\u06603\u21634 \u0663a5\uff15b", "a\u3000 b\u00a0\u00a0 c \u2003\u2003d\u00a0\ne\u2028 f\u0085\u0085g",
]

HARD = EDGES + [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r\n\r\n", " \n", "\n ", "\t\t\n  \n\t x", "a\r\nb\rc\nd",
    "hello", " hello", "hello ", "  hello  ", "Hello, world!", "hello  world   again    and     again",
    "\n\n\n  three newlines then two spaces", "trailing newlines\n\n\n", "trailing spaces    ", "tab\tbetween\t\twords",
    "if x:\n    return 1\n\n\n        deep\n", "{ \"a\" :\t[1,2,\n3] }",
    # Contractions, also where case folding reaches beyond ASCII (long s, Kelvin sign).
    "I'm you're we've they'll he'd don't it's", "I'M YOU'RE WE'VE THEY'LL HE'D DON'T IT'S", "'s 'S 't 'Re 'vE 'lL",
    "''s '' ' s's's'", "it'\u017f \u212aelvin \u0130stanbul \u1e9e stra\u00dfe", "l\u2019\u00e9t\u00e9 don\u2019t",
    # Digits and numbers.
    "0", "1 12 123 1234 12345 123456789012345678901234567890", "3.14159 1,000,000 -42 +7 1e-9 0x1F", "a1b22c333d4444",
    "\u0661\u0662\u0663 \u0967\u0968\u0969 \uff11\uff12 \u00bd \u00b2\u00b3 \u2163 \u3007",
    "555-0199 2024-11-21T03:28:00Z",
    # Scripts.
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u3053\u3093\u306b\u3061\u306f\u30ab\u30bf\u30ab\u30ca",
    "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
    "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5 \u03a3\u03c2",
    "mixed\u6df7\u5408\u0442\u0435\u043a\u0441\u0442\u0645\u062e\u062a\u0644\u0637123",
    "\U00020000\U0002a6d6 \U0001d400\U0001d7d8",
    # Composed and decomposed, order of marks, singletons, composition exclusions.
    "caf\u00e9 cafe\u0301 na\u00efve nai\u0308ve", "\u1112\u1161\u11ab\u1100\u1173\u11af \ud55c\uae00",
    "\u212b \u00c5 A\u030a \u2126 \u03a9",
    "q\u0323\u0307 q\u0307\u0323 \u1e69 s\u0323\u0307", "\u0958 \u0915\u093c \u0344 \u1fbe",
    "\u0301 starts with a mark", "e\u0301\u0302\u0303\u0304\u0305",
    "\ufb01 \u2460 \u33a5 \uff21\uff42 \u00bc", "Tie\u0302\u0301ng Vie\u0323\u0302t",
    # Emoji: joined, with skin tone, flags, variation selectors, keycaps.
    "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd",
    "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "\u2764\ufe0f 1\ufe0f\u20e3 \u2764", "\U0001f680\U0001f680\U0001f680 go\U0001f680go",
    # Invisible, private, control, non-characters, byte order mark, other spaces.
    "a\u0000b\u0000", "\u0001\u0002\u001b[0m\u007f\u0080\u0085\u009f",
    "a\u00a0b\u2003c\u3000d\u202fe\u200bf\u180eg\u2028h\u2029i\u0085j",
    "x\u000by\u000cz\u001cw\u001dv\u001fu", "\ue000\uf8ff\U000f0000\U0010fffd",
    "\ufeffbom \ufffd replaced \ufffe\uffff", "soft\u00adhyphen zero\u200dwidth\u200cjoin",
    "\u202eright to left\u202c", "\u2581 \u2581\u2581 a\u2581b", "\u0120word \u010a \u0100\u0143",
    # Punctuation, code, symbols, markup.
    "!!!???...,,,;;;", "a.b.c...d", "(a) [b] {c} <d> \"e\" 'f' `g`", "a=b==c===d!=e<=f>=g->h=>i::j",
    "https://example.com/a/b?c=d&e=f#g", "keeper@lighthouse.example",
    "\u2211\u222b\u221a \u2264 \u2260 \u221e \u2192 x\u00b2+y\u00b2",
    "\u20ac5 \u00a33 \u00a59 $1 50% #1 @2 ^3 *4 _5 ~6 +7 =8 |9",
    "\u201cquoted\u201d \u2018single\u2019 \u2026 \u2013 \u2014 \u00ab\u00bb",
    "CamelCase XMLHttpRequest iPhone15 snake_case kebab-case SCREAMING_CASE aB Ab AB ab",
    "\u01c5 \u02b0 \u00aa \u01c4\u01c6", "----------==========#########", "  - a\n  - b\n    - c\n",
    # What looks like a token but is none, or a byte token written out.
    "<s> </s> <unk> <0x41> <0xE2><0x82><0xAC>", "<|endoftext|>", "<|endoftext", "<|im_start|>user\nhi<|im_end|>\n",
    "<|begin_of_text|><|eot_id|>", "< s > <S>",
    # Long runs.
    "a" * 300, " " * 129 + "x",
    "\n" * 67, "ab" * 150, "\u00e9" * 100, "\U0001f600" * 40, "1" * 101,
    "Donaudampfschifffahrtsgesellschaftskapitaensmuetze" * 4,
    "unreachable hello gap", "The gap in the map isn't where you've looked.",
]

PIECES = (
    ["a", "B", "the", "ship", "'s", "'LL", "1", "23", "4567", ".", ",", "!?", "--", "_", "(", "}", "//", "<", ">"]
    + [" "] * 12 + ["  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u3000"]
    + ["\u00e9", "e\u0301", "\u00df", "\u0436", "\u03c9", "\u0639", "\u05d0", "\u4e16", "\u754c", "\u3042", "\ud55c",
       "\u1112\u1161\u11ab", "\u0e01\u0e33", "\u0928\u0940", "\U0001f600", "\u200d", "\ufe0f", "\u0301", "\ue000",
       "\U0001f44d\U0001f3fd", "\u0000", "\u2581", "\u0120", "\u00b2", "\u0663", "\u2211", "\u201c", "\U00020000"])


def random_strings(seed, count, extra):
    """Short strings of random pieces; `extra` are the tokenizer's own added tokens."""
    draw = random.Random(seed)
    pieces = PIECES + list(extra)
    return ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 16))) for _ in range(count)]


def around(token):
    """A token in the surroundings that its flags look at."""
    return [token, f"a{token}b", f"a {token} b", f"  {token}  ", f"{token}{token}", f"{token} {token}",
            f"x\n{token}\ny", f"_{token}.", token[:-1], f"the ship {token}the gap"]
