"""What remains: buses, bakeries, fences, sponsors and laps."""

from socli.stories.teller import Number, Teller, frame
from socli.stories.words import Person, capital, part, share_of, word

_STOPS = ("first", "second", "third", "fourth", "fifth")


@frame("rest of", 1, 2, 3, 4, 5)
def bus_line(t: Teller) -> None:
    """People get off and on at stop after stop; perhaps the free seats are counted."""
    driver, n, seats = t.adult(), t.number(18, 45), t.pick(52, 54, 56, 58, 60)
    t.say(
        f"{driver} drives a bus with {n} passengers on board.",
        f"There are {n} passengers on the bus that {driver} drives.",
        f"It is raining, and {n} passengers are already on board when {driver} sets off with the bus.",
        f"When {driver}'s bus leaves the station, {n} passengers are on it.",
    )
    ends_with_seats = t.left > 1 and t.chance()
    for stop in _STOPS[: t.left - ends_with_seats]:
        off, on = t.number(2, 9), t.number(2, 12)
        t.need(off != on)
        t.say(
            f"At the {stop} stop {off} people get off and {on} get on.",
            f"At the {stop} stop {on} people get on and {off} get off.",
            f"{capital(word(off))} people get off at the {stop} stop, and {on} others get on.",
            f"{capital(word(off))} of them get off at the {stop} stop, where {on} others are waiting and get on.",
        )
        asks = f"How many passengers are on the bus after the {stop} stop? | How many are on the bus after the {stop} stop?"
        ends = (
            "How many passengers are on the bus after that? | With how many passengers does the bus drive on?"
        )
        n = t.count(f"{n}-{off}+{on}", asks, "Then @ are on the bus. | That makes @ passengers.", ends)
    if ends_with_seats:
        t.need(n < seats)
        asks = "How many seats are free then? | How many seats of the bus are empty?"
        ends = f"The bus has {seats} seats, and everyone is sitting. How many seats are free? | "
        ends += f"How many of the {seats} seats are empty now if each passenger has one?"
        t.count(f"{seats}-{n}", asks, "There are @ free seats. | @ seats are empty.", ends)


