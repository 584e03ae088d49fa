"""Prices: hire, trips, packs, tickets and subscriptions that are worked out and compared."""

from socli.stories.endings import change_from_a_note
from socli.stories.teller import Number, Teller, cash, frame
from socli.stories.words import Person, capital, every, times, word


@frame("prices", 2, 3, 4)
def packs_or_singles(t: Teller) -> None:
    """The same thing is sold singly and in packs; what do packs save?"""
    buyer = t.person()
    thing = t.pick("battery", "tennis ball", "light bulb", "exercise book", "carton of juice", "muesli bar")
    things = {"battery": "batteries", "carton of juice": "cartons of juice"}.get(thing, f"{thing}s")
    size, x, packs, pack = t.pick(3, 4, 5, 6, 8), t.price(80, 250, 10), t.number(3, 9), t.price(250, 1200, 25)
    t.need(size * x * 7 <= pack * 10 < size * x * 10)
    t.say(
        f"In the supermarket a single {thing} costs ${x}, while a pack of {size} costs ${pack}.",
        f"{buyer} compares prices: one {thing} is ${x}, and a pack of {size} is ${pack}.",
        f"A shop sells {things} singly for ${x} each or in packs of {size} for ${pack} a pack.",
        f"A pack of {size} {things} costs ${pack}. Bought one at a time, they are ${x} each.",
    )
    if t.left == 4:
        _so_many_in_packs(t, buyer, things, (packs * size, size, x, pack))
        return
    asks = f"How much do {size} single {things} cost? | What would {size} of them cost when bought singly?"
    single = t.money(f"{size}*{x}", asks, f"{size} singles cost @. | Bought singly they cost @.")
    asks = "How much does one pack save? | How much cheaper is a pack?"
    ends = f"How much does {buyer} save by buying one pack instead of {size} single {things}? | "
    ends += f"{buyer} needs {size} {things}. How much cheaper is it to buy the pack?"
    saved = t.money(f"{single}-{pack}", asks, "A pack saves @. | A pack is @ cheaper.", ends)
    if t.left:
        asks = f"How much does {buyer} save with {packs} packs? | How much do {packs} packs save {buyer.him}?"
        ends = (
            f"How much does {buyer} save by buying {packs} packs rather than the same number of singles? | "
        )
        ends += f"{buyer} buys {packs} packs. How much less does {buyer.she} pay than for as many singles?"
        t.money(f"{saved}*{packs}", asks, f"{packs} packs save @. | {buyer} saves @.", ends)


def _so_many_in_packs(t: Teller, buyer: Person, things: str, offer: tuple[int, int, Number, Number]) -> None:
    need, size, x, pack = offer
    t.say(f"{buyer} needs {need} {things}.", f"For a school party {buyer} needs {need} of them.")
    asks = f"How many packs make {need} {things}? | How many packs does {buyer} need?"
    packs = t.count(f"{need}/{size}", asks, f"{need} {things} are @ packs. | {buyer} needs @ packs.")
    asks = "How much do the packs cost? | What do that many packs cost?"
    cost = t.money(f"{packs}*{pack}", asks, "The packs cost @. | In packs they cost @.")
    asks = f"How much do {need} singles cost? | What does it cost to buy {need} singles?"
    single = t.money(f"{need}*{x}", asks, "The singles cost @. | Bought singly they cost @.")
    asks = f"How much does {buyer} save by buying packs? | How much cheaper is it for {buyer} to buy packs?"
    t.money(f"{single}-{cost}", asks, f"{buyer} saves @. | Packs are @ cheaper.")


