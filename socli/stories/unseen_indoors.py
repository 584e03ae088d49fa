"""Frames kept out of train and test, part two: a parcel, a carpet, dogs, bracelets, a journey's money."""

from decimal import Decimal

from socli.stories.endings import change_from_a_note
from socli.stories.teller import Number, Teller, frame, plain
from socli.stories.words import Person, capital, times, word


@frame("unseen", 1, 2, 3, 4, 5)
def heavy_parcel(t: Teller) -> None:
    """Things in a box are weighed in grams and kilograms, and the post charges by the kilogram."""
    sender, n, each, box = t.person(), t.number(3, 14), t.number(250, 650, 50), t.number(200, 600, 50)
    what = t.pick("jars of jam", "books", "bags of nuts", "cheeses")
    t.say(
        f"{sender} packs {n} {what} into a box to send to a friend. Each of them weighs {each} grams.",
        f"Into a parcel {sender} puts {n} {what}, which weigh {each} grams each.",
        f"{sender} is sending {n} {what} of {each} grams each by post.",
    )
    asks = f"How many grams do the {what} weigh? | How many grams do the {n} {what} weigh together?"
    grams = t.count(f"{n}*{each}", asks, f"The {what} weigh @ grams. | Together they weigh @ grams.")
    if t.left:
        t.say(f"The empty box weighs {box} grams.", f"The box itself weighs {box} grams.")
        asks = (
            "How many grams does the full parcel weigh? | What is the weight of the whole parcel, in grams?"
        )
        grams = t.count(f"{grams}+{box}", asks, "The parcel weighs @ grams. | With the box that is @ grams.")
    if t.left:
        asks = "How many kilograms does the parcel weigh? | What is the weight of the parcel in kilograms?"
        kilos = t.measure(f"{grams}/1000", asks, "That is @ kg. | In kilograms that is @.")
    if t.left:
        price = t.number(2, 9)
        t.say(f"The post charges ${price} per kilogram.", f"Sending it costs ${price} for each kilogram.")
        asks = "How much does it cost to send the parcel? | What is the postage?"
        cost = t.money(f"{kilos}*{price}", asks, "Sending it costs @. | The postage is @.")
    if t.left:
        change_from_a_note(t, sender, cost)


@frame("unseen", 2, 3, 4, 5, 6)
def new_carpet(t: Teller) -> None:
    """One room or two get a carpet, except under the cupboards; it is paid by the square metre."""
    owner, long, wide = t.adult(), t.number(4, 8), t.number(3, 6)
    two_rooms = t.left > 4 or (t.left == 4 and t.chance())
    cupboards = t.left in (2, 3, 6) or (t.left == 4 and not two_rooms)
    t.need(long > wide)
    t.say(
        f"{owner} wants a new carpet for the living room, which is {long} metres long and {wide} metres wide.",
        f"In {owner}'s flat the living room gets a new carpet. It is {long} metres by {wide} metres.",
        f"{owner} has measured the living room for a new carpet: {long} metres long, {wide} metres wide.",
    )
    asks = (
        "How many square metres is the living room? | What is the area of the living room, in square metres?"
    )
    area = t.count(
        f"{long}*{wide}", asks, "The living room has @ square metres. | Its area is @ square metres."
    )
    if two_rooms:
        area = _second_room(t, area)
    if cupboards:
        under = t.number(2, 5)
        t.say(
            f"Fitted cupboards stand on {under} square metres, where no carpet is needed.",
            f"Nothing is laid under the cupboards, which take up {under} square metres.",
        )
        asks = f"How many square metres of carpet does {owner} need? | How many square metres get a carpet?"
        area = t.count(
            f"{area}-{under}", asks, f"{owner} needs @ square metres. | That leaves @ square metres."
        )
    if t.left:
        _carpet_bill(t, owner, area)


def _second_room(t: Teller, area: int) -> int:
    """The bedroom's area, and that of both rooms."""
    long, wide = t.number(3, 6), t.number(2, 4)
    t.need(long > wide)
    t.say(
        f"The bedroom, {long} metres by {wide} metres, is to have the same carpet.",
        f"The same carpet is for the bedroom, which is {long} metres long and {wide} metres wide.",
    )
    asks = "How many square metres is the bedroom? | What is the area of the bedroom, in square metres?"
    bedroom = t.count(
        f"{long}*{wide}", asks, "The bedroom has @ square metres. | Its area is @ square metres."
    )
    asks = (
        "How many square metres are both rooms together? | What is the area of both rooms, in square metres?"
    )
    return t.count(
        f"{area}+{bedroom}", asks, "Both have @ square metres. | Together they have @ square metres."
    )


