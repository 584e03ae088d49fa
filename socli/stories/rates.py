"""Rates: speeds, petrol, machines, pools, recipes and piece-work."""

from socli.stories.teller import Number, Teller, frame
from socli.stories.words import Person, capital, word


@frame("rates", 1, 2, 3, 4, 5, 6)
def road_trip(t: Teller) -> None:
    """Stretches at different speeds, what remains of the way, and how long that takes."""
    driver = t.adult() if t.chance() else t.person()
    fast, slow, one, two = t.number(80, 110, 5), t.number(40, 70, 5), t.number(2, 4), t.number(2, 4)
    t.say(
        f"{driver} drives on the motorway for {word(one)} hours at {fast} km per hour.",
        f"For the first {word(one)} hours of a journey {driver} drives at {fast} km per hour.",
        f"{driver} is moving house and drives a van at {fast} km per hour for {word(one)} hours.",
        f"{driver} sets off early and drives for {word(one)} hours at a steady {fast} km per hour.",
    )
    asks = f"How many kilometres does {driver} drive in the first {word(one)} hours? | How far does {driver} get in the first {word(one)} hours, in km?"
    ends = (
        f"How many kilometres does {driver} drive in that time? | How far does {driver} get, in kilometres?"
    )
    far = t.count(f"{one}*{fast}", asks, f"{driver} drives @ km. | That is @ km.", ends)
    if t.left == 1:
        whole = far + t.number(30, 240, 10)
        t.say(f"The whole journey is {whole} km long.", f"{driver} has {whole} km to go in all.")
        asks = (
            f"How many kilometres are left? | How many kilometres does {driver} still have to go after that?"
        )
        t.count(f"{whole}-{far}", asks, "There are @ km left. | That leaves @ km.")
    elif t.left:
        t.say(
            f"Then come {word(two)} hours on country roads at {slow} km per hour.",
            f"After that {driver.she} drives {word(two)} hours through the hills at {slow} km per hour.",
        )
        asks = f"How many kilometres does {driver} drive in the next {word(two)} hours? | How far is the slower part, in km?"
        slower = t.count(f"{two}*{slow}", asks, f"{driver} drives @ km. | The slower part is @ km.")
        asks = f"How many kilometres has {driver} driven so far? | How far is that altogether, in kilometres?"
        far = t.count(f"{far}+{slower}", asks, f"That is @ km so far. | {driver} has driven @ km.")
    if t.left:
        _rest_of_the_way(t, driver, far, (one, two))


def _rest_of_the_way(t: Teller, driver: Person, far: int, hours: tuple[int, int]) -> None:
    (one, two), pace, last = hours, t.pick(40, 50, 60, 80), t.number(2, 5)
    whole = far + last * pace
    t.say(f"The whole journey is {whole} km long.", f"It is {whole} km from start to finish.")
    asks = f"How many kilometres are left? | How many kilometres does {driver} still have to go?"
    rest = t.count(f"{whole}-{far}", asks, "There are @ km left. | That leaves @ km.")
    if t.left:
        t.say(
            f"For the rest {driver} drives at {pace} km per hour.",
            f"The last part is driven at {pace} km per hour.",
        )
        asks = "How many hours does the rest take? | How many more hours does the journey take?"
        more = t.count(f"{rest}/{pace}", asks, "The rest takes @ hours. | It takes @ more hours.")
    if t.left:
        asks = (
            f"For how many hours does {driver} drive altogether? | How many hours is {driver} driving in all?"
        )
        t.count(f"{one}+{two}+{more}", asks, f"Altogether {driver} drives @ hours. | In all that is @ hours.")


