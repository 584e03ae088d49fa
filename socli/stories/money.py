"""Money: bills, wages, stalls, savings, and prices that are compared."""

from socli.stories.teller import Number, Teller, frame
from socli.stories.words import Person, capital, times, word


@frame("money", 3, 4, 5, 6)
def cafe_bill(t: Teller) -> None:
    """Two things are ordered for a group; a voucher, a tip and an even split may follow."""
    host = t.person()
    drinks = t.pick("lemonades", "hot chocolates", "smoothies", "milkshakes", "iced teas")
    cakes = t.pick("waffles", "muffins", "toasted sandwiches", "cinnamon buns", "apple tarts")
    n, m, x, y = t.number(2, 6), t.number(2, 6), t.price(200, 550, 50), t.price(300, 650, 50)
    extras = t.some(t.left - 3, "voucher", "tip", "split")
    t.need(x != y)
    t.say(
        f"At the café, {host} orders {n} {drinks} at ${x} each and {m} {cakes} at ${y} each.",
        f"{host} goes up to the counter of the café and asks for {n} {drinks} and {m} {cakes}. The {drinks} are ${x} each and the {cakes} ${y} each.",
        f"“{capital(word(n))} {drinks} and {word(m)} {cakes}, please,” says {host} at the café. The {drinks} cost ${x} each, the {cakes} ${y}.",
        f"On the menu of the café, {drinks} are ${x} each and {cakes} are ${y} each. {host} orders {n} {drinks} and {m} {cakes}.",
    )
    asks = f"How much do the {drinks} cost? | What do the {n} {drinks} cost?"
    one = t.money(f"{n}*{x}", asks, f"The {drinks} cost @. | The {n} {drinks} cost @.")
    asks = f"How much do the {cakes} cost? | What do the {m} {cakes} cost?"
    two = t.money(f"{m}*{y}", asks, f"The {cakes} cost @. | The {m} {cakes} cost @.")
    asks = "How much is the bill? | What does the whole order cost?"
    bill = t.money(f"{one}+{two}", asks, "The bill is @. | The order costs @.")
    if "voucher" in extras:
        off = t.number(2, 5)
        t.say(f"A voucher takes ${off} off the bill.", f"The waiter takes ${off} off for the long wait.")
        asks = "How much is left to pay? | How much is the bill now?"
        bill = t.money(f"{bill}-{off}", asks, "That leaves @ to pay. | The bill is now @.")
    if "tip" in extras:
        tip = t.number(2, 5)
        t.say(f"{host} leaves a tip of ${tip}.", f"{host} adds ${tip} as a tip.")
        asks = "How much is it with the tip? | How much is paid, tip included?"
        bill = t.money(f"{bill}+{tip}", asks, "With the tip it is @. | Tip included, it is @.")
    if "split" in extras:
        _split_the_bill(t, host, bill)


def _split_the_bill(t: Teller, host: Person, bill: Number) -> None:
    k = t.sharers(bill, 3, 6)
    t.open(
        f"{capital(word(k))} friends, {host} among them, are out together.",
        f"{capital(word(k))} friends have met in town; {host} is one of them.",
    )
    t.money(
        f"{bill}/{k}",
        "How much does each friend pay? | What is each friend's share?",
        "Each friend pays @. | Each share is @.",
        f"The {word(k)} friends share the cost equally. How much does each one pay? | "
        f"All {word(k)} friends pay the same amount. How much is that?",
    )


@frame("money", 2, 3, 4, 5)
def saving_up(t: Teller) -> None:
    """Something is wanted, part of its price is there, the rest comes week by week."""
    kid = t.person()
    thing = t.pick("skateboard", "telescope", "keyboard", "camera", "tent", "guitar", "drum kit")
    extras = t.some(t.left - 2, "gift", "jobs", "comics")
    jobs, pay, comics, gift = t.number(2, 4), t.number(4, 9), t.number(2, 5), t.number(10, 45, 5)
    income = jobs * pay if "jobs" in extras else t.number(6, 20)
    have: Number = t.number(8, 60)
    price = (income - comics * ("comics" in extras)) * t.number(3, 12) + have + gift * ("gift" in extras)
    t.need(40 <= price <= 320 and income - comics >= 3)
    t.say(
        f"{kid} wants to buy a {thing} that costs ${price}. So far {kid.she} has saved ${have}.",
        f"{kid} has ${have} in {kid.her} money box and dreams of a {thing} for ${price}.",
        f"“Only ${have},” sighs {kid}, for the {thing} that {kid.she} would like to have costs ${price}.",
        f"The {thing} in the shop window costs ${price}. {kid} would love to have it but owns only ${have}.",
    )
    if "gift" in extras:
        t.say(f"For {kid.her} birthday {kid.she} gets ${gift}.", f"Then {kid.her} aunt sends ${gift}.")
        asks = f"How much money does {kid} have then? | How much does {kid} have with the present?"
        have = t.money(f"{have}+{gift}", asks, f"{kid} then has @. | With the present it is @.")
    asks = f"How much money is {kid} still short of? | How much more does {kid} need?"
    need = t.money(f"{price}-{have}", asks, f"{kid} still needs @. | {kid} needs another @.")
    work = (jobs, pay) if "jobs" in extras else (1, income)
    _week_by_week(t, kid, need, work, comics * ("comics" in extras))


