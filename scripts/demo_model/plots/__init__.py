"""The plots: each is a chain of causes that a hero walks through in 4 to 9 sentences. Standard library only.

A plot draws its cast, then says its beats in order; later beats use only what earlier ones set up (who is there, what
was lost, where it lay, what broke and what mends it), so a reader, and a model, can follow why each thing happens.

Slots by custom: A the hero, B a friend, M one of A's family, N somebody from the street, T a thing, P a place, W when.
"""

from plots import adventures, finding, friends, helping, home, making

PLOTS = adventures.PLOTS + finding.PLOTS + friends.PLOTS + helping.PLOTS + home.PLOTS + making.PLOTS
