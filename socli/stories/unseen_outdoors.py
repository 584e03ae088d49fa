"""Frames kept out of train and test, part one: mountain, lighthouse, theatre, election, wages, candles."""

from decimal import Decimal

from socli.stories.teller import Number, Teller, frame, plain
from socli.stories.words import Person, times, word


@frame("unseen", 2, 3, 4)
def colder_on_the_mountain(t: Teller) -> None:
    """The air gets colder with every hundred metres: how warm is it at the top?"""
    hiker, low, climb = t.person(), t.number(300, 900, 50), t.number(600, 1800, 100)
    drop, warm = Decimal(t.pick("0.5", "0.6", "0.7")), t.number(16, 27)
    if t.left == 4 or (t.left == 3 and t.chance()):
        t.say(
            f"{hiker} walks from a valley at {low} metres above the sea to a summit at {low + climb} metres.",
            f"The summit that {hiker} wants to climb is {low + climb} metres above the sea. The valley lies at {low} metres.",
            f"A cable car takes {hiker} from {low} metres above the sea up to {low + climb} metres.",
        )
        asks = "How many metres higher is it at the top? | How many metres does the way lead up?"
        climb = t.count(
            f"{low + climb}-{low}", asks, "At the top it is @ metres higher. | It leads up @ metres."
        )
    else:
        t.say(
            f"{hiker} climbs {climb} metres from a village to the top of a mountain.",
            f"The mountain top that {hiker} walks up to is {climb} metres higher than the village.",
            f"From a village {hiker} takes a cable car that goes up {climb} metres to the top of a mountain.",
        )
    t.say(
        f"With every 100 metres the air gets {drop} degrees colder.",
        f"The temperature falls by {drop} degrees for every 100 metres.",
    )
    asks = "How many times 100 metres is that? | How many hundreds of metres does it go up?"
    hundreds = t.count(f"{climb}/100", asks, "It is @ times 100 metres. | There are @ hundreds.")
    asks = "By how many degrees does it get colder? | How many degrees colder is it at the top?"
    cold = t.measure(f"{hundreds}*{drop}", asks, "It gets @ degrees colder. | The difference is @ degrees.")
    if t.left:
        asks = "How many degrees is it at the top? | What is the temperature at the top, in degrees?"
        ends = f"Down below it is {warm} degrees. What is the temperature at the top, in degrees? | "
        ends += f"How many degrees is it at the top when it is {warm} degrees at the bottom?"
        t.measure(f"{warm}-{cold}", asks, "At the top it is @ degrees. | That makes @ degrees.", ends)


@frame("unseen", 1, 2, 3, 4, 5)
def lighthouse_stairs(t: Teller) -> None:
    """Steps from floor to floor of a lighthouse: how many, how high, how often?"""
    keeper, floors, each = t.adult(), t.number(5, 12), t.number(14, 24)
    t.say(
        f"In {keeper}'s lighthouse, {floors} flights of stairs lead to the lamp, and each flight has {each} steps.",
        f"{keeper} looks after a lighthouse. To reach the lamp {keeper.she} climbs {floors} flights of {each} steps each.",
        f"The stairs of an old lighthouse keep {keeper} fit: there are {floors} flights up to the lamp, with {each} steps in each.",
    )
    asks = "How many steps lead to the lamp? | How many steps are there up to the lamp?"
    steps = t.count(f"{floors}*{each}", asks, "There are @ steps. | @ steps lead up.")
    if t.left in (1, 4) or (t.left in (2, 3) and t.chance()):
        _how_high(t, steps)
    elif t.left:
        _how_often(t, keeper, steps)


def _how_high(t: Teller, steps: int) -> None:
    height = t.pick(16, 17, 18, 20)
    t.say(f"A step is {height} cm high.", f"Every step is {height} cm high.")
    asks = "How many centimetres do the steps rise? | How many centimetres do the stairs go up in all?"
    rise = t.count(f"{steps}*{height}", asks, "They rise @ cm. | The stairs go up @ cm.")
    if t.left:
        asks = "How many metres is that? | How many metres do the stairs rise?"
        ends = "How many metres higher than the foot of the stairs is the lamp? | How many metres do the stairs rise?"
        up = t.measure(f"{rise}/100", asks, "That is @ metres. | In metres that is @.", ends)
    if t.left:
        rock = t.number(6, 40)
        t.say(
            f"The foot of the stairs is {rock} metres above the sea.",
            f"The tower stands on a cliff, so that its stairs begin {rock} metres above the sea.",
        )
        asks = "How many metres above the sea is the lamp? | At what height above the sea is the lamp, in metres?"
        up = t.measure(f"{up}+{rock}", asks, "The lamp is @ metres above the sea. | Its height is @ metres.")
    if t.left:
        other = int(up) + t.number(5, 30)
        asks = "How many metres higher is the other lamp? | By how many metres is the other lamp higher?"
        ends = f"The lamp of the next lighthouse is {other} metres above the sea. How many metres higher is that? | "
        ends += (
            f"Along the coast there is a lamp {other} metres above the sea. By how many metres is it higher?"
        )
        t.measure(f"{other}-{up}", asks, "It is @ metres higher. | The difference is @ metres.", ends)


