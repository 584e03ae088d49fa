"""Percentages at home, and honey: a battery, a shower, a budget and a beekeeper's summer."""

from socli.stories.teller import Number, Teller, frame
from socli.stories.words import Person, word


@frame("percentages", 2, 3, 4)
def phone_battery(t: Teller) -> None:
    """A battery runs down while it is used and is charged again."""
    owner, full, rate, hours, speed = (
        t.person(),
        t.number(72, 98),
        t.number(6, 18),
        t.number(2, 5),
        t.pick(2, 3, 4),
    )
    use = t.pick("plays a game", "watches films", "makes a video call")
    if t.left == 4:
        full = 100 - speed * t.number(9, 22) + rate * hours
    t.need(full - rate * hours >= 10 and 60 < full < 100)
    t.say(
        f"The battery of {owner}'s phone is at {full}%. {owner.She} {use} for {word(hours)} hours, and every hour takes {rate} percentage points off.",
        f"{owner} {use} on the phone for {word(hours)} hours. The battery was at {full}% and falls by {rate} percentage points an hour.",
        f"On a long train ride {owner} {use} on the phone for {word(hours)} hours. The battery starts at {full}% and loses {rate} percentage points an hour.",
        f"Whenever {owner} {use}, the battery of the phone loses {rate} percentage points an hour. Today it starts at {full}%, and {owner.she} goes on for {word(hours)} hours.",
    )
    asks = "How many percentage points does the battery lose? | By how many percentage points does the battery fall?"
    used = t.count(f"{rate}*{hours}", asks, "It loses @ points. | It falls by @ points.")
    asks = "At what percentage is the battery then? | What percentage is left in the battery?"
    left = t.count(f"{full}-{used}", asks, "It is then at @%. | There is @% left.")
    if t.left:
        t.say(f"Then {owner} plugs the phone in.", f"After that {owner.she} charges the phone.")
        asks = "How many percentage points are missing to 100%? | How many percentage points is it short of 100%?"
        ends = "How many percentage points does it have to gain to be at 100%? | How many percentage points is it short of 100%?"
        gap = t.count(f"100-{left}", asks, "It is short of @ points. | There are @ points missing.", ends)
    if t.left:
        t.say(
            f"It gains {speed} percentage points every minute.",
            f"Each minute adds {speed} percentage points.",
        )
        asks = "How many minutes does it take to charge it fully? | After how many minutes is the battery at 100%?"
        t.count(f"{gap}/{speed}", asks, "It takes @ minutes. | It is full after @ minutes.")


@frame("percentages", 1, 2, 3, 4, 5)
def shower_head(t: Teller) -> None:
    """A new shower head uses some per cent less water; what is saved in a week, in some weeks?"""
    owner, minutes, flow, less = (
        t.adult(),
        t.number(4, 10),
        t.pick(10, 12, 14, 15, 16),
        t.pick(20, 25, 30, 40, 50),
    )
    t.say(
        f"{owner} showers for {minutes} minutes, and the shower uses {flow} litres of water a minute.",
        f"A shower in {owner}'s home uses {flow} litres of water a minute. {owner} takes {minutes} minutes for a shower.",
        f"{owner} would like to save water. A shower takes {minutes} minutes, and {flow} litres of water run in each of them.",
        f"{owner} stands in the shower for {minutes} minutes, and it uses {flow} litres of water a minute.",
    )
    asks = (
        "How many litres of water does one shower take? | How many litres of water are used for one shower?"
    )
    water = t.count(f"{minutes}*{flow}", asks, "One shower takes @ litres. | A shower uses @ litres.")
    if t.left:
        t.say(
            f"A new shower head uses {less}% less water.",
            f"With a new shower head, {less}% of that water is saved.",
        )
        asks = "How many litres does the new head save each time? | How much water is saved in one shower, in litres?"
        saved = t.count(
            f"{water}*{less}/100", asks, "Each time it saves @ litres. | It saves @ litres a shower."
        )
    if t.left:
        _showers_a_week(t, owner, saved)


def _showers_a_week(t: Teller, owner: Person, saved: int) -> None:
    showers = t.pick(4, 5, 6, 7)
    if t.left == 3 or (t.left == 2 and t.chance()):
        people = t.pick(2, 3, 4)
        t.say(
            f"All {word(people)} people in the family take such a shower {word(showers)} times a week."
            if people > 2
            else f"Both {owner} and {owner.her} partner, which makes two people, take such a shower {word(showers)} times a week.",
            f"There are {word(people)} people in the family, and each of them takes {word(showers)} such showers a week.",
        )
        asks = "How many showers a week does the family take? | How many showers is that a week?"
        showers = t.count(
            f"{people}*{showers}", asks, "That is @ showers. | In all that is @ showers a week."
        )
    else:
        t.say(
            f"{owner} takes {word(showers)} such showers a week.",
            f"{owner} showers {word(showers)} times a week.",
        )
    asks = "How many litres of water are saved in a week? | How much water does that save a week, in litres?"
    week = t.count(f"{showers}*{saved}", asks, "In a week it saves @ litres. | That saves @ litres a week.")
    if t.left:
        weeks = t.number(3, 20)
        asks = f"How many litres of water are saved in {weeks} weeks? | How much water is saved in {weeks} weeks, in litres?"
        t.count(f"{weeks}*{week}", asks, f"In {weeks} weeks it saves @ litres. | That saves @ litres.")


