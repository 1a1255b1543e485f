"""The small world that the stories take place in: people, animals, places, things, weather. Standard library only.

Everything here is plain data. A story draws from these tables once and then keeps what it drew, so that names,
pronouns, places and things stay the same from the first sentence to the last.
"""

GIRLS = ("Mia Lily Anna Emma Zoe Nora Ella Lucy Ruby Ivy Clara Rosa Sara Maya Ada Julia Lena Amy Kate Nina Alice "
         "Sophie Mila Hannah Grace Eva Luna Tina Molly Daisy").split()
BOYS = ("Tom Ben Max Leo Sam Finn Jack Noah Tim Oscar Hugo Omar Theo Felix Luca Paul Ali Jonas Adam Peter Henry Oliver "
        "Eli Ravi Milo Simon Daniel Owen Kai Toby").split()

# Made-up names are put together from these.
SYLLABLES = ("ba be bo da di do fa fi ka ki ko la le li lo ma me mi mo na ne ni no pa ri ro sa se si ta te to va vi wi "
             "ya zi").split()

# Names of animals that are heroes or pets. The pronoun is drawn with the name.
ANIMAL_NAMES = {
    "she": "Poppy Hazel Pearl Willow Bella Coco Olive Honey Misty Penny".split(),
    "he": "Rusty Bruno Pip Max Otto Biscuit Buddy Teddy Rex Oakley".split(),
}

# Heroes that talk. kind -> (adjectives, where it lives, favourite food, what it is good at)
TALKING_ANIMALS = {
    "fox": (("little", "clever", "young"), "in a den under the hill", "blueberries", "run very fast"),
    "rabbit": (("little", "shy", "white"), "in a burrow near the meadow", "carrots", "hop very high"),
    "bear": (("big", "sleepy", "kind"), "in a cave by the river", "honey", "carry heavy things"),
    "mouse": (("tiny", "brave", "gray"), "in a hole in the old barn", "cheese", "squeeze through small gaps"),
    "owl": (("wise", "old", "brown"), "in a hollow oak tree", "nuts", "see in the dark"),
    "duck": (("yellow", "noisy", "little"), "on the pond", "bread", "swim very well"),
    "squirrel": (("quick", "red", "busy"), "in a tall pine tree", "nuts", "climb any tree"),
    "hedgehog": (("small", "quiet", "kind"), "under a pile of leaves", "mushrooms", "roll into a ball"),
    "frog": (("green", "cheerful", "small"), "by the pond", "berries", "jump very far"),
    "turtle": (("slow", "patient", "old"), "near the river", "lettuce", "wait for a long time"),
    "bird": (("small", "blue", "merry"), "in a nest in the apple tree", "seeds", "fly above the trees"),
    "cat": (("soft", "black", "lazy"), "in a house by the sea", "fish", "walk without a sound"),
    "dog": (("brown", "loyal", "happy"), "on a farm", "sausages", "follow a smell"),
    "dragon": (("little", "green", "friendly"), "in a cave on the mountain", "soup", "make a small fire"),
}

# Small animals that need help or turn up: kind -> (trouble, rescue with a tool, sound)
SMALL_ANIMALS = {
    "kitten": ("stuck up in a tree", "a ladder", "meow"),
    "bird": ("caught in a bush", "a pair of gloves", "chirp"),
    "duckling": ("stuck between two stones", "a long stick", "peep"),
    "puppy": ("stuck in a deep hole", "a rope", "bark"),
    "rabbit": ("caught in the fence", "a pair of gloves", "squeak"),
    "frog": ("stuck in a bucket", "a long stick", "croak"),
    "hedgehog": ("stuck in a flower pot", "a pair of gloves", "squeak"),
    "lamb": ("stuck in the mud", "a rope", "bleat"),
}