@frame("prices", 2, 3, 4, 5, 6)
def school_trip(t: Teller) -> None:
    """Tickets and a coach for a class, perhaps a grant, and what each child still has to bring."""
    teacher, n, ticket, share = t.adult(), t.number(16, 30), t.price(400, 900, 50), t.number(4, 9)
    grant = t.number(30, 90, 10) if t.left == 6 or (t.left > 3 and t.chance()) else 0
    coach = n * share + grant
    place = t.pick("the zoo", "the science museum", "the castle", "the planetarium", "the aquarium")
    t.say(
        f"{teacher} is taking a class of {n} children to {place}. A child's ticket costs ${ticket} and the coach "
        f"costs ${coach}.",
        f"{teacher}'s class of {n} children is off to {place}! The coach costs ${coach} and each child needs a ticket for ${ticket}.",
        f"For a trip to {place}, {teacher} orders {n} children's tickets at ${ticket} each and a coach for ${coach}.",
        f"A coach to {place} costs ${coach}, and each of the {n} children in {teacher}'s class needs a ticket "
        f"for ${ticket}.",
    )
    asks = "How much do the tickets cost? | What do the children's tickets cost?"
    tickets = t.money(f"{n}*{ticket}", asks, "The tickets cost @. | All the tickets cost @.")
    asks = "How much do the tickets and the coach cost together? | What is the cost of tickets and coach?"
    cost = t.money(f"{tickets}+{coach}", asks, "Together they cost @. | The cost is @.")
    if grant:
        t.say(
            f"The parents' association gives ${grant} towards it.", f"The school pays ${grant} of the cost."
        )
        asks = (
            "How much do the children have to pay together? | How much of the cost is left for the children?"
        )
        cost = t.money(f"{cost}-{grant}", asks, "The children pay @. | That leaves @.")
    if t.left:
        t.say(f"The {n} children share {'the rest' if grant else 'the whole cost'} equally.")
        asks = "How much does each child have to bring? | What does each child pay?"
        each = t.money(f"{cost}/{n}", asks, "Each child pays @. | Each child brings @.")
    if t.left:
        paid = t.number(5, 14)
        t.say(f"So far {paid} children have paid.", f"By Monday, {paid} children have brought the money.")
        asks = f"How much money does {teacher} have so far? | How much has {teacher} collected so far?"
        got = t.money(f"{paid}*{each}", asks, f"So far that is @. | {teacher} has collected @.")
    if t.left:
        asks = "How much money is still missing? | How much is still to be collected?"
        t.money(f"{cost}-{got}", asks, "There is @ missing. | That leaves @ to collect.")


@frame("prices", 1, 2, 3, 4)
def boat_hire(t: Teller) -> None:
    """A price per hour and perhaps a fixed fee; asked forwards for the cost, or backwards for the hours."""
    guest, thing = t.person(), t.pick("kayak", "bike", "pedal boat", "canoe", "surfboard")
    rate, fee, hours = t.price(400, 900, 50), t.number(3, 12), t.number(2, 6)
    if t.left == 1:
        ends = f"Hiring a {thing} costs ${rate} an hour. How much does {guest} pay for {hours} hours? | "
        ends += f"{guest} hires a {thing} for {hours} hours at ${rate} an hour. How much is that? | "
        ends += f"{guest} is allowed to hire a {thing} for {hours} hours. An hour costs ${rate}. What does {guest.she} pay? | "
        ends += (
            f"What does {guest} pay for a {thing} that costs ${rate} an hour and is hired for {hours} hours?"
        )
        asks = f"How much does {guest} pay? | How much do {hours} hours cost?"
        t.money(f"{hours}*{rate}", asks, f"{guest} pays @. | {hours} hours cost @.", ends)
        return
    t.say(
        f"Hiring a {thing} costs ${rate} an hour plus a fixed fee of ${fee}.",
        f"At the lake, anyone who hires a {thing} pays a fee of ${fee} and then ${rate} for every hour.",
        f"A sign by the lake says: {thing}s for hire, ${rate} an hour and a fixed fee of ${fee}.",
        f"For a {thing} the hire shop charges ${rate} an hour, and ${fee} on top for insurance.",
    )
    if t.left == 2 and t.chance():
        _how_many_hours(t, guest, rate, fee)
    else:
        _how_much(t, guest, thing, (hours, rate, fee))