def _how_often(t: Teller, keeper: Person, steps: int) -> None:
    """Up and down, so many times a day, on so many days."""
    asks = "How many steps is it up and down again? | How many steps is it there and back?"
    ends = f"How many steps does {keeper} take to go up and down again? | How many steps is it all the way up and down again?"
    walk = t.count(f"2*{steps}", asks, "Up and down it is @ steps. | There and back it is @ steps.", ends)
    if t.left:
        often = t.pick(2, 3, 4)
        t.say(
            f"{keeper} goes up and down {times(often)} a day.",
            f"{keeper.She} makes the trip up and down {times(often)} a day.",
        )
        asks = f"How many steps does {keeper} take a day? | How many steps is that a day?"
        walk = t.count(f"{often}*{walk}", asks, f"That is @ steps a day. | {keeper} takes @ steps.")
    if t.left:
        days = t.pick(3, 4, 5, 6)
        asks = f"How many steps does {keeper} take in {word(days)} days? | How many steps is that in {word(days)} days?"
        t.count(f"{days}*{walk}", asks, f"In {word(days)} days that is @ steps. | {keeper} takes @ steps.")


@frame("unseen", 1, 2, 3, 4, 5, 6)
def theatre_seats(t: Teller) -> None:
    """Seats in the stalls and in the gallery have prices of their own; what does a full house bring?"""
    head, rows, wide, high, few = (
        t.adult(),
        t.number(8, 20),
        t.number(12, 24),
        t.number(4, 9),
        t.number(10, 20),
    )
    dear = t.price(1400, 2600, 50)
    t.say(
        f"In {head}'s theatre there are {rows} rows of {wide} seats in the stalls.",
        f"The stalls of the theatre that {head} runs have {rows} rows with {wide} seats in each.",
        f"{head} has opened a theatre whose stalls have {rows} rows of {wide} seats.",
    )
    if t.left > 2:
        t.say(
            f"In the gallery there are {high} rows of {few} seats.",
            f"The gallery has {high} rows of {few} seats.",
        )
    asks = "How many seats are there in the stalls? | How many seats do the stalls have?"
    stalls = t.count(f"{rows}*{wide}", asks, "There are @ seats. | The stalls have @ seats.")
    if t.left == 1:
        asks = "How much do all the seats in the stalls bring? | How much money is that when the stalls are full?"
        ends = f"A seat costs ${dear}. How much money do the stalls bring when they are full? | "
        ends += f"How much money comes in if every one of them is sold for ${dear}?"
        t.money(f"{stalls}*{dear}", asks, "They bring @. | Full stalls bring @.", ends)
    elif t.left:
        asks = "How many seats are there in the gallery? | How many seats does the gallery have?"
        above = t.count(f"{high}*{few}", asks, "There are @ seats. | The gallery has @ seats.")
    if t.left > 2:
        _full_house(t, head, (stalls, dear), above)
    elif t.left:
        _who_came(t, stalls, above)


def _who_came(t: Teller, stalls: int, above: int) -> None:
    asks = "How many seats does the theatre have? | How many seats are there altogether?"
    seats = t.count(f"{stalls}+{above}", asks, "The theatre has @ seats. | Altogether there are @ seats.")
    if t.left:
        empty = t.number(9, 70)
        asks = "How many people came? | How many seats were taken?"
        ends = f"Last night {empty} seats were empty. How many people came? | "
        ends += f"How many people were there last night, when {empty} seats were empty?"
        t.count(f"{seats}-{empty}", asks, "@ people came. | @ seats were taken.", ends)