def _week_by_week(t: Teller, kid: Person, need: Number, work: tuple[int, int], comics: int) -> None:
    """Earn jobs * pay a week, spend some of it on comics, and ask how many weeks it takes."""
    jobs, pay = work
    weekly: Number = pay
    if jobs > 1:
        t.say(
            f"{kid} earns ${pay} each time {kid.she} walks the neighbour's dog, and does so {times(jobs)} a week.",
            f"{kid.She} washes {jobs} cars a week and is paid ${pay} for each.",
        )
        asks = f"How much does {kid} earn a week? | What does {kid} earn every week?"
        weekly = t.money(f"{jobs}*{pay}", asks, f"{kid} earns @ a week. | Every week {kid.she} earns @.")
    elif comics:
        t.say(f"{kid} gets ${pay} pocket money a week.", f"{kid.Her} pocket money is ${pay} a week.")
    else:
        t.say(f"{kid} can put aside ${pay} every week.", f"Every week {kid.she} can save ${pay}.")
    if comics:
        t.say(
            f"{kid.She} spends ${comics} a week on comics and saves the rest.",
            f"Each week ${comics} of it goes on comics; the rest is saved.",
        )
        asks = f"How much can {kid} save each week? | How much is left to save each week?"
        weekly = t.money(f"{weekly}-{comics}", asks, f"{kid} saves @ a week. | Each week @ is saved.")
    asks = (
        f"How many weeks will it take {kid} to save the rest? | For how many weeks does {kid} have to save?"
    )
    t.count(f"{need}/{weekly}", asks, "It takes @ weeks. | That is @ weeks.")


@frame("money", 1, 2, 3, 4)
def paper_round(t: Teller) -> None:
    """Newspapers are delivered for a few cents each, on some mornings, over some weeks."""
    kid = t.person()
    n, rate, mornings = t.number(30, 90, 2), t.price(10, 25, 5), t.pick(5, 6)
    t.say(
        f"{kid} delivers {n} newspapers every morning and is paid ${rate} for each of them.",
        f"{kid} gets up at five to deliver {n} newspapers every morning, for which {kid.she} is paid ${rate} each.",
        f"For every newspaper that {kid} delivers, {kid.she} gets ${rate}. {kid.Her} round has {n} newspapers.",
        f"Before school, {kid} puts {n} newspapers into letter boxes. The newsagent pays ${rate} for each one.",
    )
    asks = f"How much does {kid} earn in one morning? | What does {kid} earn each morning?"
    pay = t.money(f"{n}*{rate}", asks, f"{kid} earns @ each morning. | One morning brings @.")
    if not t.left:
        return
    t.say(
        f"{kid.She} does the round {word(mornings)} mornings a week.",
        f"{kid} works {word(mornings)} mornings a week.",
    )
    asks = f"How much does {kid} earn in a week? | What does {kid} earn each week?"
    pay = t.money(f"{pay}*{mornings}", asks, f"In a week {kid} earns @. | That is @ a week.")
    if t.left == 2 or (t.left == 1 and t.chance()):
        tips = t.number(3, 12)
        t.say(
            f"Tips add another ${tips} a week.", f"On top of that, {kid.she} gets ${tips} in tips every week."
        )
        asks = f"How much does {kid} make in a week, tips included? | How much is it a week with the tips?"
        pay = t.money(f"{pay}+{tips}", asks, "With the tips it is @ a week. | Tips included, it is @.")
    if t.left:
        weeks = t.number(3, 10)
        asks = (
            f"How much does {kid} make in {word(weeks)} weeks? | What does {kid} make in {word(weeks)} weeks?"
        )
        t.money(f"{pay}*{weeks}", asks, f"In {word(weeks)} weeks that is @. | {kid} makes @.")


