"""Comparison: collections, ages, plants and marks."""

from socli.stories.teller import Teller, frame
from socli.stories.words import Person, times, word


@frame("comparison", 1, 2, 3, 4)
def collections(t: Teller) -> None:
    """One has so many, another some times as many, a third fewer or more; what do all have?"""
    one, two = t.pair()
    things = t.pick("stamps", "comics", "model cars", "badges", "crystals", "foreign coins")
    n, k, d = t.number(8, 40), t.pick(2, 3, 4), t.number(3, 15)
    t.say(
        f"{one} has {n} {things}, and {two} has {times(k)} as many.",
        f"{two} collects {things} and has {times(k)} as many as {one}, who has {n}.",
        f"{one} and {two} both collect {things}. {one} has {n}, which is not much beside {two}, who has {times(k)} as many.",
        f"There are {n} {things} in {one}'s collection, and {times(k)} as many in {two}'s.",
    )
    asks = f"How many {things} does {two} have? | How many {things} are in {two}'s collection?"
    more = t.count(f"{k}*{n}", asks, f"{two} has @ {things}. | {two}'s collection has @ {things}.")
    if t.left > 1:
        _third_collection(t, two, things, (n, more, d))
    elif t.left and t.chance():
        asks = f"How many {things} do the two have together? | How many {things} do they have altogether?"
        t.count(f"{n}+{more}", asks, f"Together they have @ {things}. | Altogether they have @.")
    elif t.left:
        asks = f"How many more {things} does {two} have than {one}? | By how many {things} is {two}'s collection larger?"
        t.count(f"{more}-{n}", asks, f"{two} has @ more. | The difference is @ {things}.")


def _third_collection(t: Teller, two: Person, things: str, counts: tuple[int, int, int]) -> None:
    n, more, d = counts
    three, sign = t.person(), t.pick("-", "+")
    t.need(more - d > 4)
    how = f"{d} {'more' if sign == '+' else 'fewer'}"
    t.say(
        f"{three} has {how} than {two}.",
        f"{three} also collects {things} and has {how} than {two}.",
        f"Then there is {three}, who has {how} than {two}.",
    )
    asks = f"How many {things} does {three} have? | How many {things} are in {three}'s collection?"
    third = t.count(
        f"{more}{sign}{d}", asks, f"{three} has @ {things}. | {three}'s collection has @ {things}."
    )
    asks = f"How many {things} do they have altogether? | How many {things} is that for all of them?"
    total = t.count(
        f"{n}+{more}+{third}", asks, f"Altogether they have @ {things}. | For all of them that is @."
    )
    if t.left:
        per = t.pick(
            *[p for p in (4, 5, 6, 8, 9, 10, 12, 15, 16, 20) if total % p == 0 and total > 2 * p] or [1]
        )
        t.need(per > 1)
        asks = "How many boxes do they fill? | How many boxes do they need?"
        ends = f"For an exhibition they put everything into boxes of {per}. How many boxes do they fill? | "
        ends += f"They put them all together into boxes that hold {per} {things} each. How many boxes do they need?"
        t.count(f"{total}/{per}", asks, "They fill @ boxes. | They need @ boxes.", ends)


@frame("comparison", 1, 2, 3, 4)
def ages(t: Teller) -> None:
    """A child, a parent, a grandparent: how old are they, and how old will they be?"""
    child, age, k, older = t.person(), t.number(8, 13), t.pick(3, 4), t.number(22, 33)
    parent, elder = t.pick("mother", "father"), t.pick("grandmother", "grandfather")
    t.need(k * age <= 50)
    t.say(
        f"{child} is {age} years old, and {child.her} {parent} is {times(k)} as old.",
        f"{child}'s {parent} is {times(k)} as old as {child}, who is {age}.",
        f"{child} has just turned {age}. {child.Her} {parent} is exactly {times(k)} as old.",
        f"Today is {child}'s birthday: {child.she} is {age} now, and {child.her} {parent} is {times(k)} that age.",
    )
    asks = f"How old is {child}'s {parent}? | How old is the {parent}?"
    now = t.count(f"{k}*{age}", asks, f"The {parent} is @ years old. | {child}'s {parent} is @.")
    who = parent
    if t.left in (1, 3):
        t.say(
            f"{child.Her} {elder} is {older} years older than {child.her} {parent}.",
            f"The {elder} is {older} years older than the {parent}.",
        )
        who = elder
        asks = f"How old is {child}'s {elder}? | How old is the {elder}?"
        now = t.count(f"{now}+{older}", asks, f"The {elder} is @ years old. | {child}'s {elder} is @.")
    if t.left:
        then = age + t.number(3, 12)
        asks = f"In how many years will {child} be {then}? | How many years is it until {child} is {then}?"
        years = t.count(f"{then}-{age}", asks, "That is in @ years. | It is @ years until then.")
        asks = f"How old will {child}'s {who} be when {child} is {then}? | How old will the {who} be when {child} is {then}?"
        t.count(f"{now}+{years}", asks, f"The {who} will be @. | By then the {who} is @.")