# place -> (in, to, spots where things hide, things to do there)
PLACES = {
    "park": ("in the park", "to the park", ("under a bench", "behind the big oak tree", "next to the slide",
             "in the tall grass"), ("play on the swings", "feed the ducks", "play catch")),
    "garden": ("in the garden", "to the garden", ("under a rose bush", "behind the shed", "next to the flower pots",
               "between the tomatoes"), ("water the flowers", "pick tomatoes", "look for snails")),
    "forest": ("in the forest", "to the forest", ("under a pile of leaves", "inside a hollow tree",
                                                  "behind a mossy rock",
               "under a fern"), ("pick mushrooms", "look for deer", "climb trees")),
    "beach": ("on the beach", "to the beach", ("under the sand", "behind a big rock", "between two shells",
              "next to a small boat"), ("build a sandcastle", "collect shells", "swim in the sea")),
    "farm": ("on the farm", "to the farm", ("under the hay", "behind the red barn", "next to the well",
             "inside the hen house"), ("feed the hens", "ride the pony", "milk the cow")),
    "river": ("by the river", "to the river", ("under the bridge", "between two stones", "behind a willow tree",
              "in the wet grass"), ("throw stones in the water", "catch fish", "sail paper boats")),
    "meadow": ("in the meadow", "to the meadow", ("in the tall grass", "under a yellow flower", "behind a small hill",
               "next to a molehill"), ("pick flowers", "fly a kite", "chase butterflies")),
    "attic": ("in the attic", "up to the attic", ("inside an old trunk", "under a dusty blanket",
                                                  "behind a broken chair",
              "on a high shelf"), ("play pirates", "read old letters", "try on old hats")),
    "library": ("in the library", "to the library", ("under a table", "behind a row of books", "next to the window",
                "on the bottom shelf"), ("read stories", "look at maps", "draw pictures")),
    "school": ("at school", "to school", ("under a desk", "behind the door", "inside a locker", "next to the coats"),
               ("paint", "sing songs", "play with the other children")),
    "market": ("at the market", "to the market", ("under a fruit stand", "behind a big basket", "next to the fountain",
               "between two boxes"), ("buy apples", "look at the fish", "smell the fresh bread")),
    "hill": ("on the hill", "up the hill", ("behind a big rock", "under an old tree", "in the tall grass",
             "next to the path"), ("fly a kite", "look at the clouds", "roll down the grass")),
}
OUTDOORS = ("park", "garden", "forest", "beach", "farm", "river", "meadow", "hill")

COLORS = ("red", "blue", "green", "yellow", "white", "black", "orange", "purple", "silver")
LOOKS = ("small", "big", "old", "shiny", "round", "wooden", "pretty", "strange", "tiny", "new")

