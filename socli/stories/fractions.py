"""Fractions: parts of a class, of a garden and of litres, and the way back from a half to the whole."""

from decimal import Decimal

from socli.stories.teller import Teller, frame, plain
from socli.stories.words import Person, capital, part, share_of, word


@frame("fractions", 1, 2, 3, 4, 5)
def way_to_school(t: Teller) -> None:
    """A fraction of the pupils walks, a fraction of the rest cycles, the others take the bus."""
    teacher = t.adult()
    top, bottom = t.pick((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5), (3, 5), (1, 6))
    up, down = t.pick((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5))
    n = t.pick(
        *[n for n in range(15, 37) if n % bottom == 0 and n * (bottom - top) // bottom % down == 0] or [0]
    )
    t.need(n > 0)
    t.say(
        f"There are {n} pupils in {teacher}'s class. {capital(part(top, bottom))} of them walk to school.",
        f"Of the {n} pupils that {teacher} teaches, {part(top, bottom)} walk to school.",
        f"{capital(part(top, bottom))} of the {n} pupils in {teacher}'s class live close by and walk to school.",
        f"{teacher} asks the {n} pupils of a class how they get to school. {capital(part(top, bottom))} of them walk.",
    )
    asks = "How many pupils walk to school? | How many of the pupils walk?"
    walk = t.count(share_of(n, top, bottom), asks, "@ pupils walk. | That is @ pupils.")
    if t.left == 1:
        t.say("The others come by bus.", "All the others take the bus.", "Everyone else comes by bus.")
        asks = "How many pupils come by bus? | How many pupils take the bus?"
        t.count(f"{n}-{walk}", asks, "@ pupils come by bus. | @ pupils take the bus.")
    elif t.left:
        _bikes_and_buses(t, (n, walk), (up, down))


def _bikes_and_buses(t: Teller, counts: tuple[int, int], bikes: tuple[int, int]) -> None:
    (n, walk), (up, down) = counts, bikes
    asks = "How many pupils do not walk? | How many pupils are left?"
    rest = t.count(f"{n}-{walk}", asks, "@ pupils are left. | @ pupils do not walk.")
    t.say(
        f"{capital(part(up, down))} of those who do not walk come by bike.",
        f"Of the others, {part(up, down)} come by bike.",
        f"{capital(part(up, down))} of the rest cycle.",
    )
    asks = "How many pupils come by bike? | How many pupils cycle to school?"
    bike = t.count(share_of(rest, up, down), asks, "@ pupils cycle. | @ pupils come by bike.")
    if t.left:
        t.say("All the others come by bus.", "The pupils who are left take the bus.")
        asks = "How many pupils come by bus? | How many pupils take the bus?"
        bus = t.count(f"{rest}-{bike}", asks, "@ pupils come by bus. | @ pupils take the bus.")
    if t.left:
        t.need(walk != bus)
        more, less = ("walk", "take the bus") if walk > bus else ("take the bus", "walk")
        asks = f"How many more pupils {more} than {less}?"
        t.count(
            f"{max(walk, bus)}-{min(walk, bus)}", asks, f"@ more pupils {more}. | The difference is @ pupils."
        )


@frame("fractions", 2, 3, 4)
def back_to_the_start(t: Teller) -> None:
    """What is left is known; a loss, a fraction and a gift are undone one by one."""
    kid, other = t.pair()
    things = t.pick("stickers", "marbles", "football cards", "shells", "postcards")
    now, lost, k = t.number(8, 36), t.number(3, 15), t.pick(2, 2, 3, 4)
    gift, share = t.number(4, 20) if t.left > 2 else 0, part(k - 1, k)
    if gift:
        t.say(
            f"{kid} got {gift} {things} from an uncle. After that {kid.she} gave {share} of all {kid.her} {things} to {other}.",
            f"An uncle sent {kid} {gift} {things}. {kid} was so happy that {kid.she} gave {other} {share} of all the {things} {kid.she} had.",
            f"{kid} got {gift} {things} from an uncle, but then gave {other} {share} of all {kid.her} {things}.",
        )
    else:
        t.say(
            f"{kid} gave {share} of {kid.her} {things} to {other}.",
            f"{other} was given {share} of {kid}'s {things}.",
            f"As a farewell present, {kid} gave {other} {share} of {kid.her} {things}.",
            f"When {other} was ill, {kid} gave {other.him} {share} of {kid.her} {things}.",
        )
    t.say(
        f"Later {kid} lost {lost} {things}, and now {kid.she} has {now}.",
        f"In the summer {kid} lost {lost} of those that were left. Now {kid.she} has {now} {things}.",
        f"{kid} has {now} {things} today, for {kid.she} has lost {lost} since then.",
    )
    asks = f"How many {things} did {kid} have before losing some? | How many {things} did {kid} have before the loss?"
    before = t.count(f"{now}+{lost}", asks, f"Before that {kid} had @. | {kid} had @ before the loss.")
    asks = f"How many {things} did {kid} have before giving some to {other}?"
    before = t.count(f"{before}*{k}", asks, f"{kid} had @ {things}. | Before that {kid} had @.")
    if gift:
        asks = f"How many {things} did {kid} have before the uncle's present? | How many {things} did {kid} have at first?"
        before = t.count(f"{before}-{gift}", asks, f"{kid} had @ {things}. | At first {kid} had @.")
    if t.left:
        per = t.pick(*[p for p in range(4, 13) if before % p == 0 and before > 2 * p] or [1])
        t.need(per > 1)
        asks = f"How many boxes did {kid} have at first? | How many boxes were there at first?"
        ends = f"At first all of {kid}'s {things} were in boxes of {per}. How many boxes were there? | "
        ends += f"At the very beginning {kid} kept them in boxes of {per}. How many full boxes did that make?"
        t.count(f"{before}/{per}", asks, "There were @ boxes. | They filled @ boxes.", ends)


@frame("fractions", 2, 3, 4, 5, 6)
def vegetable_garden(t: Teller) -> None:
    """A part of a rectangular garden is planted, and the seedlings have a price."""
    owner = t.adult() if t.chance() else t.person()
    top, bottom = t.pick((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (2, 5), (3, 5))
    long, wide = t.number(8, 20), t.number(5, 12)
    t.need(long > wide and long * wide % bottom == 0)
    t.say(
        f"{owner} has a rectangular garden that is {long} metres long and {wide} metres wide. {capital(part(top, bottom))} of it is for vegetables.",
        f"A rectangular garden measures {long} metres by {wide} metres, and {owner} uses {part(top, bottom)} of it as a vegetable bed.",
        f"This spring {owner} digs up {part(top, bottom)} of the garden, a rectangle of {long} by {wide} metres, to grow vegetables.",
        f"{capital(part(top, bottom))} of {owner}'s garden, a rectangle of {long} by {wide} metres, is a vegetable bed.",
    )
    asks = "How many square metres is the whole garden? | What is the area of the garden, in square metres?"
    area = t.count(f"{long}*{wide}", asks, "The garden has @ square metres. | Its area is @ square metres.")
    asks = "How many square metres is the vegetable bed? | What is the area for vegetables, in square metres?"
    bed = t.count(
        share_of(area, top, bottom), asks, "The bed has @ square metres. | Its area is @ square metres."
    )
    if t.left == 1 and t.chance():
        t.say("The rest is lawn.", "Everything else is lawn.", "What remains is lawn.")
        asks = "How many square metres is the lawn? | How many square metres of lawn are there?"
        t.count(f"{area}-{bed}", asks, "The lawn has @ square metres. | That leaves @ square metres.")
    if t.left:
        _seedlings(t, owner, bed)


def _seedlings(t: Teller, owner: Person, bed: int) -> None:
    dense, crop = t.pick(2, 3, 4, 5, 6, 8), t.pick("lettuce", "cabbage", "strawberry", "leek")
    t.say(
        f"On every square metre of the bed {owner} puts {dense} {crop} plants.",
        f"Each square metre of the bed has room for {dense} {crop} plants.",
    )
    asks = f"How many {crop} plants does {owner} need? | How many {crop} plants fit into the bed?"
    plants = t.count(f"{bed}*{dense}", asks, f"{owner} needs @ plants. | That is @ plants.")
    if t.left:
        tray = t.pick(*[k for k in (10, 12, 15, 16, 18, 20, 24) if plants % k == 0] or [1])
        t.need(tray > 1)
        t.say(f"They are sold in trays of {tray}.", f"A tray holds {tray} plants.")
        asks = f"How many trays does {owner} buy? | How many trays of plants is that?"
        trays = t.count(f"{plants}/{tray}", asks, f"{owner} buys @ trays. | That is @ trays.")
    if t.left:
        price = t.price(300, 900, 50)
        t.say(f"A tray costs ${price}.", f"The price of a tray is ${price}.")
        asks = f"How much do the trays cost? | How much does {owner} pay for the trays?"
        cost = t.money(f"{trays}*{price}", asks, f"The trays cost @. | {owner} pays @.")
    if t.left:
        budget = int(cost) // 10 * 10 + t.number(20, 90, 10)
        asks = f"How much money does {owner} have left? | How much of the money is left?"
        ends = f"{owner} had ${budget} to spend on plants. How much money is left? | "
        ends += f"How much is left of the ${budget} that {owner} has set aside for plants?"
        t.money(f"{budget}-{cost}", asks, f"{owner} has @ left. | That leaves @.", ends)


@frame("fractions", 2, 3, 4, 5)
def ribbon_and_bows(t: Teller) -> None:
    """Pieces are cut from a ribbon for presents, and bows from what is left."""
    kid, gifts, bows, per = t.person(), t.number(4, 12), t.number(3, 9), t.pick(2, 3, 4)
    piece, bow = Decimal(t.pick("0.5", "0.6", "0.75", "0.8", "1.2")), Decimal(t.pick("0.2", "0.25", "0.4"))
    cards = t.left == 5 or (t.left == 4 and t.chance())
    family = t.left == 5 or (t.left == 4 and not cards) or (t.left == 3 and t.chance())
    length = plain(gifts * piece + bows * (per if cards else 1) * bow)
    t.need(4 <= length <= 16 and length * 2 % 1 == 0)
    colour = t.pick("red", "gold", "blue", "green", "silver")
    t.say(
        f"{kid} has {length} metres of {colour} ribbon.",
        f"A {colour} ribbon that {kid} bought is {length} metres long.",
        f"To wrap presents, {kid} buys {length} metres of {colour} ribbon.",
        f"From {kid}'s sewing box comes a {colour} ribbon, {length} metres long.",
    )
    if family:
        some = t.pick(*range(2, gifts - 1))
        t.say(
            f"{kid.She} has {some} presents for the family and {gifts - some} for friends.",
            f"There are {some} presents for friends and {gifts - some} for the family to wrap.",
        )
        asks = "How many presents are there? | How many presents is that altogether?"
        gifts = t.count(f"{some}+{gifts - some}", asks, "There are @ presents. | That is @ presents.")
        t.say(f"Each present takes {piece} metres.", f"{kid.She} uses {piece} metres for each of them.")
    else:
        t.say(
            f"For each of {gifts} presents {kid.she} cuts off {piece} metres.",
            f"{kid.She} ties up {gifts} presents and uses {piece} metres for each.",
        )
    asks = "How many metres of ribbon do the presents take? | How much ribbon is used for the presents, in metres?"
    used = t.measure(f"{gifts}*{piece}", asks, "The presents take @ metres. | They take @ metres.")
    asks = "How many metres of ribbon are left? | How much ribbon is left after that, in metres?"
    rest = t.measure(f"{length}-{used}", asks, "There are @ metres left. | That leaves @ metres.")
    if t.left:
        _bows(t, kid, (rest, bow), per)


def _bows(t: Teller, kid: Person, ribbon: tuple[object, Decimal], per: int) -> None:
    rest, bow = ribbon
    t.say(
        f"{kid.She} makes bows of the rest, using {bow} metres for a bow.",
        f"A small bow takes {bow} metres, and all that is left is made into bows.",
    )
    asks = "How many bows can be made? | How many bows does the rest make?"
    made = t.count(f"{rest}/{bow}", asks, "The rest makes @ bows. | @ bows can be made.")
    if t.left:
        asks = "How many cards get bows? | For how many cards are there bows?"
        ends = f"{kid.She} glues {word(per)} bows on each birthday card. For how many cards are there enough bows? | "
        ends += f"Every birthday card gets {word(per)} of the bows. How many cards can {kid} decorate?"
        t.count(f"{made}/{per}", asks, "@ cards get bows. | There are bows for @ cards.", ends)


@frame("fractions", 1, 2, 3, 4)
def juice_for_guests(t: Teller) -> None:
    """Bottles of juice are poured into glasses of a fraction of a litre."""
    host, bottles, per = t.person(), t.number(3, 14), t.pick(2, 3)
    size, glass = (
        Decimal(t.pick("0.75", "1.5", "1.25", "2.5", "0.9")),
        Decimal(t.pick("0.2", "0.25", "0.3", "0.4")),
    )
    juice = t.pick("apple juice", "orange juice", "grape juice", "lemonade")
    t.need(bottles * size % glass == 0 and (t.left != 3 or bottles * size % (glass * per) == 0))
    t.say(
        f"For a party, {host} buys {bottles} bottles of {juice} with {size} litres in each.",
        f"{host} has {bottles} bottles of {juice}, and each holds {size} litres.",
        f"{host} puts {bottles} bottles of {juice} on the table. There are {size} litres in each of them.",
        f"A bottle of {juice} holds {size} litres. {host} carries {bottles} of them down to the party.",
    )
    asks = f"How many litres of {juice} are there? | How many litres of {juice} does {host} have?"
    litres = t.measure(f"{bottles}*{size}", asks, f"There are @ litres. | {host} has @ litres.")
    if not t.left:
        return
    t.say(f"A glass holds {glass} litres.", f"{host.She} pours it all into glasses of {glass} litres.")
    asks = "How many glasses does that fill? | How many glasses can be filled?"
    glasses = t.count(f"{litres}/{glass}", asks, "It fills @ glasses. | @ glasses can be filled.")
    if t.left == 1:
        asks = "For how many guests is there enough? | How many guests can drink that much?"
        ends = f"Each guest is to get {word(per)} glasses. For how many guests is there enough? | "
        ends += f"How many guests can there be if each of them drinks {word(per)} glasses?"
        t.count(f"{glasses}/{per}", asks, "There is enough for @ guests. | @ guests can come.", ends)
    elif t.left:
        most = (glasses - 2) // per
        t.need(most >= 4)
        guests = t.pick(*range(most // 2 + 1, most + 1))
        t.say(
            f"Each of the {guests} guests drinks {word(per)} glasses.",
            f"There are {guests} guests, who drink {word(per)} glasses each.",
        )
        asks = "How many glasses do the guests drink? | How many glasses are drunk?"
        drunk = t.count(f"{guests}*{per}", asks, "They drink @ glasses. | @ glasses are drunk.")
        asks = "How many full glasses are left over? | How many glasses of it are left?"
        t.count(f"{glasses}-{drunk}", asks, "There are @ glasses left. | That leaves @ glasses.")
