"""Percentages: sales, tests, interest, members, batteries, showers and budgets."""

from socli.stories.endings import change_from_a_note
from socli.stories.teller import Teller, frame
from socli.stories.words import Person, every, word


@frame("percentages", 2, 3, 4, 5)
def sale(t: Teller) -> None:
    """A price is cut by some per cent; several are bought, a gift card counts, change is given."""
    buyer, price, off = t.person(), t.number(24, 80, 2), t.pick(5, 10, 15, 20, 25, 30, 40)
    item = t.pick("backpack", "jumper", "rain jacket", "lamp", "bike helmet", "board game", "sleeping bag")
    extras = t.some(t.left - 2, "several", "card", "change")
    t.say(
        f"In the sale, a {item} that used to cost ${price} is {off}% cheaper.",
        f"A {item} costs ${price}, but today there is {off}% off.",
        f"{buyer} has found a {item} for ${price} with a sign that says: {off}% off today!",
        f"The shop takes {off}% off a {item} whose price was ${price}.",
    )
    if "several" not in extras:
        t.say(f"{buyer} buys one.", f"{buyer} decides to buy it.")
    asks = "How much is taken off the price? | By how much is the price cut?"
    less = t.money(f"{price}*{off}/100", asks, "The price is cut by @. | The shop takes off @.")
    asks = f"How much does one {item} cost now? | What is the new price of one {item}?"
    ends = f"How much does {buyer} pay? | How much does the {item} cost {buyer} in the sale?"
    cost = t.money(f"{price}-{less}", asks, "It now costs @. | The new price is @.", ends)
    if "several" in extras:
        n = t.number(2, 5)
        t.say(f"{buyer} buys {word(n)} of them.", f"{buyer} takes {word(n)}, all at the new price.")
        asks = f"How much do {every(n)} cost? | What is the price of {every(n)}?"
        cost = t.money(f"{n}*{cost}", asks, f"{every(n).capitalize()} cost @. | Together they cost @.")
    if "card" in extras:
        gift = t.number(5, 15)
        t.need(cost > gift + 3)
        t.say(f"{buyer.She} also has a gift card for ${gift}.", f"A gift card pays for ${gift} of it.")
        asks = f"How much is left to pay? | How much does {buyer} pay after using the gift card?"
        cost = t.money(f"{cost}-{gift}", asks, f"There is @ left to pay. | After that {buyer} pays @.")
    if "change" in extras:
        change_from_a_note(t, buyer, cost)


@frame("percentages", 1, 2, 3, 4, 5)
def quiz(t: Teller) -> None:
    """Some per cent of the questions are right; right answers win points, wrong ones lose them."""
    kid, n, right, gain = t.person(), t.number(20, 90, 10), t.number(55, 95, 5), t.number(3, 6)
    t.need(n * right % 100 == 0)
    t.say(
        f"{kid} answers {right}% of the {n} questions of a quiz correctly.",
        f"In a quiz with {n} questions, {right}% of {kid}'s answers are right.",
        f"There were {n} questions in the quiz, and {kid} got {right}% of them right.",
        f"A quiz has {n} questions. {kid} answers them all, and {right}% of the answers are correct.",
    )
    asks = f"How many answers are right? | How many questions does {kid} answer correctly?"
    good = t.count(f"{n}*{right}/100", asks, "@ answers are right. | That is @ right answers.")
    if t.left == 1 and t.chance():
        t.say(
            f"Each right answer is worth {gain} points.", f"For every right answer there are {gain} points."
        )
        asks = f"How many points does {kid} get? | How many points is that?"
        t.count(f"{good}*{gain}", asks, f"{kid} gets @ points. | That is @ points.")
    elif t.left > 2:
        _score(t, kid, (n, good, gain))
    elif t.left:
        asks = f"How many answers are wrong? | How many questions does {kid} get wrong?"
        bad = t.count(f"{n}-{good}", asks, "@ answers are wrong. | That is @ wrong answers.")
    if t.left:
        asks = "How many more right answers than wrong ones are there? | How many more answers are right than wrong?"
        t.count(f"{good}-{bad}", asks, "There are @ more right ones. | @ more answers are right.")


def _score(t: Teller, kid: Person, counts: tuple[int, int, int]) -> None:
    """Points for right answers less points for wrong ones, in three or four steps."""
    n, good, gain = counts
    loss = 2 if t.left == 4 else 1
    points = f"{word(loss)} point{'s' * (loss > 1)}"
    t.say(
        f"A right answer wins {gain} points and a wrong one loses {points}.",
        f"There are {gain} points for a right answer, but every wrong one costs {points}.",
    )
    asks = "How many points do the right answers win? | How many points are there for the right answers?"
    won = t.count(f"{good}*{gain}", asks, "They win @ points. | For them there are @ points.")
    asks = f"How many answers are wrong? | How many questions does {kid} get wrong?"
    lost = t.count(f"{n}-{good}", asks, "@ answers are wrong. | That is @ wrong answers.")
    if loss > 1:
        asks = "How many points do the wrong answers lose? | How many points are lost?"
        lost = t.count(f"{lost}*{loss}", asks, "They lose @ points. | @ points are lost.")
    asks = f"How many points does {kid} have in the end? | What is {kid}'s final score?"
    t.count(f"{won}-{lost}", asks, f"{kid} has @ points. | The score is @ points.")


