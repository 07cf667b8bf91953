"""Small talk that fills the days between what matters: made by seed, answers no question.

It names the same people and uses the same words as the questions, as real chatter does, so that
a search has something to be wrong about. The two halves of the yardstick share no frame.
"""

from random import Random

Pair = tuple[str, str]

# Even places belong to the half that may be tuned on, odd ones to the half that is held out.
FRIENDS: tuple[Pair, ...] = (
    ("Did you see the {weather} this morning?", "Yes, I nearly turned back at the door."),
    ("I can't get that {tune} out of my head.", "Please don't sing it again."),
    ("{who} at work talked about {topic} for an hour.", "And you listened? You have patience."),
    ("My {thing} gave up today.", "Mine too last month, they don't last any more."),
    ("We had {dish} for lunch, it was too salty.", "You always say that about {dish}."),
    ("The bus was {minutes} minutes late again.", "Walk, it's healthier."),
    ("I slept badly, the {noise} kept me awake.", "Try cotton wool in your ears."),
    ("I watched a programme about {topic} last night.", "Was it any good?"),
    ("{who} sends greetings, by the way.", "Oh, say hello back."),
    ("What do you think of {dish} for the weekend?", "Only if you cook."),
    ("I lost my {thing} and found it in the fridge.", "That happens to the best of us."),
    ("Somebody parked in front of the gate, {who} was furious.", "I can imagine the scene."),
    ("I'm reading something about {topic}, slowly.", "Tell me when it gets exciting."),
    ("The queue in the {shop} went out to the street.", "It's like that every Saturday."),
    ("Do you ever think about {topic}?", "Not before coffee."),
    ("The {shop} has changed its opening hours.", "Again? Nobody can remember those."),
    ("How was your day?", "Long. Meetings, {dish} from a box, and then {weather}."),
    ("What are you up to?", "Ironing, with a podcast about {topic}."),
    ("I bought a new {thing}, it was half price.", "You and your bargains."),
    ("{who} wants to sell me a {thing}.", "Don't, you have two already."),
    ("The price of coffee in the {shop} is a joke.", "Then drink tea like me."),
    ("{weather} until Thursday, they say.", "I'll believe it when I see it."),
    ("I dreamt of {topic}, no idea why.", "Too much cheese in the evening."),
    ("My phone has {minutes} percent left, I'll be short.", "Charge it, we'll talk tomorrow."),
    ("Are you coming on Saturday?", "If the {weather} allows it."),
    ("I made a list of everything that needs doing. It has {minutes} lines.", "Start with tea."),
    ("Have you ever tried {dish}?", "Once, at {who}'s place. Never again."),
    ("I had to laugh today, {who} fell asleep in the meeting.", "The lucky one."),
    ("It smells of {dish} in the whole staircase.", "Then you know where to ring."),
    ("I ought to move more.", "Everybody says so in this {weather}."),
    ("My back hurts from carrying the {thing}.", "You should have called somebody."),
    ("The children next door practise the {tune} every day.", "At least they practise."),
    ("How old is that {thing} of yours?", "Older than the internet."),
    ("Is there anything good at the {shop}?", "Their {dish} is decent."),
    ("I think I'm getting a cold.", "Ginger, honey, bed. In that order."),
    ("{who} is on holiday and posts pictures of {dish}.", "How original."),
)
ASSISTANT: tuple[Pair, ...] = (
    ("What can I make out of {dish} from yesterday?", "Fry it with an egg and some herbs."),
    ("How do I get {stain} out of a shirt?", "Cold water and soap first, then the machine."),
    ("Write two friendly lines to {who}, I can't come on Friday.", "Dear {who}, I'm so sorry."),
    ("Explain {topic} to me in three sentences.", "Gladly. It's less odd than it sounds."),
    ("Is {minutes} minutes enough for a walk around the block?", "Yes, if you don't dawdle."),
    ("Remind me how one descales a {thing}.", "Vinegar and water, one to two, then rinse well."),
    ("I need a joke about {topic}.", "I know one, but it's old."),
    ("What's the difference between {dish} and a casserole?", "Mostly the oven."),
    ("The {thing} makes a strange noise.", "Does it come from the left or the right?"),
    ("Give me a word for being tired of {weather}.", "Winterworn, if you allow me to invent one."),
    ("Check the spelling of this note to {who}.", "Two commas, otherwise it's perfect."),
    ("How long do I boil {dish}?", "About {minutes} minutes on a small flame."),
    ("What should I wear in {weather}?", "Layers, and shoes that forgive."),
    ("Compare the {shop} with the one in the next village.", "One is cheaper, one is nicer."),
    ("Make a shopping list for {dish}.", "Done: six things, all from the {shop}."),
    ("Tell me something surprising about {topic}.", "Nobody agreed on it for a century."),
    ("Translate a greeting for {who}.", "Here you are, formal and short."),
    ("I can't concentrate, {noise} all day.", "Shall we try blocks of {minutes} minutes?"),
    ("Summarise this article on {topic}.", "In short: more research is needed."),
    ("Which day is it, I'm completely lost.", "A working day, I'm afraid."),
    ("How do I wrap a {thing} for the post?", "Two layers of paper and a box that is too large."),
    ("My {thing} is slow, what can I do?", "Turn it off and on, then look for updates."),
    ("Is it worth repairing a {thing}?", "If it costs less than half a new one, yes."),
    ("Sort these names, {who} first.", "Sorted, with {who} at the top."),
    ("What goes well with {dish}?", "Something sour and something green."),
    ("Plan a rainy Sunday for me.", "Late breakfast, {topic}, soup, early night."),
    ("How much is a quarter of {minutes}?", "Divide by two, twice."),
    ("I have to speak about {topic} for five minutes.", "Open with a question."),
    ("Suggest a small present for {who}.", "A plant, or a good knife."),
    ("I'm annoyed by {noise}.", "That's understandable. Earplugs, or a kind word?"),
    ("What was the poem about {weather} called?", "There are hundreds, give me one line of it."),
    ("Set up a table for my {shop} receipts.", "Date, place, amount, and a total below."),
    ("I burnt the {dish}.", "Soak the pan overnight and open a window."),
    ("Draft a complaint to the {shop}.", "Polite in the first line, firm in the second."),
    ("What's on the list for tomorrow?", "Nothing that cannot wait until ten."),
    ("Good night, I'm going to bed.", "Sleep well, I'll be here."),
)
WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "weather": (
        ("fog", "hail", "wind", "drizzle", "the first snow", "thunder", "heat"),
        ("sleet", "sunshine", "storm", "black ice", "rain", "humidity", "haze"),
    ),
    "tune": (
        ("advert jingle", "old hit", "carol", "waltz"),
        ("march", "pop song", "ringtone", "hymn"),
    ),
    "who": (
        ("Lena", "Oskar", "Petra", "my colleague", "the boss", "Milos", "the caretaker"),
        ("Gustav", "Birgit", "Tove", "a colleague", "the postman", "Anders", "the librarian"),
    ),
    "topic": (
        (
            "bees",
            "tax forms",
            "football",
            "Roman roads",
            "the election",
            "trains",
            "old films",
            "hospitals",
            "running shoes",
            "family trees",
            "schools",
            "moving house",
        ),
        (
            "whales",
            "parking fees",
            "handball",
            "Vikings",
            "the new mayor",
            "bridges",
            "crime novels",
            "insurance",
            "heart rates",
            "weddings",
            "music schools",
            "wine prices",
        ),
    ),
    "thing": (
        ("kettle", "umbrella", "bicycle pump", "printer", "lamp", "rucksack", "toaster", "radio"),
        ("hoover", "raincoat", "laptop", "drill", "camera", "ladder", "coffee machine", "scale"),
    ),
    "dish": (
        ("goulash", "pancakes", "lentil soup", "pizza", "potato salad", "noodles", "apple cake"),
        ("meatballs", "risotto", "pea soup", "quiche", "herring", "dumplings", "onion tart"),
    ),
    "noise": (
        ("the neighbour's television", "a barking dog", "the rubbish lorry", "a dripping tap"),
        ("the building site", "a cat in love", "church bells", "the washing machine"),
    ),
    "shop": (
        ("bakery", "chemist's", "post office", "market hall", "book shop"),
        ("supermarket", "fish market", "garden centre", "garage", "bank"),
    ),
    "stain": (("wine", "ink", "beetroot"), ("oil", "blood", "coffee")),
    "minutes": (("7", "15", "20", "35", "50"), ("5", "12", "18", "25", "40")),
}


def exchange(chance: Random, *, with_assistant: bool, is_held_out: bool) -> Pair:
    """One remark and its answer, of the half's own frames and words."""
    half = int(is_held_out)
    frames = (ASSISTANT if with_assistant else FRIENDS)[half::2]
    said, answered = chance.choice(frames)
    words = {slot: chance.choice(halves[half]) for slot, halves in WORDS.items()}
    return said.format(**words), answered.format(**words)