def _full_house(t: Teller, head: Person, stalls: tuple[int, Number], above: int) -> None:
    (seats, dear), cheap = stalls, t.price(600, 1300, 50)
    t.say(
        f"A seat in the stalls costs ${dear} and one in the gallery ${cheap}, and tonight all are sold.",
        f"Tonight every seat is sold, those in the stalls for ${dear} each and those in the gallery for ${cheap} each.",
    )
    asks = "How much money do the stalls bring? | How much do the seats in the stalls sell for in all?"
    one = t.money(f"{seats}*{dear}", asks, "The stalls bring @. | They sell for @.")
    asks = "How much money does the gallery bring? | How much do the seats in the gallery sell for in all?"
    two = t.money(f"{above}*{cheap}", asks, "The gallery brings @. | They sell for @.")
    asks = f"How much money does {head} take tonight? | How much do all the seats bring together?"
    taken = t.money(f"{one}+{two}", asks, f"{head} takes @. | Together they bring @.")
    if t.left:
        cost = t.number(500, 2400, 100)
        asks = "How much is left after paying the actors? | How much of the money remains?"
        ends = f"The actors are paid ${cost} of it. How much is left? | "
        ends += f"How much of the money is left when the actors have been paid ${cost}?"
        t.money(f"{taken}-{cost}", asks, "There is @ left. | That leaves @.", ends)


@frame("unseen", 1, 2, 3, 4)
def election(t: Teller) -> None:
    """Turnout, one candidate's votes, the other's, and the margin."""
    one, two = t.adult(), t.adult()
    people, turnout, share = (
        t.number(400, 2400, 100),
        t.pick(40, 50, 60, 70, 75, 80),
        t.pick(52, 54, 55, 58, 60, 64, 65),
    )
    t.say(
        f"In a village, {one} and {two} stand for mayor. Of the {people} people who may vote, {turnout}% do.",
        f"When {one} and {two} stand for mayor, {people} people may vote, and {turnout}% of them do.",
        f"{one} and {two} both want to be mayor of a town with {people} voters. On the day, {turnout}% of these vote.",
    )
    asks = "How many people vote? | How many votes are cast?"
    votes = t.count(f"{people}*{turnout}/100", asks, "@ people vote. | @ votes are cast.")
    if t.left:
        t.say(f"{one} gets {share}% of the votes.", f"Of the votes cast, {share}% are for {one}.")
        asks = f"How many votes does {one} get? | How many people vote for {one}?"
        won = t.count(f"{votes}*{share}/100", asks, f"{one} gets @ votes. | That is @ votes for {one}.")
    if t.left:
        t.say(f"All the others are for {two}.", f"{two} gets all the other votes.")
        asks = f"How many votes does {two} get? | How many people vote for {two}?"
        lost = t.count(f"{votes}-{won}", asks, f"{two} gets @ votes. | That is @ votes for {two}.")
    if t.left:
        asks = f"By how many votes does {one} win? | How many more votes than {two} does {one} get?"
        t.count(f"{won}-{lost}", asks, f"{one} wins by @ votes. | {one} gets @ votes more.")


@frame("unseen", 2, 3, 4, 5, 6)
def overtime(t: Teller) -> None:
    """Normal hours and overtime at one and a half times the rate; tax is taken off in the end."""
    worker, rate, hours = t.adult(), t.number(14, 32, 2), t.pick(35, 36, 38, 40)
    job = t.pick("in a garage", "as a nurse", "in a warehouse", "as a cook", "at the harbour")
    factor = t.left % 2 == 0
    t.say(
        f"{worker} works {job} and earns ${rate} an hour.",
        f"Working {job}, {worker} is paid ${rate} an hour.",
        f"{worker} has a job {job} that pays ${rate} an hour.",
    )
    pay: Number = 0
    if t.left > 2:
        t.say(f"A normal week has {hours} hours.", f"Each week has {hours} normal working hours.")
        asks = (
            f"How much does {worker} earn in the normal hours? | How much are the {hours} normal hours paid?"
        )
        pay = t.money(f"{hours}*{rate}", asks, f"{worker} earns @ in them. | The normal hours are paid @.")
    better: Number = rate * 3 // 2
    if factor:
        t.say(
            "For an hour of overtime the pay is 1.5 times as high.",
            "Overtime is paid at 1.5 times that rate.",
        )
        asks = "How much is an hour of overtime paid? | What is the rate for overtime?"
        better = t.money(f"1.5*{rate}", asks, "Overtime is paid @ an hour. | The rate is @ an hour.")
    else:
        t.say(f"For overtime the rate is ${better} an hour.", f"An hour of overtime is paid ${better}.")
    _this_week(t, worker, pay, better)