@frame("percentages", 1, 2, 3, 4)
def simple_interest(t: Teller) -> None:
    """A sum earns simple interest over some years; what is there in the end, and what is it spent on?"""
    saver, sum_, rate, years = t.adult(), t.number(400, 5000, 100), t.pick(2, 3, 4, 5), t.number(2, 8)
    t.say(
        f"{saver} puts ${sum_} into an account that pays {rate}% simple interest a year.",
        f"A bank pays {saver} {rate}% simple interest a year on ${sum_}.",
        f"{saver} has inherited ${sum_} and puts it into a savings account with {rate}% simple interest a year.",
        f"With ${sum_}, {saver} opens an account. The bank pays simple interest of {rate}% a year.",
    )
    asks = f"How much interest does {saver} get each year? | How much is the interest for one year?"
    gain = t.money(f"{sum_}*{rate}/100", asks, f"{saver} gets @ a year. | A year's interest is @.")
    if t.left:
        t.say(
            f"The money stays there for {word(years)} years.",
            f"{saver.She} leaves it there for {word(years)} years.",
        )
        asks = f"How much interest is that in {word(years)} years? | How much interest is paid in all {word(years)} years?"
        gain = t.money(f"{years}*{gain}", asks, f"In {word(years)} years that is @. | The interest is @.")
    if t.left:
        asks = f"How much money is in the account then? | How much does {saver} have with the interest?"
        ends = f"How much is in the account after that time? | How much does {saver} have in the end?"
        all_ = t.money(f"{sum_}+{gain}", asks, f"There is @ in the account. | {saver} then has @.", ends)
    if t.left:
        cost = t.number(2, 9) * 50
        what = t.pick("bike", "sofa", "washing machine", "desk", "wardrobe")
        asks = f"How much is left after buying the {what}? | How much money does {saver} have left?"
        ends = f"After that {saver} takes ${cost} out for a {what}. How much is left in the account? | "
        ends += f"Then a {what} for ${cost} is paid from the account. How much is left in it?"
        t.money(f"{all_}-{cost}", asks, f"There is @ left. | {saver} has @ left.", ends)


@frame("percentages", 1, 2, 3, 4, 5)
def growing_club(t: Teller) -> None:
    """A club grows by some per cent, some members leave, and the others pay a fee."""
    head, n, growth = t.adult(), t.number(40, 300, 20), t.pick(5, 10, 15, 20, 25, 30)
    club = t.pick("chess club", "hiking club", "rowing club", "choir", "judo club", "film club")
    t.say(
        f"Last year {head}'s {club} had {n} members. This year the number has grown by {growth}%.",
        f"The {club} that {head} runs had {n} members last year. Since then it has grown by {growth}%.",
        f"{head} is proud: the {club}, which had {n} members a year ago, has grown by {growth}% since then.",
        f"With {head} as its new head, a {club} of {n} members has grown by {growth}% in a year.",
    )
    if t.left == 1:
        ends = "How many members has it gained? | By how many members has it grown?"
        t.count(f"{n}*{growth}/100", "How many members has it gained?", "It has gained @ members.", ends)
        return
    asks = "How many new members are there? | By how many members has it grown?"
    new = t.count(f"{n}*{growth}/100", asks, "There are @ new members. | It has grown by @ members.")
    asks = f"How many members does the {club} have now? | How many members are there now?"
    now = t.count(f"{n}+{new}", asks, "It now has @ members. | There are @ members.")
    if t.left == 3 or (t.left and t.left < 3 and t.chance()):
        gone = t.number(3, 14)
        t.say(f"Then {gone} members move away and leave.", f"In spring {gone} people leave the {club}.")
        asks = f"How many members are left? | How many members does the {club} have after that?"
        now = t.count(f"{now}-{gone}", asks, "There are @ members left. | It then has @ members.")
    if t.left:
        fee = t.number(12, 60, 2)
        t.say(f"Every member pays ${fee} a year.", f"The fee is ${fee} a year for each member.")
        asks = "How much do the members pay in a year? | How much money do the fees bring in a year?"
        fees = t.money(f"{now}*{fee}", asks, "The members pay @. | The fees bring @.")
    if t.left:
        rent = int(fees) // 100 * t.number(30, 80, 10)
        t.need(rent > 0)
        asks = "How much of the fees is left? | How much money is left after paying the rent?"
        ends = f"The rent of the club room is ${rent} a year. How much of the fees is left? | "
        ends += f"From the fees, {head} pays ${rent} a year for the rooms. How much is left?"
        t.money(f"{fees}-{rent}", asks, "There is @ left. | That leaves @.", ends)
