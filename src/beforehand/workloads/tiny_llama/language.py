"""A language of questions and answers whose lengths are known in part from the question, and better later on.

A question is words between `<s>` and `<sep>`, an answer ends with `</s>`; each word is one token. Five tasks, equally
likely:

| task   | question            | answer                                        | its length is known               |
|--------|---------------------|-----------------------------------------------|-----------------------------------|
| count  | `count down from N` | `N N-1 ... 1`                                 | from the question                 |
| repeat | `repeat P C times`  | `C : P ; C-1 : P ; ...`                       | from the question                 |
| list   | `list some CAT`     | `total M item . M-1 item . ...`               | as a mean; exactly after two words |
| expand | `expand TPL`        | sentences of 8 words                          | never: it may end after each      |
| tell   | `tell about X`      | `brief X X ...` or `long K : the X and ...`   | which of two kinds after a word   |
"""

from typing import Final, NamedTuple

import numpy as np

START, SEPARATOR, END, PAD = "<s>", "<sep>", "</s>", "<pad>"
MOST_WORDS: Final = 512  # of an answer, the end among them
MOST_COUNTED, MOST_REPEATED, MOST_LISTED = 150, 40, 150
SHAPE: Final = 3.0  # of the negative binomial number of items
LONG_COUNTS: Final = (15, 60)
LONG_SHARE, BRIEF_STOP = 0.3, 1 / 8
FILLERS: Final = (
    "please kindly now then so well hello hi okay today just maybe thanks friend quickly simply here right listen "
    "again sure nice good great fine perhaps also still really gladly briefly dear"
).split()
CATEGORIES: Final = dict(  # and what each lists
    pair.split(":")
    for pair in (
        "fruits:apple trees:oak birds:robin fish:trout tools:hammer stones:granite rivers:danube cities:lisbon "
        "songs:ballad games:chess metals:copper colors:green spices:pepper flowers:tulip boats:ferry stars:vega"
    ).split()
)
MEANS: Final = dict(zip(CATEGORIES, np.geomspace(3, 40, 16).tolist(), strict=True))  # items, by category
PHRASES: Final = [
    phrase.split()
    for phrase in (
        "yes;never;tick tock;cold rain;one more time;over the hill;red blue yellow;all we need is;"
        "deep in the wood;keep calm and go on;what goes up comes down;slow and steady wins;the cat sat on it;"
        "long live the little king;who let them out last night;bread milk eggs tea salt oil"
    ).split(";")
]
SENTENCES: Final = {  # each of eight words with its period
    "notice": "we will close the gate at nine .".split(),
    "recipe": "stir the pot and add some flour .".split(),
    "legend": "an old man walked to the sea .".split(),
    "report": "the team found no fault in it .".split(),
    "letter": "i hope that you are very happy .".split(),
    "sermon": "let us be kind to each other .".split(),
    "manual": "press the small button and wait there .".split(),
    "speech": "my people this is our best hour .".split(),
}
STOPS: Final = dict(zip(SENTENCES, (1 / 2, 1 / 2, 1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 16, 1 / 16), strict=True))
TOPICS: Final = (
    "moon winter paris whales chess coffee bees trains snow gold glass wolves sand maps clocks bridges"
).split()
TASKS: Final = ("count", "repeat", "list", "expand", "tell")
COMMANDS: Final = (
    "count down from repeat times list some expand tell about total brief long : ; . the and its story"
).split()


class Exchange(NamedTuple):
    """A question and its answer, as words; the answer ends with `</s>` unless it was cut at 512 words."""

    task: str
    question: list[str]
    answer: list[str]


def vocabulary() -> list[str]:
    """All words, each once; the place of a word is its token."""
    words = [PAD, START, SEPARATOR, END, *map(str, range(MOST_COUNTED + 1)), *COMMANDS, *FILLERS, *CATEGORIES]
    words += [*CATEGORIES.values(), *TOPICS, *SENTENCES]
    words += [word for several in (*PHRASES, *SENTENCES.values()) for word in several]
    return list(dict.fromkeys(words))


def draw(random: np.random.Generator) -> Exchange:
    """One question, with up to six filler words before and after the command, and one lawful answer."""
    task = TASKS[random.integers(len(TASKS))]
    command, answer = _DRAWN[task](random)
    before, after = ([FILLERS[i] for i in random.integers(len(FILLERS), size=random.integers(7))] for _ in range(2))
    return Exchange(task, [START, *before, *command, *after, SEPARATOR], [*answer, END][:MOST_WORDS])


def command_of(question: list[str]) -> tuple[str, list[str]]:
    """The task of a question, and its command without fillers.

    Raises:
        ValueError: it is no question of this language.
    """
    words = [word for word in question if word not in _AROUND]
    if not words or words[0] not in TASKS:
        raise ValueError(f"{' '.join(question)!r} is no question of this language")
    return words[0], words


def _log_uniform(random: np.random.Generator, most: int) -> int:
    return int(np.floor(np.exp(random.uniform(0, np.log(most + 1)))))


def _count(random: np.random.Generator) -> tuple[list[str], list[str]]:
    top = _log_uniform(random, MOST_COUNTED)
    return ["count", "down", "from", str(top)], [str(n) for n in range(top, 0, -1)]


def _repeat(random: np.random.Generator) -> tuple[list[str], list[str]]:
    phrase, times = PHRASES[random.integers(len(PHRASES))], _log_uniform(random, MOST_REPEATED)
    answer = [word for n in range(times, 0, -1) for word in (str(n), ":", *phrase, ";")]
    return ["repeat", *phrase, str(times), "times"], answer


def _list(random: np.random.Generator) -> tuple[list[str], list[str]]:
    category = list(CATEGORIES)[random.integers(len(CATEGORIES))]
    mean = MEANS[category]
    items = min(int(random.negative_binomial(SHAPE, SHAPE / (SHAPE + mean))), MOST_LISTED)
    answer = [word for n in range(items, 0, -1) for word in (str(n), CATEGORIES[category], ".")]
    return ["list", "some", category], ["total", *(answer or ["0"])]


def _expand(random: np.random.Generator) -> tuple[list[str], list[str]]:
    template = list(SENTENCES)[random.integers(len(SENTENCES))]
    return ["expand", template], SENTENCES[template] * int(random.geometric(STOPS[template]))


def _tell(random: np.random.Generator) -> tuple[list[str], list[str]]:
    topic = TOPICS[random.integers(len(TOPICS))]
    if random.random() >= LONG_SHARE:
        return ["tell", "about", topic], ["brief", *[topic] * int(random.geometric(BRIEF_STOP))]
    counts = range(int(random.integers(LONG_COUNTS[0], LONG_COUNTS[1] + 1)), 0, -1)
    answer = [word for n in counts for word in (str(n), ":", "the", topic, "and", "its", "story")]
    return ["tell", "about", topic], ["long", *answer]


_DRAWN = {"count": _count, "repeat": _repeat, "list": _list, "expand": _expand, "tell": _tell}
_AROUND = {START, SEPARATOR, *FILLERS}