@frame("rest of", 2, 3, 4, 5, 6)
def bakery_day(t: Teller) -> None:
    """Rolls are baked, a fraction is sold in the morning, some in the afternoon, the rest in bags."""
    baker, trays, each = t.adult(), t.number(6, 20), t.pick(12, 15, 18, 20, 24, 30)
    top, bottom = t.pick((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (2, 5), (3, 5))
    t.need(trays * each % bottom == 0)
    rolls = t.pick("bread rolls", "bagels", "croissants", "pretzels")
    t.say(
        f"{baker} bakes {trays} trays of {rolls} with {each} on every tray.",
        f"In {baker}'s bakery there are {trays} trays of {rolls}, and each tray has {each} on it.",
        f"At five in the morning {baker} has {trays} trays of {rolls} ready, with {each} on each tray.",
        f"On each of the {trays} trays that {baker} takes from the oven there are {each} {rolls}.",
    )
    asks = f"How many {rolls} does {baker} bake? | How many {rolls} are on the trays?"
    n = t.count(f"{trays}*{each}", asks, f"{baker} bakes @ {rolls}. | There are @ {rolls}.")
    t.say(
        f"{capital(part(top, bottom))} of them are sold in the morning.",
        f"In the morning {baker} sells {part(top, bottom)} of them.",
        f"Before noon, customers buy {part(top, bottom)} of them.",
    )
    asks = f"How many {rolls} are sold in the morning? | How many {rolls} does {baker} sell in the morning?"
    morning = t.count(share_of(n, top, bottom), asks, "@ are sold. | That is @ of them.")
    if t.left:
        asks = f"How many {rolls} are left after the morning? | How many {rolls} are there in the afternoon?"
        ends = f"How many {rolls} are left for the afternoon? | How many {rolls} are still there at noon?"
        n = t.count(f"{n}-{morning}", asks, f"There are @ left. | That leaves @ {rolls}.", ends)
    if t.left:
        _afternoon(t, baker, rolls, n)


def _afternoon(t: Teller, baker: Person, rolls: str, n: int) -> None:
    school = t.number(12, 60, 2)
    t.need(n - school >= 12)
    t.say(
        f"In the afternoon a school orders {school} {rolls}.",
        f"Later the hospital kitchen buys {school} {rolls}.",
        f"A hotel takes {school} {rolls} in the afternoon.",
    )
    asks = f"How many {rolls} are left in the evening? | How many {rolls} remain after that?"
    n = t.count(f"{n}-{school}", asks, f"There are @ left. | That leaves @ {rolls}.")
    if t.left:
        per = t.pick(*[k for k in (3, 4, 5, 6, 8, 10) if n % k == 0 and n > k] or [1])
        t.need(per > 1)
        t.say(
            f"{baker} packs the rest into bags of {per}.",
            f"The rest are put into bags, {per} in each.",
            f"What remains goes into bags of {per}.",
        )
        asks = "How many bags are filled? | How many bags is that?"
        bags = t.count(f"{n}/{per}", asks, f"{baker} fills @ bags. | That is @ bags.")
    if t.left:
        price = t.price(150, 450, 25)
        asks = "How much do all the bags sell for? | How much money do the bags bring?"
        ends = f"Each bag is sold for ${price}. How much money do the bags bring? | "
        ends += f"How much does {baker} take for the bags at ${price} each?"
        t.money(f"{bags}*{price}", asks, "The bags bring @. | They sell for @.", ends)


@frame("rest of", 1, 2, 3, 4, 5, 6)
def garden_fence(t: Teller) -> None:
    """A rectangle is fenced except for its gate, in sections that have a price."""
    owner, long, wide, gate, size = (
        t.adult(),
        t.number(8, 30),
        t.number(5, 20),
        t.number(2, 4),
        t.pick(2, 3, 4),
    )
    beasts = t.pick("chickens", "sheep", "goats", "rabbits")
    t.need(long > wide and (2 * long + 2 * wide - gate) % size == 0)
    t.say(
        f"{owner} wants to fence in a rectangular meadow for {beasts}. It is {long} metres long and {wide} metres wide.",
        f"The rectangular run for {owner}'s {beasts} is {long} metres long and {wide} metres wide and gets a new fence.",
        f"{owner} keeps {beasts} and is building a fence around a rectangle of {long} metres by {wide} metres.",
        f"A new fence is to go around a rectangular field, {long} metres by {wide} metres, where {owner} keeps {beasts}.",
    )
    asks = "How many metres is it all the way around? | What is the perimeter, in metres?"
    around = t.count(f"2*({long}+{wide})", asks, "All around it is @ metres. | The perimeter is @ metres.")
    if t.left:
        t.say(
            f"A gate takes up {gate} metres of this.",
            f"For {gate} metres of it there is a gate instead of a fence.",
        )
        asks = "How many metres of fence are needed? | How long is the fence without the gate, in metres?"
        fence = t.count(f"{around}-{gate}", asks, "@ metres are needed. | The fence is @ metres long.")
    if t.left:
        t.say(f"The fence comes in sections of {size} metres.", f"A section of fence is {size} metres long.")
        asks = f"How many sections does {owner} need? | How many sections of fence are needed?"
        count = t.count(f"{fence}/{size}", asks, f"{owner} needs @ sections. | @ sections are needed.")
    if t.left:
        _sections_and_gate(t, owner, count)


def _sections_and_gate(t: Teller, owner: Person, count: int) -> None:
    price = t.price(1200, 3600, 50)
    t.say(f"A section costs ${price}.", f"Each section costs ${price}.")
    asks = "How much do the sections cost? | What is the price of all the sections?"
    cost = t.money(f"{count}*{price}", asks, "The sections cost @. | Together they cost @.")
    if t.left:
        extra = t.number(45, 140, 5)
        t.say(f"The gate costs ${extra}.", f"The price of the gate is ${extra}.")
        asks = "How much do fence and gate cost together? | What do the sections and the gate cost together?"
        cost = t.money(f"{cost}+{extra}", asks, "Together they cost @. | Fence and gate cost @.")
    if t.left:
        asks = f"How much does {owner} pay? | How much is half of the cost?"
        ends = f"A neighbour pays half of it all. How much does {owner} have to pay? | "
        ends += f"{owner} and a neighbour each pay half of that. How much does {owner} pay?"
        t.money(f"{cost}/2", asks, f"{owner} pays @. | Half of it is @.", ends)


@frame("rest of", 2, 3, 4, 5, 6)
def sponsored_run(t: Teller) -> None:
    """Sponsors pay for every lap two children run; how much of the goal is missing?"""
    one, two = t.pair()
    sponsors, per, laps, more = t.number(4, 12), t.price(25, 150, 25), t.number(8, 24), t.number(2, 8)
    cause = t.pick("an animal shelter", "the school library", "a new playground", "a children's hospital")
    t.say(
        f"{one} runs for {cause}. {capital(word(sponsors))} sponsors each give ${per} for every lap.",
        f"At a charity run for {cause}, {one} has {word(sponsors)} sponsors, and each of them gives ${per} per lap.",
        f"{one} has found {word(sponsors)} sponsors for a run that helps {cause}. Each of them pays ${per} a lap.",
        f"For every lap that {one} runs at the charity run for {cause}, {word(sponsors)} sponsors pay ${per} each.",
    )
    asks = "How much do all the sponsors give for one lap? | How much money does one lap bring?"
    lap = t.money(f"{sponsors}*{per}", asks, "One lap brings @. | For a lap they give @.")
    t.say(f"{one} runs {laps} laps.", f"{one.She} manages {laps} laps.")
    asks = f"How much money do {one}'s laps bring? | How much does {one} raise?"
    total = t.money(f"{laps}*{lap}", asks, f"{one} raises @. | {one}'s laps bring @.")
    if t.left > 1:
        total = _the_other_runner(t, (one, two), (laps, more, lap), total)
    if t.left:
        goal = int(total) // 10 * 10 + t.number(20, 100, 10)
        asks = "How much money is still missing? | How much is missing to reach the goal?"
        ends = f"The goal is ${goal}. How much money is still missing? | "
        ends += f"How much is missing if the goal is ${goal}?"
        t.money(f"{goal}-{total}", asks, "There is still @ missing. | The goal is @ away.", ends)


def _the_other_runner(
    t: Teller, runners: tuple[Person, Person], run: tuple[int, int, Number], total: Number
) -> Number:
    """What the second runner raises, and the sum of both; the second's laps may have to be found first."""
    (one, two), (laps, more, lap) = runners, run
    other = laps + more
    if t.left == 4 or (t.left == 3 and t.chance()):
        t.say(
            f"{two} runs {more} laps more than {one} and is paid the same amount for each lap.",
            f"The sponsors pay {two} the same for each lap, and {two.she} runs {more} laps more than {one}.",
        )
        asks = f"How many laps does {two} run? | How many laps is that for {two}?"
        other = t.count(f"{laps}+{more}", asks, f"{two} runs @ laps. | That is @ laps.")
    else:
        t.say(
            f"{two} runs {other} laps and is paid the same amount for each lap.",
            f"The sponsors pay {two} the same for each lap, and {two.she} runs {other} laps.",
        )
    asks = f"How much money do {two}'s laps bring? | How much does {two} raise?"
    his = t.money(f"{other}*{lap}", asks, f"{two} raises @. | {two}'s laps bring @.")
    asks = "How much do they raise together? | How much money is that altogether?"
    return t.money(f"{total}+{his}", asks, "Together they raise @. | Altogether that is @.")


@frame("rest of", 1, 2, 3, 4, 5)
def laps_to_go(t: Teller) -> None:
    """Some laps of a distance in kilometres are run: how many metres, laps and minutes are left?"""
    kid, track, goal, minutes = t.person(), t.pick(200, 250, 400, 500), t.number(2, 10), t.pick(2, 3)
    laps = goal * 1000 // track
    t.need(goal * 1000 % track == 0 and laps > 5)
    n = t.pick(*range(3, laps - 1))
    if t.left > 2:
        t.say(
            f"{kid} is going to run {goal} km on a track of {track} metres.",
            f"A lap of the track is {track} metres long, and {kid} wants to run {goal} km.",
            f"“{goal} km today,” says {kid}'s trainer. A lap of the track is {track} metres.",
            f"{kid} has set out to run {goal} km. Each lap of the track has {track} metres.",
        )
        asks = f"How many metres does {kid} want to run? | How many metres are {goal} km?"
        whole = t.count(f"{goal}*1000", asks, f"{kid} wants to run @ metres. | That is @ metres.")
        t.say(
            f"{kid.She} has run {n} laps.", f"So far {kid.she} has done {n} laps.", f"Now {n} laps are done."
        )
    else:
        t.say(
            f"{kid} runs {n} laps of a track that is {track} metres long.",
            f"A lap of the track is {track} metres, and {kid} runs {n} laps.",
            f"To get ready for the school sports, {kid} runs {n} laps of the {track}-metre track.",
            f"On a {track}-metre track, {kid} runs {n} laps.",
        )
    asks = f"How many metres are {n} laps? | How far does {kid} run in {n} laps, in metres?"
    ends = f"How many metres does {kid} run? | How far does {kid} run, in metres?"
    far = t.count(f"{n}*{track}", asks, f"{n} laps are @ metres. | That is @ metres.", ends)
    if t.length == 2:
        ends = f"How many kilometres does {kid} run? | How many kilometres is that?"
        t.measure(
            f"{far}/1000", "How many kilometres is that?", "That is @ km. | In kilometres that is @.", ends
        )
    elif t.left:
        _still_to_run(t, kid, (whole, far), (track, minutes))


def _still_to_run(t: Teller, kid: Person, metres: tuple[int, int], pace: tuple[int, int]) -> None:
    (whole, far), (track, minutes) = metres, pace
    asks = "How many metres are left? | How many metres are still to be run?"
    rest = t.count(f"{whole}-{far}", asks, "There are @ metres left. | That leaves @ metres.")
    if t.left:
        asks = f"How many more laps does {kid} have to run? | How many laps are left?"
        laps = t.count(f"{rest}/{track}", asks, f"{kid} has @ laps to go. | That is @ laps.")
    if t.left:
        asks = f"How many minutes do these laps take? | For how many more minutes does {kid} run?"
        ends = f"Each lap takes {minutes} minutes. For how many more minutes does {kid} run? | "
        ends += f"At {minutes} minutes a lap, for how many more minutes does {kid.she} have to run?"
        t.count(f"{laps}*{minutes}", asks, f"They take @ minutes. | {kid} runs for @ minutes.", ends)