@frame("percentages", 2, 3, 4, 5)
def monthly_budget(t: Teller) -> None:
    """Rent is paid first, then some per cent of what remains; the end goes into savings."""
    worker, pay, share = t.adult(), t.number(1800, 3600, 100), t.pick(20, 25, 30, 35, 40)
    rent = t.number(600, 1300, 50)
    t.need(rent * 2 < pay)
    t.say(
        f"{worker} earns ${pay} a month and pays ${rent} of it in rent.",
        f"Of the ${pay} that {worker} earns a month, ${rent} is for the rent.",
        f"{worker} writes down where the money goes each month: ${pay} comes in, and ${rent} is for the rent.",
        f"Every month {worker} gets ${pay}. The rent takes ${rent} of that.",
    )
    asks = f"How much does {worker} have after paying the rent? | How much is left after the rent?"
    rest = t.money(f"{pay}-{rent}", asks, f"{worker} has @ left. | After the rent there is @ left.")
    t.say(
        f"Of what is left, {share}% goes on food.",
        f"{worker} spends {share}% of the rest on food.",
        f"For food {worker.she} sets aside {share}% of what remains.",
    )
    asks = f"How much does {worker} spend on food? | How much money goes on food a month?"
    food = t.money(f"{rest}*{share}/100", asks, f"{worker} spends @ on food. | Food costs @ a month.")
    if t.left:
        asks = (
            f"How much does {worker} have left after rent and food? | How much remains after rent and food?"
        )
        rest = t.money(f"{rest}-{food}", asks, f"{worker} has @ left. | That leaves @.")
    if t.left:
        bills = t.number(120, 400, 20)
        t.say(
            f"Electricity, phone and train cost ${bills} a month, and everything else is saved.",
            f"Other bills come to ${bills} a month. {worker} saves whatever is left then.",
        )
        asks = f"How much does {worker} save a month? | How much is saved each month?"
        rest = t.money(f"{rest}-{bills}", asks, f"{worker} saves @ a month. | Each month that saves @.")
    if t.left:
        months = t.number(3, 12)
        asks = f"How much does {worker} save in {months} months? | How much money is saved after {months} months?"
        t.money(f"{months}*{rest}", asks, f"In {months} months that is @. | {worker} saves @.")


@frame("rest of", 2, 3, 4, 5, 6)
def beekeeper(t: Teller) -> None:
    """Honey from some hives: a part is kept, the rest is filled into jars and sold."""
    keeper = t.adult() if t.chance() else t.person()
    hives, each, keep, jar = t.number(3, 9), t.number(8, 20), t.number(3, 12), t.pick("0.5", "0.25")
    t.say(
        f"{keeper} has {hives} beehives, and this summer each of them gives {each} kg of honey.",
        f"From each of {hives} beehives {keeper} gets {each} kg of honey.",
        f"It was a good year for bees: {keeper} takes {each} kg of honey from each of {hives} hives.",
        f"Each of {keeper}'s {hives} beehives has given {each} kg of honey this year.",
    )
    asks = "How many kilograms of honey is that? | How much honey is there altogether, in kg?"
    honey = t.count(f"{hives}*{each}", asks, "There are @ kg. | Altogether that is @ kg.")
    t.say(
        f"{keeper.She} keeps {keep} kg for the family and wants to sell the rest.",
        f"Except for {keep} kg, which the family eats, it is all for sale.",
    )
    asks = f"How many kilograms are for sale? | How many kilograms of honey can {keeper} sell?"
    honey = t.count(f"{honey}-{keep}", asks, f"There are @ kg for sale. | {keeper} can sell @ kg.")
    if t.left:
        t.say(
            f"The honey for sale is filled into jars of {jar} kg.",
            f"{keeper.She} puts it into jars that hold {jar} kg each.",
        )
        asks = f"How many jars does {keeper} fill? | How many jars of honey are there to sell?"
        jars = t.count(f"{honey}/{jar}", asks, f"{keeper} fills @ jars. | That makes @ jars.")
    if t.left:
        price = t.price(300, 950, 50)
        t.say(
            f"A jar sells for ${price}, and all of them are sold.", f"All the jars are sold at ${price} each."
        )
        asks = f"How much money does {keeper} get for the jars? | How much do the jars sell for altogether?"
        money = t.money(f"{jars}*{price}", asks, f"{keeper} gets @. | They sell for @.")
    if t.left:
        _profit(t, keeper, jars, money)


def _profit(t: Teller, keeper: Person, jars: int, money: Number) -> None:
    if t.left == 2:
        glass = t.price(20, 60, 10)
        t.say(
            f"Each empty jar had cost {keeper.him} ${glass}.",
            f"{keeper.She} had paid ${glass} for each empty jar with its lid.",
        )
        asks = "How much did the empty jars cost? | What did all the empty jars cost?"
        cost: Number = t.money(f"{jars}*{glass}", asks, "The empty jars cost @. | All of them cost @.")
    else:
        cost = t.number(15, 60, 5)
        t.say(
            f"Jars and labels had cost {keeper.him} ${cost}.",
            f"The place at the market cost {keeper.him} ${cost}.",
        )
    asks = f"How much of the money is profit? | How much does {keeper} have left after that cost?"
    ends = f"How much profit does {keeper} make? | How much does {keeper} earn when all that is taken off?"
    t.money(f"{money}-{cost}", asks, "The profit is @. | That leaves @.", ends)