def _carpet_bill(t: Teller, owner: Person, area: int) -> None:
    price = t.price(1200, 3900, 50)
    t.say(f"The carpet costs ${price} a square metre.", f"A square metre of carpet costs ${price}.")
    asks = "How much does the carpet cost? | What is the price of the whole carpet?"
    cost = t.money(f"{area}*{price}", asks, "The carpet costs @. | That is @ for the carpet.")
    if t.left:
        work = t.number(60, 240, 10)
        asks = "How much is it with the laying? | How much do carpet and laying cost together?"
        ends = f"Having it laid costs another ${work}. How much does {owner} pay altogether? | "
        ends += f"How much does {owner} pay in all if it costs ${work} to have the carpet laid?"
        t.money(f"{cost}+{work}", asks, f"With the laying that is @. | {owner} pays @.", ends)


@frame("unseen", 1, 2, 3, 4, 5)
def hungry_dogs(t: Teller) -> None:
    """Dogs eat so much a meal: how long does a sack last, in days and in weeks?"""
    owner, grams, meals, dogs = t.person(), t.number(80, 250, 10), t.pick(2, 3), t.pick(2, 3, 4)
    many = t.left == 5 or (t.left in (2, 4) and t.chance())
    weeks = t.left == 5 or (t.left == 4 and not many)
    who = f"{word(dogs)} dogs. Each of them" if many else "a dog. It"
    t.say(
        f"{owner} has {who} gets {grams} grams of dry food at a meal and {word(meals)} meals a day.",
        f"{owner} has {who} gets {word(meals)} meals a day, with {grams} grams of dry food in each.",
        f"{owner} looks after {who} eats {word(meals)} times a day, {grams} grams of dry food each time.".replace(
            "two times", "twice"
        ),
    )
    asks = "How many grams of food does one dog eat a day? | How much does one dog eat in a day, in grams?"
    ends = "How many grams of food does it eat a day? | How many grams of food is that a day?"
    a_day = t.count(f"{meals}*{grams}", asks, "One dog eats @ grams a day. | That is @ grams a day.", ends)
    if many:
        asks = (
            "How many grams do all the dogs eat a day? | How much food do the dogs need in a day, in grams?"
        )
        a_day = t.count(
            f"{dogs}*{a_day}", asks, "All the dogs eat @ grams a day. | Together they eat @ grams."
        )
    elif t.left == 1:
        days = t.number(3, 14)
        asks = f"How many grams of food is that in {days} days? | How many grams does it eat in {days} days?"
        t.count(f"{days}*{a_day}", asks, f"In {days} days that is @ grams. | It eats @ grams.")
    if t.left:
        _sack_of_food(t, owner, a_day, weeks)


def _sack_of_food(t: Teller, owner: Person, a_day: int, weeks: bool) -> None:
    lasts = [d for d in range(8, 70) if a_day * d % 100 == 0 and 3000 <= a_day * d <= 25000]
    lasts = [d for d in lasts if d % 7 == 0 and d > 7] if weeks else lasts
    t.need(bool(lasts))
    sack = plain(Decimal(a_day * t.pick(*lasts)) / 1000)
    t.say(
        f"{owner} buys a sack with {sack} kg of this food.",
        f"The food comes in a sack of {sack} kg, and {owner} opens a new one.",
    )
    asks = "How many grams are in the sack? | How many grams of food does the sack hold?"
    food = t.count(f"{sack}*1000", asks, "The sack holds @ grams. | There are @ grams in it.")
    asks = "For how many days does the sack last? | After how many days is the sack empty?"
    days = t.count(f"{food}/{a_day}", asks, "It lasts @ days. | It is empty after @ days.")
    if t.left:
        asks = "How many weeks is that? | For how many weeks does the sack last?"
        ends = "For how many weeks does the sack last? | After how many weeks is the sack empty?"
        t.count(f"{days}/7", asks, "That is @ weeks. | It lasts @ weeks.", ends)


@frame("unseen", 1, 2, 3, 4, 5, 6)
def bead_bracelets(t: Teller) -> None:
    """Beads of two colours for each bracelet: what do some take, and what do the other beads make?"""
    maker, red, k, n = t.person(), t.number(4, 12), t.pick(2, 3), t.number(3, 9)
    t.say(
        f"For a bracelet, {maker} needs {red} red beads and {times(k)} as many blue ones.",
        f"In each bracelet that {maker} makes there are {red} red beads and {times(k)} as many blue beads.",
        f"{maker} threads beads on a string: {red} red ones and {times(k)} as many blue ones make a bracelet.",
    )
    asks = "How many blue beads are in a bracelet? | How many blue beads does one bracelet need?"
    blue = t.count(f"{k}*{red}", asks, "There are @ blue beads. | A bracelet needs @ blue beads.")
    if t.left:
        asks = "How many beads are in a bracelet? | How many beads does one bracelet need in all?"
        one = t.count(f"{red}+{blue}", asks, "A bracelet has @ beads. | In all it needs @ beads.")
    if t.left:
        t.say(
            f"{maker} makes {n} bracelets for friends.",
            f"{capital(word(n))} friends each get such a bracelet.",
        )
        asks = "How many beads do the friends' bracelets take? | How many beads are used for the friends?"
        ends = f"How many beads does {maker} need for them? | How many beads do the friends' bracelets take?"
        used = t.count(f"{n}*{one}", asks, "They take @ beads. | That is @ beads.", ends)
    if t.left:
        _other_beads(t, maker, one, used)