@frame("rates", 2, 3, 4, 5, 6)
def petrol_money(t: Teller) -> None:
    """Petrol for a trip, by litres per 100 km; parking and friends who share may come in."""
    driver, use, hundreds = t.person(), t.number(5, 9), t.number(2, 9)
    both_ways = t.left == 6 or (t.left in (3, 4, 5) and t.chance())
    far = hundreds * (50 if both_ways else 100)
    where = t.pick("a lake", "a concert", "the coast", "a wedding", "the mountains")
    t.say(
        f"{driver}'s car needs {use} litres of petrol for 100 km.",
        f"For every 100 km, the car that {driver} drives uses {use} litres of petrol.",
        f"{driver} keeps an eye on the cost of driving: the car uses {use} litres of petrol for 100 km.",
        f"{driver} has a car that runs 100 km on {use} litres of petrol.",
    )
    if both_ways:
        t.say(
            f"{driver.She} drives to {where}, {far} km away, and back.",
            f"It is {far} km to {where}, and {driver.she} drives there and back.",
        )
        asks = f"How many kilometres is the way there and back? | How far does {driver} drive in all, in kilometres?"
        far = t.count(f"2*{far}", asks, "There and back it is @ km. | In all that is @ km.")
    else:
        t.say(f"{driver.She} drives {far} km to {where}.", f"To get to {where} {driver.she} drives {far} km.")
    asks = "How many times 100 km is that? | How many hundreds of kilometres is that?"
    parts = t.measure(f"{far}/100", asks, "That is @ times 100 km. | There are @ hundreds.")
    asks = "How many litres of petrol does the car need? | How much petrol is used, in litres?"
    ends = "How many litres of petrol does the trip take? | How many litres of petrol does the car use on the way?"
    litres = t.measure(f"{parts}*{use}", asks, "The car needs @ litres. | It uses @ litres.", ends)
    if t.left:
        _cost_of_the_trip(t, driver, litres)


def _cost_of_the_trip(t: Teller, driver: Person, litres: Number) -> None:
    price = t.price(150, 220, 5)
    t.say(f"Petrol costs ${price} a litre.", f"A litre of petrol costs ${price}.")
    asks = "How much does the petrol cost? | What does the petrol for the trip cost?"
    cost = t.money(f"{litres}*{price}", asks, "The petrol costs @. | All the petrol costs @.")
    if t.left == 2 or (t.left == 1 and t.chance()):
        parking = t.number(4, 15)
        t.say(f"Parking costs another ${parking}.", f"{driver} also pays ${parking} for parking.")
        asks = "How much is it with the parking? | How much does the whole trip cost?"
        cost = t.money(f"{cost}+{parking}", asks, "With the parking that is @. | The trip costs @.")
    if t.left:
        k = t.sharers(cost, 2, 5)
        asks = "How much does each person pay? | What is each person's share?"
        ends = f"The {word(k)} people in the car share the cost equally. How much does each of them pay? | "
        ends += f"{capital(word(k))} people, {driver} included, went on the trip and pay equal shares. How much is a share?"
        t.money(f"{cost}/{k}", asks, "Each person pays @. | Each share is @.", ends)