def _how_much(t: Teller, guest: Person, thing: str, hire: tuple[int, Number, int]) -> None:
    """The price of one, perhaps of several, and perhaps the change."""
    hours, rate, fee = hire
    n = t.number(2, 4) if t.left == 4 or (t.left == 3 and t.chance()) else 1
    what = f"{word(n)} {thing}s" if n > 1 else f"one {thing}"
    t.say(
        f"{guest} hires {what} for {hours} hours" + (" and pays the fee for each of them." if n > 1 else "."),
        f"{guest} takes {what} for {hours} hours"
        + (", and the fee is due for each of them." if n > 1 else "."),
    )
    asks = f"How much do {hours} hours cost without the fee? | What does one cost for {hours} hours without the fee?"
    pay = t.money(f"{hours}*{rate}", asks, f"{hours} hours cost @. | Without the fee that is @.")
    one = f"one {thing} cost with the fee" if n > 1 else f"{guest} pay in all"
    pay = t.money(
        f"{pay}+{fee}", f"How much does {one}?", "With the fee that is @. | Fee included, it costs @."
    )
    if n > 1:
        asks = f"How much do {every(n)} cost? | What does {guest} pay for {every(n)}?"
        pay = t.money(f"{pay}*{n}", asks, f"{capital(every(n))} cost @. | {guest} pays @.")
    if t.left:
        change_from_a_note(t, guest, pay)


def _how_many_hours(t: Teller, guest: Person, rate: Number, fee: int) -> None:
    hours = t.number(3, 9)
    total = cash(rate * hours + fee)
    t.say(f"{guest} pays ${total} in all.", f"When {guest} brings it back, {guest.she} has to pay ${total}.")
    asks = "How much of that is for the hours alone? | How much is left when the fee is taken off?"
    rest = t.money(f"{total}-{fee}", asks, "Without the fee that is @. | The hours alone cost @.")
    asks = f"For how many hours did {guest} hire it? | How many hours did {guest} have it?"
    t.count(f"{rest}/{rate}", asks, "That is @ hours. | It was hired for @ hours.")


@frame("prices", 2, 3, 4)
def season_pass(t: Teller) -> None:
    """Single visits against a pass: how much does the pass save?"""
    visitor, single, weekly = t.adult() if t.chance() else t.person(), t.price(400, 900, 50), t.pick(2, 3, 4)
    weeks, weekly_pass = t.number(5, 20), t.number(7, 20)
    place = t.pick("swimming pool", "climbing hall", "fitness club", "ice rink")
    t.say(
        f"A single visit to the {place} costs ${single}.",
        f"The {place} charges ${single} for a visit.",
        f"{visitor} likes going to the {place}, where a single visit costs ${single}.",
        f"Whoever comes to the {place} without a pass pays ${single} a visit.",
    )
    visits = weekly * weeks
    if t.left > 2:
        t.say(
            f"{visitor} goes {times(weekly)} a week for {weeks} weeks.",
            f"For {weeks} weeks {visitor} trains there {word(weekly)} days a week.",
        )
        asks = f"How many times does {visitor} go? | How many visits is that?"
        visits = t.count(f"{weekly}*{weeks}", asks, f"{visitor} goes @ times. | That is @ visits.")
    else:
        t.say(
            f"{visitor} goes {visits} times over the winter.",
            f"This winter {visitor} goes there {visits} times.",
        )
    asks = f"How much do {visits} single visits cost? | What would {visitor} pay for the visits one by one?"
    cost = t.money(f"{visits}*{single}", asks, "The visits cost @. | One by one they cost @.")
    price: Number = weeks * weekly_pass
    t.need(cost * 4 <= price * 10 <= cost * 9 and (visits <= 40 or t.length > 2))
    if t.left == 2:
        t.say(f"There is also a pass for ${weekly_pass} a week.", f"A pass costs ${weekly_pass} a week.")
        asks = f"How much does the pass cost for {weeks} weeks? | What is the price of the pass for {weeks} weeks?"
        price = t.money(f"{weeks}*{weekly_pass}", asks, "The pass costs @. | All the weeks cost @.")
    else:
        t.say(
            f"A pass for the whole time costs ${price}.",
            f"There is also a pass for the whole time, at ${price}.",
        )
    asks = f"How much would {visitor} save with the pass? | How much cheaper is the pass for {visitor}?"
    t.money(f"{cost}-{price}", asks, f"{visitor} saves @. | The pass is @ cheaper.")
