"""Who and what the questions are about: plain tables. Standard library only."""

from world import BOYS, GIRLS

SHE = tuple(GIRLS) + ("Martha", "Agnes", "Ines", "Frida", "Olga", "Paula", "Edith", "Naomi", "Greta", "Wanda")
HE = tuple(BOYS) + ("Victor", "Bruno", "Oskar", "Emil", "Karl", "Amir", "Diego", "Ivan", "Rolf", "Conrad")
NAMES = SHE + HE
THINGS = tuple("""key coin lamp book letter ring bell basket bottle box map watch crown feather shell stone button kite
ball doll drum robot whistle hat scarf coat umbrella backpack knife spoon cup plate hammer rope candle mirror brush
pencil ladder bucket blanket clock violin camera compass magnet pillow ticket flag marble needle saw shovel
lantern""".split())
PLACES = tuple("""kitchen garden barn library attic cellar market school harbour forest park museum station bakery
church mill castle stable theatre office hall tower meadow workshop""".split())
FOODS = tuple("""soup cheese bread honey rice pizza carrots apples plums nuts noodles pancakes beans fish cake salad
pears porridge cherries mushrooms""".split())
FILL = {"weather": ("sunny", "rainy", "windy", "foggy", "cold", "warm", "cloudy", "quiet"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "mood": ("happy", "tired", "busy", "calm", "hungry", "cheerful", "sleepy", "curious")}
NUMBERS = tuple(str(n) for n in range(100, 1000))
DIGITS = tuple("0123456789")
COUNTS = tuple("1 2 3 4 5 6 7 8".split())
# Made-up words to be defined: two or three syllables, so that none is English.
_A, _B = "bor dal fim gul hep jov kes lum".split(), "ak ib on uf el oz".split()
WORDS = tuple(a + b + c for a in _A for b in _B for c in ("", "ta", "mi"))
# What a short answer may be, by type: the baselines may choose among these only.
ANSWERS = {"person": NAMES, "thing": THINGS, "place": PLACES, "food": FOODS, "number": NUMBERS, "count": COUNTS,
           "other": ()}