@frame("rates", 1, 2, 3, 4, 5)
def printing_job(t: Teller) -> None:
    """One printer, or two at work together, print a pile of sheets."""
    boss, speed, more, minutes = t.adult(), t.number(12, 30, 2), t.number(4, 16, 2), t.number(6, 24)
    sheets = (2 * speed + more if t.left > 2 else speed) * minutes
    fits = [p for p in range(4, 13) if sheets % p == 0 and 20 <= sheets // p <= 120]
    t.need(bool(fits))
    pages = t.pick(*fits)
    if t.left == 1:
        _one_printer(t, boss, sheets, speed)
        return
    t.say(
        f"{boss} needs {sheets // pages} copies of a report that has {pages} sheets.",
        f"For a meeting, {boss} has to print {sheets // pages} copies of a report of {pages} sheets.",
        f"{boss} is printing the school magazine: {sheets // pages} copies of {pages} sheets each.",
        f"A report has {pages} sheets, and {boss} needs {sheets // pages} copies of it.",
    )
    asks = "How many sheets are to be printed? | How many sheets is that altogether?"
    sheets = t.count(f"{sheets // pages}*{pages}", asks, "That is @ sheets. | @ sheets are to be printed.")
    if t.left > 1:
        speed = _both_printers(t, speed, more)
    else:
        t.say(
            f"The printer manages {speed} sheets a minute.",
            f"Every minute the printer puts out {speed} sheets.",
        )
    asks = "How many minutes does the printing take? | How many minutes does it take to print everything?"
    time = t.count(f"{sheets}/{speed}", asks, "Printing takes @ minutes. | It takes @ minutes.")
    if t.left:
        pause = t.number(3, 12)
        asks = "How many minutes does it take with the pause? | How many minutes is that with the pause?"
        ends = f"Because paper has to be refilled, there is also a pause of {pause} minutes. How many minutes does it all take? | "
        ends += f"A jam causes a pause of {pause} minutes. After how many minutes is everything printed?"
        t.count(f"{time}+{pause}", asks, "With the pause it takes @ minutes. | It all takes @ minutes.", ends)


def _one_printer(t: Teller, boss: Person, sheets: int, speed: int) -> None:
    t.say(
        f"{boss}'s printer manages {speed} sheets a minute and has {sheets} sheets to print.",
        f"{boss} wants to print {sheets} sheets. The printer puts out {speed} sheets a minute.",
        f"{boss} is in a hurry: {sheets} sheets are to be printed, and the printer manages {speed} a minute.",
        f"At {speed} sheets a minute, {boss}'s printer has to print {sheets} sheets.",
    )
    asks = "How many minutes does the printer take? | For how many minutes does the printer run?"
    t.count(f"{sheets}/{speed}", asks, "It takes @ minutes. | It runs for @ minutes.")


def _both_printers(t: Teller, speed: int, more: int) -> int:
    """Two printers at work together; in four steps and more, the second may be known by comparison."""
    other = speed + more
    if t.left == 4 or (t.left == 3 and t.chance()):
        t.say(
            f"The old printer manages {speed} sheets a minute, the new one {more} more than that. Both are used at the same time.",
            f"Two printers work at the same time. One prints {speed} sheets a minute, the other {more} more.",
        )
        asks = "How many sheets a minute does the faster printer manage? | How many sheets does the faster one print a minute?"
        other = t.count(
            f"{speed}+{more}", asks, "It manages @ sheets a minute. | The faster one prints @ a minute."
        )
    else:
        t.say(
            f"The old printer manages {speed} sheets a minute and the new one {other}. Both are used at the same time.",
            f"Two printers work at the same time: one prints {speed} sheets a minute, the other {other}.",
        )
    asks = "How many sheets a minute do both printers manage together? | How many sheets a minute is that together?"
    return t.count(f"{speed}+{other}", asks, "Together they print @ a minute. | Both manage @ a minute.")


@frame("rates", 1, 2, 3, 4)
def filling_a_pool(t: Teller) -> None:
    """A pool is filled by hoses while some water is already there or runs off."""
    owner = t.adult() if t.chance() else t.person()
    what = t.pick("paddling pool", "water tank", "garden pond")
    hoses, each, minutes, leak, there = (
        t.pick(2, 3),
        t.number(8, 20),
        t.number(6, 30),
        t.number(2, 5),
        t.number(20, 90, 5),
    )
    extras = t.some(t.left - 1, "some", "leak", "hoses")
    volume = (each * (hoses if "hoses" in extras else 1) - leak * ("leak" in extras)) * minutes
    t.need(there < volume <= 900)
    rest = volume
    if "some" in extras:
        volume += there
    t.say(
        f"{owner} fills a {what} that holds {volume} litres.",
        f"A {what} in {owner}'s garden holds {volume} litres of water.",
        f"“Is it full yet?” {owner} asks about the new {what}, which holds {volume} litres.",
        f"{owner} has a new {what} with room for {volume} litres of water.",
    )
    if "some" in extras:
        t.say(f"There are already {there} litres in it.", f"At first it has {there} litres of water in it.")
        asks = "How many litres are missing at first? | How many litres are needed to fill it?"
        rest = t.count(f"{volume}-{there}", asks, "At first @ litres are missing. | It needs @ litres.")
    flow = _flow(t, (hoses, each, leak), extras)
    asks = f"How many minutes does it take until the {what} is full? | After how many minutes is the {what} full?"
    t.count(f"{rest}/{flow}", asks, "It takes @ minutes. | It is full after @ minutes.")


def _flow(t: Teller, water: tuple[int, int, int], extras: set[str]) -> int:
    """Litres that come in a minute, less those that run out."""
    hoses, flow, leak = water
    if "hoses" in extras:
        t.say(
            f"{capital(word(hoses))} hoses are used, and each of them brings {flow} litres a minute.",
            f"Water comes from {word(hoses)} hoses, each of which delivers {flow} litres a minute.",
        )
        asks = "How many litres a minute do the hoses bring together? | How many litres of water come in each minute?"
        flow = t.count(
            f"{hoses}*{flow}", asks, "Together they bring @ litres a minute. | That is @ litres a minute."
        )
    else:
        t.say(
            f"The hose brings {flow} litres a minute.", f"The hose delivers {flow} litres of water a minute."
        )
    if "leak" in extras:
        t.say(
            f"Through a crack, {leak} litres a minute run out again.",
            f"But it leaks: {leak} litres are lost every minute.",
        )
        asks = "How many litres does it gain each minute? | How many litres a minute stay in it?"
        flow = t.count(
            f"{flow}-{leak}", asks, "It gains @ litres a minute. | Each minute @ litres stay in it."
        )
    return flow


@frame("rates", 2, 3, 4, 5)
def bigger_recipe(t: Teller) -> None:
    """A recipe for a few people is made for many; what has to be bought, and what does it cost?"""
    cook, few, grams, many = t.person(), t.pick(2, 4, 5, 6), t.number(40, 125, 5), t.number(8, 30)
    food, dish = t.pick(
        ("rice", "a rice dish"), ("flour", "pancakes"), ("pasta", "a pasta dish"), ("lentils", "lentil soup")
    )
    t.need(many % few != 0)
    t.say(
        f"A recipe for {dish} takes {few * grams} grams of {food} for {word(few)} people. {cook} is cooking for {many} people.",
        f"{cook} cooks {dish} for {many} people. The recipe is for {word(few)} people and needs {few * grams} grams of {food}.",
        f"{cook}'s cookery book says that {dish} for {word(few)} people takes {few * grams} grams of {food}. But {many} people are coming!",
        f"For {word(few)} people, {few * grams} grams of {food} go into {cook}'s recipe for {dish}. This time {many} people are coming.",
    )
    asks = (
        f"How many grams of {food} is that for one person? | How much {food} does one person need, in grams?"
    )
    one = t.count(f"{few * grams}/{few}", asks, "For one person that is @ grams. | One person needs @ grams.")
    asks = f"How many grams of {food} does {cook} need? | How many grams of {food} do {many} people need?"
    need = t.count(f"{many}*{one}", asks, f"{cook} needs @ grams. | They need @ grams.")
    if t.left:
        _shopping(t, cook, food, need)


def _shopping(t: Teller, cook: Person, food: str, need: int) -> None:
    bag, count = t.pick(250, 400, 500), t.number(2, 6)
    have = need - bag * count
    t.need(have >= 50)
    t.say(f"There are {have} grams in the cupboard.", f"{cook} has {have} grams at home.")
    asks = f"How many grams of {food} are missing? | How many grams of {food} does {cook} have to buy?"
    buy = t.count(f"{need}-{have}", asks, f"There are @ grams missing. | {cook} has to buy @ grams.")
    if t.left:
        t.say(f"The shop sells {food} in bags of {bag} grams.", f"A bag of {food} holds {bag} grams.")
        asks = f"How many bags does {cook} have to buy? | How many bags does {cook} need?"
        bags = t.count(f"{buy}/{bag}", asks, f"{cook} needs @ bags. | That is @ bags.")
    if t.left:
        price = t.price(120, 380, 10)
        asks = "How much do the bags cost? | What do the bags cost together?"
        ends = (
            f"A bag costs ${price}. How much does {cook} pay? | How much does {cook} pay at ${price} a bag?"
        )
        t.money(f"{bags}*{price}", asks, f"The bags cost @. | {cook} pays @.", ends)


@frame("rates", 2, 3, 4, 5, 6)
def berry_picking(t: Teller) -> None:
    """Two people pick at different speeds and are paid by the kilogram."""
    one, two = t.pair()
    slow, more, hours = t.number(3, 8), t.number(2, 5), t.number(2, 7)
    fruit = t.pick("strawberries", "blueberries", "raspberries", "cherries")
    t.say(
        f"{one} picks {slow} kg of {fruit} an hour, and {two} picks {more} kg an hour more than that. Both work for {word(hours)} hours.",
        f"On a farm, {one} and {two} pick {fruit} for {word(hours)} hours. {one} picks {slow} kg an hour and {two} {more} kg an hour more than {one}.",
        f"{one} and {two} spend {word(hours)} hours picking {fruit}. {one} fills {slow} kg an hour, but {two} is faster by {more} kg an hour.",
        f"{two} is quick at picking {fruit}: {two.she} picks {more} kg more in an hour than {one}, who picks {slow} kg. They both work {word(hours)} hours.",
    )
    asks = f"How many kilograms does {two} pick in an hour? | How much does {two} pick an hour, in kg?"
    fast = t.count(f"{slow}+{more}", asks, f"{two} picks @ kg an hour. | In an hour that is @ kg.")
    if t.left in (1, 5) or (t.left in (3, 4) and t.chance()):
        asks = f"How many kilograms does {two} pick in the {word(hours)} hours? | How much does {two} pick in all, in kg?"
        his = t.count(f"{hours}*{fast}", asks, f"{two} picks @ kg. | For {two} that is @ kg.")
        if not t.left:
            return
        asks = f"How many kilograms does {one} pick in the {word(hours)} hours? | How much does {one} pick in all, in kg?"
        hers = t.count(f"{hours}*{slow}", asks, f"{one} picks @ kg. | For {one} that is @ kg.")
        asks = "How many kilograms do they pick together? | How many kilograms of fruit is that altogether?"
        all_ = t.count(f"{his}+{hers}", asks, "Together they pick @ kg. | Altogether that is @ kg.")
    else:
        asks = "How many kilograms do they pick together in an hour? | How many kilograms an hour do both pick together?"
        both = t.count(
            f"{slow}+{fast}", asks, "Together they pick @ kg an hour. | For both that is @ kg an hour."
        )
        asks = f"How many kilograms do they pick in {word(hours)} hours? | How many kilograms do they pick altogether?"
        all_ = t.count(f"{hours}*{both}", asks, "They pick @ kg. | Altogether they pick @ kg.")
    if t.left:
        _paid_by_the_kilo(t, (one, two), all_)


def _paid_by_the_kilo(t: Teller, pickers: tuple[Person, Person], kilos: int) -> None:
    (one, two), pay = pickers, t.price(80, 200, 10)
    t.say(f"The farmer pays ${pay} a kilogram.", f"They are paid ${pay} for each kilogram.")
    asks = "How much money do they get together? | How much does the farmer pay them in all?"
    money = t.money(f"{kilos}*{pay}", asks, "Together they get @. | The farmer pays @.")
    if t.left:
        asks = "How much does each of them get? | How much is half of the money?"
        ends = f"The two of them share the money equally. How much does {one} get? | They halve the money. How much is {two}'s half?"
        t.money(f"{money}/2", asks, "Each of them gets @. | Half of it is @.", ends)