def _other_beads(t: Teller, maker: Person, one: int, used: int) -> None:
    all_ = used + one * t.number(2, 8)
    mixed = ", in the right mixture of red and blue" if t.left > 1 else ""
    t.say(f"There were {all_} beads in the box at first{mixed}.", f"Before, {maker} had {all_} beads{mixed}.")
    asks = "How many beads are left? | How many beads are still there?"
    rest = t.count(f"{all_}-{used}", asks, "There are @ beads left. | That leaves @ beads.")
    if t.left:
        asks = "How many more bracelets can be made? | For how many more bracelets are there beads?"
        more = t.count(f"{rest}/{one}", asks, "The beads make @ more. | There are beads for @ more.")
    if t.left:
        price = t.price(300, 800, 50)
        asks = "How much do the other bracelets bring? | How much money is that for the other bracelets?"
        ends = f"Of the beads that are left {maker} makes bracelets to sell for ${price} each. How much money do they bring? | "
        ends += f"All the other beads become bracelets too, which are sold for ${price} each. How much money does {maker} get?"
        t.money(f"{more}*{price}", asks, "They bring @. | Selling them brings @.", ends)


@frame("unseen", 1, 2, 3, 4, 5)
def money_abroad(t: Teller) -> None:
    """Dollars are changed into crowns, some are spent, and what remains is changed back."""
    guest, sum_, rate, fee = t.person(), t.number(60, 400, 20), t.pick(4, 5, 8, 10), t.number(2, 9)
    t.say(
        f"For a holiday, {guest} takes ${sum_} to the bank to change it into crowns. One dollar buys {rate} crowns.",
        f"{guest} goes abroad with ${sum_}, which a bank changes into crowns. One dollar is worth {rate} crowns.",
        f"{guest} has saved ${sum_} for a trip. At the border a bank changes it into crowns, {rate} for each dollar.",
    )
    money: Number = sum_
    if t.left == 5 or (t.left in (2, 4) and t.chance()):
        t.say(
            f"First the bank takes a fee of ${fee}.", f"The bank keeps ${fee} as a fee and changes the rest."
        )
        asks = "How many dollars are changed? | How many dollars are left after the fee?"
        money = t.count(f"{sum_}-{fee}", asks, "@ dollars are changed. | After the fee there are @ dollars.")
    asks = f"How many crowns does {guest} get? | How many crowns is that?"
    ends = f"How many crowns does {guest} get? | How many crowns is that for {guest}?"
    money = t.count(f"{money}*{rate}", asks, f"{guest} gets @ crowns. | That is @ crowns.", ends)
    if t.left == 1:
        spent = t.number(40, 300, 10)
        t.say(f"{guest} spends {spent} crowns.", f"By the evening {spent} crowns are gone.")
        asks = f"How many crowns does {guest} have left? | How many crowns are left?"
        t.count(f"{money}-{spent}", asks, f"{guest} has @ crowns left. | There are @ crowns left.")
    elif t.left:
        _hostel(t, guest, money, rate)


def _hostel(t: Teller, guest: Person, money: Number, rate: int) -> None:
    nights, bed = t.number(2, 6), t.number(90, 240, 10)
    t.say(
        f"{guest.She} stays {word(nights)} nights at a hostel for {bed} crowns a night.",
        f"A bed in the hostel is {bed} crowns a night, and {guest} stays {word(nights)} nights.",
    )
    asks = "How many crowns does the hostel cost? | How many crowns are paid for the nights?"
    cost = t.count(f"{nights}*{bed}", asks, "The hostel costs @ crowns. | The nights cost @ crowns.")
    asks = f"How many crowns does {guest} have left after paying the hostel? | How many crowns are left then?"
    money = t.count(f"{money}-{cost}", asks, f"{guest} has @ crowns left. | There are @ crowns left.")
    if t.left:
        asks = f"How many dollars are the crowns that are left? | How many dollars does {guest} get for the rest?"
        ends = f"At home {guest.she} changes the rest back at the same rate, without a fee. How many dollars is that? | "
        ends += "How many dollars are the crowns worth that are left, at the same rate?"
        t.money(f"{money}/{rate}", asks, f"{guest} gets @. | The rest is worth @.", ends)