def _this_week(t: Teller, worker: Person, pay: Number, better: Number) -> None:
    extra = t.number(2, 9)
    t.say(
        f"This week {worker} works {extra} hours of overtime.",
        f"This week there are {extra} hours of overtime.",
    )
    asks = "How much does the overtime bring? | How much is the overtime paid in all?"
    ends = f"How much does {worker} get for the overtime? | How much money does the overtime bring?"
    more = t.money(f"{extra}*{better}", asks, "Overtime brings @. | The overtime is paid @.", ends)
    if t.left:
        asks = f"How much does {worker} earn this week? | How much is the pay for the whole week?"
        pay = t.money(f"{pay}+{more}", asks, f"{worker} earns @. | The week's pay is @.")
    if t.left:
        tax = t.pick(10, 15, 20, 25)
        t.say(
            f"Of everything {worker.she} earns in the week, {tax}% goes in tax.",
            f"The tax on the whole week's pay is {tax}%.",
        )
        asks = "How much is the tax? | How much tax is taken off?"
        off = t.money(f"{pay}*{tax}/100", asks, "The tax is @. | The tax takes @.")
        asks = f"How much does {worker} keep after tax? | How much of the week's pay is left after tax?"
        t.money(f"{pay}-{off}", asks, f"{worker} keeps @. | After tax there is @ left.")


@frame("unseen", 1, 2, 3, 4)
def burning_candle(t: Teller) -> None:
    """A candle burns down evening by evening until a stub is left; how long do several last?"""
    owner, rate, hours = t.person(), Decimal(t.pick("0.8", "1.2", "1.5", "2", "2.5")), t.number(2, 4)
    if t.left > 2:
        _evening_by_evening(t, owner, rate, hours)
        return
    t.say(
        f"{owner} lights a candle that gets {rate} cm shorter every hour. It burns for {word(hours)} hours.",
        f"A candle on {owner}'s table burns for {word(hours)} hours and becomes {rate} cm shorter in each of them.",
        f"The power is off, and {owner} sits by a candle for {word(hours)} hours. It gets {rate} cm shorter every hour.",
    )
    asks = "How many centimetres of the candle burn away? | By how many centimetres does it get shorter?"
    gone = t.measure(f"{rate}*{hours}", asks, "@ cm burn away. | It gets @ cm shorter.")
    if t.left:
        tall = t.number(int(gone) + 4, 30)
        asks = "How tall is the candle then, in centimetres? | How many centimetres of it are left?"
        ends = f"At first it was {tall} cm tall. How tall is it then, in centimetres? | "
        ends += f"How many centimetres are left if it was {tall} cm tall before?"
        t.measure(f"{tall}-{gone}", asks, "It is @ cm tall. | There are @ cm left.", ends)


def _evening_by_evening(t: Teller, owner: Person, rate: Decimal, hours: int) -> None:
    evenings, stub = t.number(3, 9), t.number(2, 4)
    tall = plain(rate * hours * evenings + stub)
    t.need(12 <= tall <= 40)
    t.say(
        f"{owner} has a candle that is {tall} cm tall and gets {rate} cm shorter every hour. It burns for {word(hours)} hours each evening, until {stub} cm are left.",
        f"A candle of {tall} cm burns on {owner}'s table for {word(hours)} hours each evening. It gets {rate} cm shorter an hour, and a stub of {stub} cm is thrown away.",
        f"Every evening {owner} burns a candle for {word(hours)} hours, which makes it {rate} cm shorter each hour. It was {tall} cm tall when new, and the last {stub} cm are not used.",
    )
    asks = "How many centimetres of the candle can burn? | How many centimetres burn away before the stub is left?"
    burn = t.measure(f"{tall}-{stub}", asks, "@ cm can burn. | There are @ cm to burn.")
    asks = "How many centimetres burn each evening? | By how much does it get shorter each evening, in cm?"
    each = t.measure(f"{rate}*{hours}", asks, "Each evening @ cm burn. | It gets @ cm shorter.")
    asks = "How many evenings does the candle last? | For how many evenings can it burn?"
    last = t.count(f"{burn}/{each}", asks, "It lasts @ evenings. | That is @ evenings.")
    if t.left:
        pack = t.pick(3, 4, 6, 8)
        asks = "How many evenings do all of them last? | For how many evenings are they enough?"
        ends = f"For how many evenings is a box of {pack} such candles enough? | "
        ends += f"{owner} has {pack} of them and burns one after the other. How many evenings do they last?"
        t.count(f"{pack}*{last}", asks, "All of them last @ evenings. | Together they last @ evenings.", ends)
