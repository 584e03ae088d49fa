"""Sharing: sweets, boats, pay by the hour and pizzas."""

from socli.stories.teller import Teller, cash, frame
from socli.stories.words import capital, word


@frame("sharing", 1, 2, 3, 4)
def sweets_for_all(t: Teller) -> None:
    """Sweets from some bags, a few put aside, are shared out; somebody eats a part of a share."""
    kid, sweets = t.person(), t.pick("toffees", "jelly beans", "gummy bears", "chocolates", "caramels")
    extras = t.some(t.left - 1, "bags", "keep", "eat")
    children, share, keep = t.number(3, 9), t.number(4, 15), t.number(3, 20)
    total = children * share + keep * ("keep" in extras)
    t.need(keep * 3 < total)
    total = _brought(t, kid, sweets, total, "bags" in extras)
    who = "The rest" if "keep" in extras else "They"
    if "keep" in extras:
        t.say(
            f"Of the {sweets}, {keep} are put aside for the next day.",
            f"First {kid} puts {keep} of the {sweets} aside for the next day.",
        )
        asks = f"How many {sweets} are left to share? | How many {sweets} are to be shared?"
        total = t.count(f"{total}-{keep}", asks, f"There are @ {sweets} to share. | That leaves @ {sweets}.")
    t.say(
        f"{who} are shared equally among all {word(children)} children there, {kid} included.",
        f"{who} are shared so that all {word(children)} children, {kid} included, get the same number.",
        f"{who} are dealt out equally to {word(children)} children, one of whom is {kid}.",
    )
    asks = f"How many {sweets} does each child get? | How many {sweets} are there for each child?"
    own = t.count(f"{total}/{children}", asks, f"Each child gets @ {sweets}. | There are @ for each child.")
    if t.left:
        t.need(own > 3)
        eaten = t.pick(*range(2, own - 1))
        asks = f"How many {sweets} does {kid} have left? | How many of {kid}'s {sweets} are left?"
        ends = f"{kid} eats {eaten} of {kid.her} {sweets} at once. How many does {kid.she} have left? | "
        ends += f"How many {sweets} does {kid} have left after eating {eaten}?"
        t.count(f"{own}-{eaten}", asks, f"{kid} has @ left. | That leaves @ {sweets}.", ends)