@frame("comparison", 2, 3, 4, 5)
def growing_plants(t: Teller) -> None:
    """Two plants grow at different speeds: how tall are they then, and when are they the same?"""
    one, two = t.pair()
    plant = t.pick("sunflower", "bean plant", "tomato plant", "maize plant")
    low, fast, weeks = t.number(10, 40), t.number(4, 12), t.number(3, 9)
    if t.left == 3:
        _catching_up(t, (one, two), plant, (low, fast, weeks))
        return
    t.say(
        f"{one} plants a {plant} that is {low} cm tall. It grows {fast} cm a week.",
        f"{one}'s {plant} is {low} cm tall and grows {fast} cm every week.",
        f"{one} measures a {plant} every Sunday. It was {low} cm tall at first and grows {fast} cm a week.",
        f"Every week the {plant} on {one}'s balcony grows {fast} cm. Today it is {low} cm tall.",
    )
    asks = f"How many centimetres does {one}'s plant grow in {word(weeks)} weeks?"
    grown = t.count(f"{weeks}*{fast}", asks, f"In {word(weeks)} weeks it grows @ cm. | It grows @ cm.")
    asks = f"How tall is {one}'s plant after {word(weeks)} weeks, in centimetres?"
    tall = t.count(f"{low}+{grown}", asks, "It is then @ cm tall. | Its height is then @ cm.")
    if t.left == 2:
        pole = tall + fast * t.number(2, 9)
        t.say(
            f"It climbs up a pole of {pole} cm. {one} is away for {word(weeks)} weeks.",
            f"The pole beside it is {pole} cm high. {word(weeks).capitalize()} weeks go by.",
        )
        asks = "How many centimetres is it below the top of the pole? | How far is it then from the top, in centimetres?"
        gap = t.count(f"{pole}-{tall}", asks, "It is @ cm below the top. | The top is @ cm away.")
        asks = "How many more weeks does it take to reach the top?"
        ends = "How many more weeks does it take after that to reach the top of the pole? | "
        ends += "After that, how many weeks are left until it reaches the top of the pole?"
        t.count(f"{gap}/{fast}", asks, "It takes @ more weeks. | That is @ weeks.", ends)
    elif t.left:
        _second_plant(t, (one, two), weeks, (tall, fast))


def _catching_up(t: Teller, owners: tuple[Person, Person], plant: str, growth: tuple[int, int, int]) -> None:
    """The smaller plant grows faster: when are both equally tall?"""
    (one, two), (low, fast, weeks) = owners, growth
    slow = t.pick(*range(2, fast))
    tall = low + (fast - slow) * weeks
    t.say(
        f"{one}'s {plant} is {tall} cm tall and grows {slow} cm a week. {two}'s is only {low} cm tall but grows {fast} cm a week.",
        f"{two}'s {plant} is {low} cm tall and grows {fast} cm every week. {one}'s is {tall} cm tall already and grows {slow} cm every week.",
        f"{one} is proud of a {plant} of {tall} cm, which grows {slow} cm a week. {two} has one of only {low} cm, but it grows {fast} cm a week.",
        f"A {plant} of {low} cm belongs to {two} and gets {fast} cm taller a week. {one}'s measures {tall} cm and gets {slow} cm taller a week.",
    )
    asks = f"How many centimetres taller is {one}'s plant now? | What is the difference now, in centimetres?"
    gap = t.count(f"{tall}-{low}", asks, "It is @ cm taller. | The difference is @ cm.")
    asks = f"How many centimetres does {two}'s plant catch up a week? | By how many centimetres does the gap close each week?"
    gain = t.measure(f"{fast}-{slow}", asks, "Each week it catches up @ cm. | The gap closes by @ cm a week.")
    asks = "After how many weeks are the two plants equally tall? | In how many weeks will both have the same height?"
    t.count(f"{gap}/{gain}", asks, "That takes @ weeks. | They are equal after @ weeks.")