@frame("money", 2, 3, 4, 5)
def lemonade_stand(t: Teller) -> None:
    """Two children sell lemonade, pay for what they used, and may halve the profit."""
    one, two = t.pair()
    extras = t.some(t.left - 2, "jugs", "lemons", "halves")
    price, cups = t.price(50, 200, 25), t.number(24, 80, 2)
    t.say(
        f"{one} and {two} sell lemonade at the school fair for ${price} a cup.",
        f"At the summer fair, {one} and {two} run a lemonade stand. A cup costs ${price}.",
        f"It is a hot day, and {one} and {two} sell home-made lemonade to the neighbours at ${price} a cup.",
        f"A cup of lemonade costs ${price} at the stand that {one} and {two} have set up in the park.",
    )
    if "jugs" in extras:
        jugs, per = t.number(3, 8), t.number(6, 12)
        t.say(
            f"They make {jugs} jugs of it, each enough for {per} cups, and sell every drop.",
            f"They pour {per} cups from each jug and sell all {jugs} jugs.",
        )
        asks = "How many cups do they sell? | How many cups of lemonade are sold?"
        cups = t.count(f"{jugs}*{per}", asks, "They sell @ cups. | @ cups are sold.")
    else:
        t.say(f"By the evening they have sold {cups} cups.", f"They sell {cups} cups.")
    asks = "How much money do they take? | How much do customers pay them in all?"
    taken = t.money(f"{cups}*{price}", asks, "They take @. | Customers pay them @.")
    cost = _what_they_spent(t, "lemons" in extras)
    asks = "How much profit do they make? | How much do they have left after their costs?"
    profit = t.money(f"{taken}-{cost}", asks, "Their profit is @. | That leaves them @.")
    if t.left:
        asks = "How much does each of them get? | What is the share of each?"
        ends = f"The two of them share the profit equally. How much does {one} get? | "
        ends += "They halve the profit between them. How much does each of them get?"
        t.money(f"{profit}/2", asks, "Each of them gets @. | Half of it is @.", ends)


def _what_they_spent(t: Teller, lemons: bool) -> Number:
    if not lemons:
        cost = t.number(6, 20)
        t.say(
            f"Lemons, sugar and cups cost them ${cost}.",
            f"They had spent ${cost} on lemons, sugar and cups.",
            f"Everything they needed for it cost ${cost}.",
        )
        return cost
    bags, each = t.number(2, 5), t.price(200, 450, 50)
    t.say(
        f"All they had to buy was {bags} bags of lemons at ${each} a bag.",
        f"Their only expense was lemons: {bags} bags at ${each} each.",
        f"They had paid for nothing but {bags} bags of lemons, at ${each} a bag.",
    )
    asks = "How much did the lemons cost? | What did they spend on lemons?"
    return t.money(f"{bags}*{each}", asks, "The lemons cost @. | They spent @ on lemons.")


@frame("money", 4, 5, 6)
def coin_jar(t: Teller) -> None:
    """A jar of two kinds of coins is counted in cents and then in dollars."""
    kid, n, m = t.person(), t.number(11, 45), t.number(12, 60)
    extras = t.some(t.left - 4, "rest", "goal")
    if "rest" in extras:
        t.say(
            f"There are {n + m} coins in the jar that {kid} empties onto the table. {n} of them are worth 50 cents and all the others 20 cents.",
            f"{kid} has collected {n + m} coins in a jar. All of them are 20-cent coins, except for {n} that are worth 50 cents.",
            f"{kid} keeps only 20-cent and 50-cent coins in a jar. Of its {n + m} coins, {n} are 50-cent coins.",
        )
        asks = "How many 20-cent coins are there? | How many of the coins are 20-cent coins?"
        m = t.count(f"{n + m}-{n}", asks, "There are @ of them. | @ coins are 20-cent coins.")
    else:
        t.say(
            f"{kid} empties a jar onto the table and counts {n} coins of 50 cents and {m} coins of 20 cents.",
            f"In the jar on {kid}'s shelf there are {n} coins of 50 cents and {m} coins of 20 cents.",
            f"For a year {kid} has put coins into a jar. Now there are {m} coins of 20 cents and {n} of 50 cents in it.",
            f"{kid} has saved {m} coins of 20 cents and {n} coins of 50 cents in a jar.",
        )
    asks = "How many cents are the 50-cent coins worth? | What are the 50-cent coins worth in cents?"
    fifties = t.count(f"{n}*50", asks, "They are worth @ cents. | The 50-cent coins make @ cents.")
    asks = "How many cents are the 20-cent coins worth? | What are the 20-cent coins worth in cents?"
    twenties = t.count(f"{m}*20", asks, "They are worth @ cents. | The 20-cent coins make @ cents.")
    asks = "How many cents is that altogether? | What are all the coins worth in cents?"
    cents = t.count(
        f"{fifties}+{twenties}", asks, "Altogether that is @ cents. | All the coins make @ cents."
    )
    asks = f"How many dollars does {kid} have in the jar? | How much are the coins worth in dollars?"
    money = t.money(f"{cents}/100", asks, "In dollars that is @. | The jar holds @.")
    if t.left:
        goal = t.number(20, 75, 5)
        asks = f"How much more does {kid} need? | How many dollars is {kid} still short of?"
        ends = f"{kid} wants to buy a jacket for ${goal}. How much more money does {kid.she} need? | "
        ends += f"The present {kid.she} has in mind costs ${goal}. How much is {kid} still short of?"
        t.money(f"{goal}-{money}", asks, f"{kid} needs @ more. | {kid} needs another @.", ends)