def _brought(t: Teller, kid: str, sweets: str, total: int, in_bags: bool) -> int:
    """How many sweets there are; in bags, that has to be worked out."""
    if not in_bags:
        t.say(
            f"{kid} has {total} {sweets} for a sleepover.",
            f"At a sleepover, {kid} empties a box of {total} {sweets} into a bowl.",
            f"{kid}'s grandmother has sent {total} {sweets} for a sleepover.",
            f"There are {total} {sweets} in the box that {kid} takes to a sleepover.",
        )
        return total
    bags = t.pick(*[k for k in range(2, 9) if total % k == 0 and 8 <= total // k <= 40] or [1])
    t.need(bags > 1)
    t.say(
        f"{kid} brings {bags} bags with {total // bags} {sweets} in each to a sleepover.",
        f"For a sleepover, {kid} has bought {bags} bags of {sweets}. There are {total // bags} in every bag.",
        f"{kid} opens {bags} bags at a sleepover, and in each of them there are {total // bags} {sweets}.",
    )
    asks = f"How many {sweets} are there? | How many {sweets} are in the bags altogether?"
    return t.count(f"{bags}*{total // bags}", asks, f"There are @ {sweets}. | Altogether that is @ {sweets}.")


@frame("sharing", 1, 2, 3, 4)
def boats_on_the_lake(t: Teller) -> None:
    """Pupils, perhaps of several classes and with grown-ups, get into boats that are hired."""
    teacher, size, boats, adults = t.adult(), t.pick(4, 5, 6, 8), t.number(4, 18), t.number(3, 8)
    extras = t.some(t.left - 1, "classes", "adults", "price")
    pupils = size * boats - adults * ("adults" in extras)
    if "classes" in extras:
        people = _classes(t, teacher, pupils)
    else:
        t.need(20 <= pupils <= 90)
        people = pupils
        t.say(
            f"{teacher} has come to the lake with {pupils} pupils.",
            f"On a summer morning, {teacher} is at the lake with {pupils} pupils.",
            f"For an outing to the lake, {teacher} has a list of {pupils} pupils.",
        )
    if "adults" in extras:
        t.say(
            f"Counting {teacher}, there are {adults} grown-ups, and they all get into the boats too.",
            f"{capital(word(adults))} grown-ups, {teacher} among them, go on the water with the pupils.",
        )
        asks = "How many people get into the boats? | How many people go on the water?"
        people = t.count(f"{people}+{adults}", asks, "There are @ people. | That is @ people.")
    else:
        t.say("Only the pupils go on the water.", "The pupils are allowed to row on their own.")
    t.say(
        f"Each boat takes {size} people, and every boat is full.",
        f"All the boats are full, with {size} people in each.",
    )
    asks = "How many boats are there on the water? | How many boats are needed?"
    count = t.count(f"{people}/{size}", asks, "There are @ boats. | @ boats are needed.")
    if t.left:
        price = t.price(600, 1500, 50)
        asks = "How much do the boats cost? | What do all the boats cost together?"
        ends = f"A boat costs ${price}. How much do the boats cost altogether? | "
        ends += f"How much does {teacher} pay if a boat costs ${price}?"
        t.money(f"{count}*{price}", asks, "The boats cost @. | Together they cost @.", ends)


def _classes(t: Teller, teacher: str, pupils: int) -> int:
    sizes = [k for k in (2, 3, 4) if pupils % k == 0 and 15 <= pupils // k <= 32]
    t.need(bool(sizes))
    classes = t.pick(*sizes)
    each = pupils // classes
    t.say(
        f"{capital(word(classes))} classes of {each} pupils each are at the lake with {teacher}.",
        f"{teacher} is at the lake with {word(classes)} classes, and there are {each} pupils in each of them.",
        f"{teacher} has planned an outing to the lake for {word(classes)} classes with {each} pupils each.",
    )
    asks = "How many pupils are there? | How many pupils are at the lake?"
    return t.count(f"{classes}*{each}", asks, "There are @ pupils. | That is @ pupils.")


@frame("sharing", 2, 3, 5)
def fair_pay(t: Teller) -> None:
    """Two people share what they got for a job in proportion to the hours each has worked."""
    one, two = t.pair()
    short, long, wage = t.number(2, 6), t.number(3, 9), t.price(600, 1500, 50)
    t.need(short < long)
    money = cash((short + long) * wage)
    job = t.pick(
        "painting a fence", "clearing out a garage", "digging a pond", "tidying a garden", "raking leaves"
    )
    t.say(
        f"{one} and {two} get ${money} for {job}. {one} worked {word(short)} hours and {two} {word(long)} hours.",
        f"For {job}, {one} works {word(short)} hours and {two} works {word(long)} hours. Together they are paid ${money}.",
        f"{one} and {two} have earned ${money} by {job}. It took {two} {word(long)} hours, but {one} helped for only {word(short)}.",
        f"A neighbour pays {one} and {two} ${money} in all for {job}, which took {one} {word(short)} hours and {two} {word(long)} hours of work.",
    )
    t.say(
        "They share the money so that each hour of work is paid the same.",
        "They share it fairly: the same amount for every hour worked.",
        "Each hour is to be paid the same, whoever worked it.",
    )
    asks = "How many hours did they work altogether? | How many hours of work is that in all?"
    hours = t.count(f"{short}+{long}", asks, "Altogether that is @ hours. | They worked @ hours.")
    asks = "How much do they get for one hour? | How much is each hour of work paid?"
    rate = t.money(f"{money}/{hours}", asks, "For one hour they get @. | Each hour is paid @.")
    if t.left == 1 and t.chance():
        one, short = two, long
    if t.left:
        asks = f"How much money does {one} get? | How much is {one}'s share?"
        less = t.money(f"{short}*{rate}", asks, f"{one} gets @. | {one}'s share is @.")
    if t.left:
        asks = f"How much money does {two} get? | How much is {two}'s share?"
        more = t.money(f"{long}*{rate}", asks, f"{two} gets @. | {two}'s share is @.")
    if t.left:
        asks = f"How much more does {two} get than {one}? | By how much is {two}'s share larger than {one}'s?"
        t.money(f"{more}-{less}", asks, f"{two} gets @ more. | The difference is @.")


@frame("sharing", 1, 2, 3, 4, 5)
def pizzas_to_order(t: Teller) -> None:
    """So many slices for each guest: how many pizzas, at what price, and who pays what?"""
    host, slices, each, pizzas = t.person(), t.pick(6, 8, 10, 12), t.pick(2, 3, 4), t.number(2, 9)
    need = slices * pizzas
    t.need(need % each == 0 and 5 <= need // each <= 30)
    if t.left == 1:
        t.say(
            f"{host} needs {need} slices of pizza for a party.",
            f"At {host}'s party, {need} slices of pizza are going to be eaten.",
            f"{host} has worked out that the team will eat {need} slices of pizza.",
        )
    else:
        guests = need // each
        t.say(
            f"There will be {guests} people at {host}'s party, and {host.she} plans {each} slices of pizza for each.",
            f"{host} expects {guests} people at a party and wants to have {each} slices of pizza for each of them.",
            f"{capital(word(guests))} hungry players are waiting. {host} wants to order enough pizza to give {each} slices to each of them.",
            f"{capital(word(each))} slices of pizza for each person: that is {host}'s plan for a party of {guests} people.",
        )
        asks = f"How many slices of pizza does {host} need? | How many slices is that altogether?"
        need = t.count(f"{guests}*{each}", asks, f"{host} needs @ slices. | Altogether that is @ slices.")
    t.say(f"One pizza is cut into {slices} slices.", f"The pizzeria cuts each pizza into {slices} slices.")
    asks = f"How many pizzas does {host} have to order? | How many pizzas are needed?"
    count = t.count(f"{need}/{slices}", asks, f"{host} orders @ pizzas. | @ pizzas are needed.")
    if t.left:
        _pay_for_pizza(t, host, count)


def _pay_for_pizza(t: Teller, host: str, count: int) -> None:
    price = t.price(700, 1600, 50)
    t.say(f"A pizza costs ${price}.", f"Each pizza costs ${price}.")
    asks = "How much do the pizzas cost? | What do all the pizzas cost?"
    cost = t.money(f"{count}*{price}", asks, "The pizzas cost @. | Together they cost @.")
    if t.left == 2 or (t.left == 1 and t.chance()):
        fee = t.number(3, 9)
        t.say(f"Delivery costs another ${fee}.", f"The pizzeria charges ${fee} for bringing them.")
        asks = f"How much does {host} pay with the delivery? | How much is it with the delivery?"
        cost = t.money(f"{cost}+{fee}", asks, "With the delivery that is @. | Delivery included, it costs @.")
    if t.left:
        k = t.sharers(cost, 2, 5)
        asks = "How much does each of them pay? | What is each one's part of the cost?"
        ends = f"{host} and some friends, {word(k)} people in all, share this cost equally. How much does each pay? | "
        ends += f"{capital(word(k))} of the people, {host} among them, pay this in equal parts. How much is one part?"
        t.money(f"{cost}/{k}", asks, "Each of them pays @. | One part is @.", ends)