# Things one plays with, wears, finds. noun -> adjectives that suit it
TOYS = {
    "ball": ("red", "blue", "big", "round", "yellow"), "kite": ("red", "blue", "big", "yellow", "new"),
    "doll": ("small", "old", "pretty", "new"), "toy car": ("red", "blue", "shiny", "new"),
    "toy boat": ("white", "blue", "wooden", "small"), "toy train": ("green", "wooden", "old", "red"),
    "teddy bear": ("brown", "soft", "old", "big"), "drum": ("red", "small", "new", "round"),
    "robot": ("silver", "small", "shiny", "new"), "puzzle": ("new", "big", "wooden"),
    "yo-yo": ("green", "red", "shiny"), "whistle": ("silver", "small", "wooden"),
}
CLOTHES = {
    "hat": ("red", "blue", "big", "green", "new"), "scarf": ("red", "long", "warm", "yellow"),
    "mitten": ("red", "warm", "blue"), "backpack": ("green", "blue", "new", "old"),
    "umbrella": ("red", "yellow", "big", "black"), "coat": ("warm", "blue", "yellow", "new"),
}
TREASURES = {
    "key": ("old", "small", "golden", "rusty"), "coin": ("golden", "shiny", "silver", "old"),
    "shell": ("pink", "pretty", "white", "big"), "ring": ("golden", "silver", "shiny", "pretty"),
    "feather": ("blue", "white", "long", "pretty"), "stone": ("round", "blue", "smooth", "shiny"),
    "bell": ("silver", "small", "golden", "old"), "button": ("red", "round", "shiny", "blue"),
    "book": ("old", "big", "blue", "dusty"), "letter": ("old", "blue", "strange"),
    "box": ("wooden", "small", "strange", "old"), "map": ("old", "strange", "big"),
    "lamp": ("old", "golden", "small"), "bottle": ("green", "old", "small"), "crown": ("golden", "small", "shiny"),
    "basket": ("big", "old", "round"), "watch": ("golden", "old", "shiny"), "egg": ("white", "big", "blue", "strange"),
}
# What grows -> (plural, what it becomes, what one does with it)
_EAT, _SHOW = "{A} shared the * with everyone", "{A} showed the * to everyone"
PLANTS = {
    "sunflower": ("sunflowers", "a tall yellow flower", _SHOW), "rose": ("roses", "a bush with red roses", _SHOW),
    "tomato": ("tomatoes", "a plant with round red tomatoes", _EAT), "bean": ("beans", "a long green plant", _EAT),
    "pumpkin": ("pumpkins", "a plant with three orange pumpkins", _EAT),
    "carrot": ("carrots", "a row of sweet orange carrots", _EAT), "apple": ("apples", "a small apple tree", _EAT),
    "strawberry": ("strawberries", "a bush full of sweet strawberries", _EAT),
}
# What one bakes -> (with its article, it or them, what it needs, how that is missing, who has it)
BAKES = {
    "cake": ("a cake", "it", "eggs", "there were no eggs", "the farmer"),
    "bread": ("some bread", "it", "flour", "there was no flour", "the baker"),
    "apple pie": ("an apple pie", "it", "apples", "there were no apples", "the farmer"),
    "cookies": ("some cookies", "them", "sugar", "there was no sugar", "the baker"),
    "pancakes": ("some pancakes", "them", "milk", "there was no milk", "the farmer"),
    "pizza": ("a pizza", "it", "cheese", "there was no cheese", "the shopkeeper"),
    "soup": ("some soup", "it", "carrots", "there were no carrots", "the farmer"),
    "muffins": ("some muffins", "them", "blueberries", "there were no blueberries", "the shopkeeper"),
}
# What one builds -> (of what, what goes wrong, how it is mended, what it does in the end)
BUILDS = {
    "a kite": ("paper and sticks", "the paper tore", "some tape", "flew high above the trees"),
    "a small boat": ("wood and string", "water came in through a hole", "a bit of wax", "sailed across the pond"),
    "a tree house": ("old boards", "a board broke", "a hammer and some nails", "stood strong in the wind"),
    "a sandcastle": ("wet sand", "a wave washed one tower away", "a wall of stones", "stood tall until the evening"),
    "a snowman": ("snow", "the head fell off", "a strong stick", "smiled at everyone who passed"),
    "a bird house": ("thin wood", "the roof fell off", "a little glue", "had a bird in it the next morning"),
    "a toy car": ("a box and four buttons", "a wheel came off", "a little glue", "rolled down the whole street"),
    "a tent": ("sheets and chairs", "the roof fell down", "a long rope", "was warm and cozy all night"),
}
# Skill -> (first try, what happens, advice, success)
SKILLS = {
    "ride a bike": ("got on the bike", "{A:he} fell into the grass", "Look ahead, not down",
                    "rode all the way around the house"),
    "swim": ("jumped into the water", "{A:he} swallowed some water", "Kick your legs slowly",
             "swam from one side to the other"),
    "whistle": ("blew very hard", "it only made a funny noise", "Blow softly", "whistled a whole song"),
    "skate": ("stepped on the ice", "{A:he} slipped and sat down hard", "Bend your knees",
              "made a big circle on the ice"),
    "play the drum": ("hit the drum", "it only made a loud noise", "Count to four", "played a song for the family"),
    "climb a tree": ("held the first branch", "{A:he} slid back down", "Use your feet too",
                     "sat on the highest branch"),
    "read": ("opened a book", "{A:he} got stuck on a long word", "Say each letter slowly", "read a whole page aloud"),
    "tie a knot": ("pulled the string", "the string fell apart", "Make a loop first", "tied a strong knot"),
    "dance": ("began to turn", "{A:he} fell over {A:his} own feet", "Listen to the music",
              "danced through the whole room"),
    "cook an egg": ("put an egg in the pan", "it turned black", "Use a small fire",
                    "made breakfast for the whole family"),
}
# Fear -> (where it starts, the help, what comes of it)
FEARS = {
    "the dark": ("when the lamp went out", "a small night light", "saw that the room was just the same as in the day"),
    "thunder": ("when the storm came", "a warm blanket", "counted the seconds after each flash and laughed"),
    "the deep water": ("when the others jumped into the lake", "a big rubber ring", "floated like a leaf"),
    "big dogs": ("when a big dog came near", "a little treat", "let the dog lick {A:his} hand"),
    "the high slide": ("when it was time to climb the ladder", "a hand to hold", "slid down with a loud laugh"),
    "spiders": ("when a spider sat on the wall", "an empty glass", "carried the spider out into the garden"),
}
# What may be broken -> how it breaks
FRAGILE = {
    "vase": ("threw a ball in the house", "the ball hit the vase"),
    "window": ("kicked a ball too hard", "the ball hit the window"),
    "cup": ("ran through the kitchen", "the cup fell off the table"),
    "lamp": ("jumped on the bed", "the lamp fell down"),
    "plate": ("danced near the table", "the plate fell on the floor"),
    "clock": ("climbed on a chair", "the clock fell off the wall"),
}
# Noise at night -> (who made it, what it wanted, what it gets)
NOISES = {
    "a soft scratching noise": ("a kitten", "wanted to come in", "a warm place to sleep"),
    "a strange tapping noise": ("a bird", "was looking for food", "some bread"),
    "a loud bang": ("a raccoon", "was looking for food", "an apple"), "a long howl": ("the wind", "", ""),
    "a funny squeak": ("a mouse", "was looking for cheese", "a piece of cheese"),
    "a quiet thump": ("a rabbit", "was hiding from the rain", "a warm place to sleep"),
    "a soft knock": ("a hedgehog", "was looking for a warm place", "a box full of leaves"),
}
# (a wish, what it does, what is wrong with it)
WISHES = (
    ("to fly like a bird", "suddenly {A:his} feet left the ground and {A:he} flew over the trees.",
     "but it was cold and lonely up there."),
    ("to talk with the animals", "suddenly {A:he} could hear what every animal said.",
     "but they all talked at the same time and it was much too loud."),
    ("for a mountain of cookies", "suddenly there were cookies everywhere, as high as the house.",
     "but after ten cookies {A:his} tummy hurt."),
    ("for snow in the summer", "suddenly it began to snow.", "but all the flowers were cold and hung their heads."),
    ("to be as small as a mouse", "suddenly the grass was as tall as a forest.",
     "but then a big cat came around the corner."),
    ("to be as tall as a tree", "suddenly {A:he} could look over all the roofs.",
     "but {A:he} could not go in through the door anymore."),
    ("for a house full of toys", "suddenly there were toys in every room.", "but there was no place left to sleep."),
)
# (a treasure, what they did with it)
PRIZES = (
    ("a box full of golden coins", "they shared the coins with the whole village"),
    ("a box full of old toys", "they cleaned the toys and gave them to the little children"),
    ("a small chest full of shiny stones", "each of them kept one stone"),
    ("a big jar of cookies", "they sat down and ate every one of them"),
    ("a box with a silver cup", "they gave the cup to the school"),
)
# (a job, why it is hard, the reward)
JOBS = (
    ("carry a heavy bag up the hill", "the bag was too heavy for one", "a bag full of apples"),
    ("rake the leaves", "there were leaves everywhere", "a warm cup of cocoa"),
    ("paint the fence", "the fence was very long", "a little pot of blue paint"),
    ("find the lost hen", "the hen was nowhere to be seen", "three fresh eggs"),
    ("clear the snow", "the snow was very deep", "a plate of warm cookies"),
    ("water the garden", "all the flowers were dry", "a bunch of roses"),
    ("wash ten windows", "the windows were very dirty", "a big piece of cake"),
)
# (who strayed, where it belongs, how it gets there, what happens then)
STRAYS = (
    ("a little star", "the sky", "climbed the highest hill and threw it up",
     "one star was brighter than all the others"),
    ("a baby bird", "its nest", "climbed up the tree and put it back", "its mother sang a song for {A}"),
    ("a little fish", "the sea", "carried it in a bucket to the water", "it jumped out of the water to say thank you"),
    ("a small turtle", "the pond", "carried it slowly to the pond", "it looked back once more"),
    ("a lost bee", "its hive", "carried it on a flower to the hive", "the bees gave {A} a little honey"),
    ("a small snail", "its garden", "carried it on a big leaf to its garden", "it drew a silver line to say thank you"),
)
LURES = ("a blue butterfly", "a white rabbit", "a red bird", "a big green frog", "the sound of music")
# (what shows the way, how it is followed)
GUIDES = (
    ("a star above the trees", "followed the star"), ("a small light far away", "walked to the light"),
    ("the sound of a bell", "followed the sound"), ("a little river", "followed the water"),
    ("an old owl", "followed the owl"), ("footprints in the mud", "followed the footprints"),
)
# (trouble on the water, what helps)
SEA_TROUBLES = (
    ("the wind stopped, and the boat did not move", "they used their hands to paddle"),
    ("a big wave came, and the boat began to shake", "they held on to each other until it was over"),
    ("water came in through a hole", "{A} put {A:his} hat on the hole while {B} took out the water"),
    ("a thick fog came, and they could not see the shore", "they listened to the bell on the shore and followed it"),
    ("the rope broke, and the sail fell down", "{A} tied the rope with a strong knot"),
)
# (what the dragon's trouble is, what the hero does, what comes of it)
DRAGON_TROUBLES = (
    ("was cold and had lost {D:his} fire", "{A} gave {D:him} very hot soup", "a small flame came out of {D:his} mouth"),
    ("had a thorn in {D:his} foot", "{A} pulled out the thorn", "{D} could walk again"),
    ("had nobody to play with", "{A} played ball with {D:him} all day", "{D} laughed so loud that the hills shook"),
    ("could not fly", "{A} showed {D:him} how birds do it", "{D} spread {D:his} wings and flew around the tower"),
    ("could not sleep", "{A} sang {D:him} a quiet song", "{D} closed {D:his} eyes and slept for three days"),
)
# (what a king or queen lacks, what the hero brings, what it does)
ROYAL_TROUBLES = (
    ("could not laugh", "a small mouse", "the mouse danced on {K:his} crown"),
    ("could not sleep", "an old music box", "the music made {K:him} sleep until the morning"),
    ("had lost {K:his} crown", "a dog with a good nose", "the dog found the crown under the bed"),
    ("was always cold", "a scarf of red wool", "{K:he} was warm again"),
    ("had no friends", "a ball", "they played in the garden until the evening"),
    ("did not like any food", "some bread with honey", "{K:he} ate it all and asked for more"),
)
# (why a train stops, how it goes on)
TRAIN_STOPS = (
    ("a cow stood on the tracks", "the cow walked away"), ("a tree lay on the tracks", "the tree was pulled away"),
    ("there was too much snow", "the snow was cleared"),
)
# (something to perform, what goes wrong, how it ends well)
ACTS = (
    ("sing a song", "{A:he} forgot the words", "{B} began to sing from the first row, and {A} remembered"),
    ("play the drum", "the stick broke", "{A} played on with {A:his} hands"),
    ("dance", "{A:he} lost a shoe", "{A} took off the other one too and danced on"),
    ("do a magic trick", "the rabbit jumped out of the hat", "{B} caught the rabbit and put it on {A:his} head"),
    ("tell a story", "{A:his} voice was gone", "{B} brought a glass of water, and {A} went on"),
)
# (a gift, what it is made of)
GIFTS = (
    ("a card with a big red heart", "paper and paint"), ("a necklace", "shells and string"),
    ("a warm scarf", "blue wool"), ("a small boat", "wood and glue"), ("a picture of the sea", "paper and paint"),
    ("a crown", "gold paper and glue"), ("a little bear", "wool and two buttons"), ("a cake", "eggs and flour"),
)
FAMILY = {"mom": "she", "dad": "he", "grandma": "she", "grandpa": "he", "aunt": "she", "uncle": "he"}
NEIGHBORS = {"Mrs. Green": "she", "Mr. Brown": "he", "Mrs. Bell": "she", "Mr. Hill": "he", "the baker": "he",
             "the farmer": "he", "the teacher": "she", "the old man": "he", "the old woman": "she",
             "the mail carrier": "she"}
TRAITS = ("curious", "kind", "brave", "shy", "cheerful", "quiet", "clever", "little", "young", "careful")
HOMES = ("in a small house near the forest", "in a little town by the sea", "on a farm", "in a village under a hill",
         "in a tall house in the city", "in a yellow house by the river")