def _second_plant(t: Teller, owners: tuple[Person, Person], weeks: int, first: tuple[int, int]) -> None:
    (one, two), (tall, fast), low, slow = owners, first, t.number(10, 40), t.number(2, 12)
    t.need(slow != fast)
    t.say(
        f"{two}'s plant is {low} cm tall and grows {slow} cm a week.",
        f"{two} has a plant of {low} cm, which grows {slow} cm every week.",
        f"The one that {two} has is {low} cm tall and grows {slow} cm each week.",
    )
    asks = f"How many centimetres does {two}'s plant grow in {word(weeks)} weeks?"
    grown = t.count(f"{weeks}*{slow}", asks, f"In {word(weeks)} weeks it grows @ cm. | It grows @ cm.")
    asks = f"How tall is {two}'s plant after {word(weeks)} weeks, in centimetres?"
    other = t.count(f"{low}+{grown}", asks, "It is then @ cm tall. | Its height is then @ cm.")
    t.need(other != tall)
    more, less = (one, two) if tall > other else (two, one)
    asks = f"How many centimetres taller than {less}'s is {more}'s plant after {word(weeks)} weeks?"
    t.count(f"{max(tall, other)}-{min(tall, other)}", asks, "It is @ cm taller. | The difference is @ cm.")


@frame("comparison", 2, 3, 4)
def mean_of_tests(t: Teller) -> None:
    """Marks of three tests: what is their mean, or what must the fourth be for the mean that is wanted?"""
    kid, one, two, three = t.person(), t.number(58, 95), t.number(60, 92), t.number(56, 96)
    t.need(len({one, two, three}) == 3)
    t.say(
        f"In three maths tests {kid} has scored {one}, {two} and {three} points.",
        f"{kid}'s results in three tests are {one}, {two} and {three} points.",
        f"{kid} has written three spelling tests and got {one}, {two} and {three} points.",
        f"So far this year {kid} has had three tests, with {one}, {two} and {three} points.",
    )
    asks = f"How many points does {kid} have altogether? | How many points are the three tests together?"
    total = t.count(f"{one}+{two}+{three}", asks, f"{kid} has @ points. | Together they are @ points.")
    if t.left == 1:
        asks = f"What is {kid}'s mean score? | How many points is that on average?"
        ends = f"What is the mean of the three results? | How many points does {kid} have on average?"
        t.count(f"{total}/3", asks, "The mean is @ points. | On average that is @ points.", ends)
    else:
        _fourth_test(t, kid, (one, two, three), total)


def _fourth_test(t: Teller, kid: Person, marks: tuple[int, int, int], total: int) -> None:
    goal, best = t.pick(75, 78, 80, 82, 85, 90), max(marks)
    need = 4 * goal - total
    t.need(goal * 3 >= total and 65 <= need <= 100)
    t.say(
        f"{kid} would like a mean of {goal} points over four tests.",
        f"After the fourth test {kid.she} wants to have an average of {goal} points.",
    )
    asks = "How many points make that mean over four tests? | How many points in four tests give that mean?"
    all_ = t.count(f"4*{goal}", asks, "That takes @ points. | In four tests that is @ points.")
    asks = f"How many points does {kid} need in the fourth test? | How many points must {kid} score in the fourth test?"
    last = t.count(f"{all_}-{total}", asks, f"{kid} needs @ points. | {kid} must score @ points.")
    if t.left:
        t.need(last > best)
        asks = f"By how many points is that better than {kid.her} best result? | How many points above {kid.her} best result is that?"
        ends = f"By how many points must {kid.she} beat {kid.her} best result so far? | "
        ends += f"How many points more than in {kid.her} best test does {kid.she} need in the fourth?"
        t.count(f"{last}-{best}", asks, "That is @ points better. | It is @ points above.", ends)
