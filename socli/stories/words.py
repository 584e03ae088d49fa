"""Wording that the frames share: people and their pronouns, numbers as words, articles.

The names of the three splits have nothing in common. Every story names somebody, so no text of one
split can occur in another, whatever the numbers are.
"""

from typing import Literal

Split = Literal["train", "test", "unseen"]


class Person(str):
    """A name that knows its pronouns: `she`, `her` (possessive), `him` (object), and `She`, `Her`."""

    she: str
    her: str
    him: str
    She: str
    Her: str

    def __new__(cls, name: str, female: bool) -> "Person":
        """The name itself; the pronouns are its attributes."""
        person = super().__new__(cls, name)
        person.she, person.her, person.him = ("she", "her", "her") if female else ("he", "his", "him")
        person.She, person.Her = person.she.capitalize(), person.her.capitalize()
        return person


def _people(girls: str, boys: str) -> tuple[tuple[Person, ...], tuple[Person, ...]]:
    return tuple(Person(n, True) for n in girls.split()), tuple(Person(n, False) for n in boys.split())


PEOPLE: dict[Split, tuple[tuple[Person, ...], tuple[Person, ...]]] = {
    "train": _people(
        "Mia Leila Hannah Sofia Priya Nora Amara Clara Yuki Elena Fatima Zoe Ingrid Lucia Maya Tessa Anika "
        "Naomi Rosa Emma Olivia Aisha Freya Carmen Julia Mei Kiara Ella Dana Alice Eva Lena",
        "Ben Omar Leo Diego Noah Kofi Arjun Felix Hiro Samir Theo Marco Tariq Oscar Adam Jamal Peter Daniel "
        "Viktor Ravi Ethan Simon Pablo Anton Karim Henry Liam Emil Jack Ivan Bruno David",
    ),
    "test": _people(
        "Beatriz Chloe Dalia Esther Gita Helena Isla Jasmin Keiko Linnea Mariam Nadia Odette Paula Ruth "
        "Saskia Talia Ursula Vera Wanda Yasmin Zahra",
        "Abel Casper Dmitri Enzo Farid Goran Hugo Joel Kenji Levi Milo Nikhil Otto Pedro Quentin Rafael "
        "Stefan Timo Umar Walter Yusuf Zoltan",
    ),
    "unseen": _people(
        "Adele Bella Celeste Divya Edith Flora Greta Hilda Imani Joanna Kavya Lydia Martha Nina Petra Rachel "
        "Sara Thea Valerie Zelda",
        "Albert Bilal Conrad Dario Edgar Fabio Gabriel Hamza Isaac Julian Kwame Lorenzo Martin Nathan "
        "Orlando Philip Roman Sergei Tobin Vincent",
    ),
}
"""The girls and the boys of each split."""


def _split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


SURNAMES: dict[Split, tuple[str, ...]] = {
    "train": _split(
        "Okafor Lindqvist Moreau Tanaka Novak Silva Haddad Becker Sharma Brennan Keller Ito Murphy Kaya "
        "Bianchi Osei Patel Romero Sato Varga Fraser Zhou"
    ),
    "test": _split(
        "Petrov Castillo Nakamura Olsen Mbeki Rossi Cohen Larsen Gupta Weber Bauer Horvat Quinn Duarte"
    ),
    "unseen": _split("Ortega Jensen Khan Fischer Laurent Mensah Ibarra Yilmaz Farrell Kimura Lopez Virtanen"),
}
"""The surnames of the grown-ups of each split."""

_WORDS = _split(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_PARTS = {
    2: ("half", "halves"),
    3: ("a third", "thirds"),
    4: ("a quarter", "quarters"),
    5: ("a fifth", "fifths"),
    6: ("a sixth", "sixths"),
}


def word(n: int) -> str:
    """The number as a word up to twenty, in digits above: `three`, `24`."""
    return _WORDS[n] if n <= 20 else str(n)


def capital(text: str) -> str:
    """The text with its first letter large, the rest untouched."""
    return text[0].upper() + text[1:]


def part(top: int, bottom: int) -> str:
    """The fraction in words: `half`, `a third`, `two fifths`."""
    one, many = _PARTS[bottom]
    return one if top == 1 else f"{_WORDS[top]} {many}"


def share_of(whole: int, top: int, bottom: int) -> str:
    """The calculation of a fraction of something: `12/3`, `12*2/3`."""
    return f"{whole}/{bottom}" if top == 1 else f"{whole}*{top}/{bottom}"


def times(n: int) -> str:
    """`twice`, `three times`, `four times`."""
    return "twice" if n == 2 else f"{word(n)} times"


def every(n: int) -> str:
    """`both`, `all three`, `all four`."""
    return "both" if n == 2 else f"all {word(n)}"


def a(text: str | int) -> str:
    """The text with its article: `a 5-minute walk`, `an 18-page story`, `an apple`."""
    text = str(text)
    vowel = text[0] in "aeiouAEIOU8" or text in ("11", "18")
    return f"{'an' if vowel else 'a'} {text}"
