"""Time: pages a day, homework, practice, journeys, episodes and batches in the oven."""

from socli.stories.teller import Teller, frame
from socli.stories.words import Person, a, capital, times, word


@frame("time", 1, 2, 3, 4, 5)
def reading_plan(t: Teller) -> None:
    """A book, or two, are read at one pace and then at another."""
    kid, first, days, then, more = (
        t.person(),
        t.number(8, 30),
        t.number(3, 9),
        t.number(10, 40),
        t.number(2, 9),
    )
    if t.left == 1:
        _one_pace(t, kid, first, days)
        return
    pages = first * days + then * more
    t.need(first != then)
    if t.left == 5:
        t.need(pages >= 120)
        one = t.pick(*range(50, pages - 49))
        t.need(one * 2 != pages)
        t.say(
            f"{kid} wants to read two books in the holidays, one of {one} pages and one of {pages - one} pages.",
            f"{kid} has borrowed two books. One has {one} pages, the other {pages - one}.",
            f"There are two books on {kid}'s reading list, with {one} and {pages - one} pages.",
        )
        asks = f"How many pages is that altogether? | How many pages does {kid} have to read?"
        pages = t.count(f"{one}+{pages - one}", asks, "Altogether that is @ pages. | The two have @ pages.")
    else:
        t.say(
            f"{kid} is reading a book of {pages} pages.",
            f"The book that {kid} has to read for school has {pages} pages.",
            f"For {kid.her} birthday {kid} got a book of {pages} pages.",
            f"{kid}'s new book has {pages} pages.",
        )
    _two_paces(t, kid, pages, (first, days, then))


def _one_pace(t: Teller, kid: Person, first: int, days: int) -> None:
    pages = first * days
    t.say(
        f"{kid} reads {first} pages of a book every day. The book has {pages} pages.",
        f"{kid} has started {a(pages)}-page book and reads {first} pages a day.",
        f"For a book report, {kid} has to read {pages} pages and manages {first} of them a day.",
        f"A book of {pages} pages lies on {kid}'s bedside table. {kid} reads {first} pages of it every day.",
    )
    asks = f"How many days does it take {kid} to read all of it? | After how many days has {kid} read it all?"
    t.count(f"{pages}/{first}", asks, f"It takes {kid} @ days. | That is @ days.")


def _two_paces(t: Teller, kid: Person, pages: int, pace: tuple[int, int, int]) -> None:
    first, days, then = pace
    t.say(
        f"For the first {days} days {kid.she} reads {first} pages a day.",
        f"{kid.She} reads {first} pages a day for {days} days.",
        f"On each of the first {days} days {kid.she} gets through {first} pages.",
    )
    asks = (
        f"How many pages does {kid} read in the first {days} days? | How many pages are read in {days} days?"
    )
    read = t.count(f"{days}*{first}", asks, f"{kid} reads @ pages. | That is @ pages.")
    asks = f"How many pages are left then? | How many pages does {kid} still have to read?"
    rest = t.count(f"{pages}-{read}", asks, "There are @ pages left. | That leaves @ pages.")
    if t.left:
        t.say(
            f"After that {kid.she} reads {then} pages a day.", f"Then {kid.she} reads {then} pages every day."
        )
        asks = "How many more days does the rest take? | How many days does it take to read the rest?"
        rest = t.count(f"{rest}/{then}", asks, "The rest takes @ days. | It takes @ more days.")
    if t.left:
        asks = (
            f"How many days does {kid} read altogether? | How many days does it take from beginning to end?"
        )
        t.count(f"{days}+{rest}", asks, f"Altogether {kid} reads for @ days. | That is @ days.")


@frame("time", 2, 3, 4, 5, 6)
def homework_evening(t: Teller) -> None:
    """Sums and reading take up part of the evening; what is left is for games."""
    kid, sums, each, reading = t.person(), t.number(5, 14), t.number(2, 5), t.number(15, 45, 5)
    extras = t.some(max(t.left - 3, 0), "pages", "hours", "games")
    t.say(
        f"{kid} has {sums} maths problems to do and needs {each} minutes for each of them.",
        f"Tonight's homework for {kid} is {sums} maths problems, which take {each} minutes each.",
        f"After school {kid} sits down to do {sums} maths problems. Each of them takes {each} minutes.",
        f"It takes {kid} {each} minutes to solve a maths problem, and there are {sums} of them for tomorrow.",
    )
    asks = f"How many minutes does {kid} need for maths? | How many minutes does the maths take?"
    maths = t.count(f"{sums}*{each}", asks, f"{kid} needs @ minutes. | The maths takes @ minutes.")
    if "pages" in extras:
        pages, pace = t.number(6, 15), t.number(2, 4)
        t.say(
            f"Then {kid.she} has to read {pages} pages, at {pace} minutes a page.",
            f"{kid.She} also reads {pages} pages, each of which takes {pace} minutes.",
        )
        asks = "How many minutes does the reading take? | How many minutes do the pages take?"
        reading = t.count(f"{pages}*{pace}", asks, "Reading takes @ minutes. | The pages take @ minutes.")
    else:
        t.say(
            f"After that {kid.she} reads for {reading} minutes.",
            f"{kid.She} also practises reading for {reading} minutes.",
        )
    asks = f"How many minutes does {kid} work in all? | How many minutes do maths and reading take together?"
    work = t.count(f"{maths}+{reading}", asks, f"{kid} works for @ minutes. | Together they take @ minutes.")
    if t.left:
        _free_time(t, kid, work, extras)


def _free_time(t: Teller, kid: Person, work: int, extras: set[str]) -> None:
    """What is left of the time until dinner, and how many rounds of a game fit into it."""
    if "hours" in extras:
        whole = max(work // 60 + 1, 2)
        t.say(
            f"There are {word(whole)} hours until dinner.",
            f"Dinner is {word(whole)} hours after {kid.she} starts.",
        )
        asks = "How many minutes is it until dinner? | How many minutes are there before dinner?"
        limit = t.count(f"{whole}*60", asks, "It is @ minutes until dinner. | That is @ minutes.")
    else:
        limit = work + 5 * t.number(3, 12)
        t.say(
            f"When {kid} starts, there are {limit} minutes until dinner.",
            f"Dinner is ready {limit} minutes after {kid.she} starts.",
        )
    asks = (
        f"How many minutes are left for {kid} to play? | How many free minutes does {kid} have before dinner?"
    )
    free = t.count(f"{limit}-{work}", asks, f"{kid} has @ minutes left. | That leaves @ minutes.")
    if t.left:
        fits = [m for m in (4, 5, 6, 8, 10, 12, 15, 20) if free % m == 0 and free > m]
        t.need(bool(fits))
        minutes = t.pick(*fits)
        asks = "How many rounds can be played in the free time? | How many rounds fit into the time left?"
        ends = f"A round of {kid.her} favourite game takes {minutes} minutes. How many rounds can {kid.she} play before dinner? | "
        ends += f"How many {minutes}-minute rounds of a card game fit into the time that is left?"
        t.count(f"{free}/{minutes}", asks, f"{kid} can play @ rounds. | There is time for @ rounds.", ends)


@frame("time", 2, 3, 4, 5, 6)
def practice_week(t: Teller) -> None:
    """An instrument is practised on school days and at the weekend, over some weeks."""
    kid, music = t.person(), t.pick("the violin", "the piano", "the flute", "the drums", "the cello")
    day, end = t.number(15, 45, 5), t.number(20, 75, 5)
    t.need(day != end)
    twice = t.left > 2
    tail = f"{end} minutes on " + ("each of the two days of the weekend" if twice else "Saturday")
    t.say(
        f"{kid} practises {music} for {day} minutes on each of the five school days and for {tail}.",
        f"On each of the five school days {kid} plays {music} for {day} minutes, and for {tail}.",
        f"{kid} takes {music} seriously: {day} minutes of practice on each of the five school days, and {tail}.",
        f"{kid} is learning {music} and practises it {day} minutes on each of the five school days and {tail}.",
    )
    asks = f"How many minutes does {kid} practise on school days? | How many minutes is that on the five school days?"
    week = t.count(f"5*{day}", asks, "On school days that is @ minutes. | The five days make @ minutes.")
    if twice:
        asks = f"How many minutes does {kid} practise at the weekend? | How many minutes is that on the two weekend days?"
        end = t.count(f"2*{end}", asks, "At the weekend that is @ minutes. | The two days make @ minutes.")
    asks = f"How many minutes does {kid} practise in a week? | How many minutes of practice is that a week?"
    week = t.count(f"{week}+{end}", asks, f"{kid} practises @ minutes a week. | In a week that is @ minutes.")
    if t.left:
        _for_weeks(t, kid, week)


def _for_weeks(t: Teller, kid: Person, week: int) -> None:
    weeks = t.number(3, 12)
    if t.left > 1:
        t.say(f"{kid.She} keeps this up for {weeks} weeks.", f"This goes on for {weeks} weeks.")
    asks = f"How many minutes does {kid} practise in {weeks} weeks? | How many minutes of practice is that in {weeks} weeks?"
    total = t.count(
        f"{week}*{weeks}", asks, f"In {weeks} weeks that is @ minutes. | {kid} practises @ minutes."
    )
    if t.left:
        asks = (
            f"How many hours does {kid} practise altogether? | How many hours of practice is that altogether?"
        )
        hours = t.measure(f"{total}/60", asks, "That is @ hours. | In hours that is @.")
    if t.left:
        goal = int(hours) + t.number(3, 20)
        asks = f"How many hours are missing? | How many more hours does {kid} need?"
        ends = f"{kid.Her} teacher asks for {goal} hours before the concert. How many more hours does {kid} need? | "
        ends += (
            f"Before the exam {kid.she} should have practised {goal} hours. How many hours are still missing?"
        )
        t.measure(f"{goal}-{hours}", asks, f"@ hours are missing. | {kid} needs @ hours more.", ends)


@frame("time", 2, 3, 4, 5)
def way_to_work(t: Teller) -> None:
    """A walk, a wait and a train ride, there and back, on some days of the week."""
    worker = t.adult() if t.chance() else t.person()
    walk, wait, factor = t.number(5, 16), t.number(3, 10), t.pick(2, 3, 4)
    goal = t.pick("the office", "the clinic", "the bank", "the workshop")
    t.say(
        f"To get to {goal}, {worker} walks {walk} minutes to the station, waits {wait} minutes for the train and then rides {times(factor)} as long as the walk takes.",
        f"{worker} walks to the station in {walk} minutes and waits {wait} minutes for a train to {goal}. The ride takes {times(factor)} as long as the walk.",
        f"In the morning {worker} needs {walk} minutes to walk to the station, where {worker.she} waits {wait} minutes. The train ride to {goal} is {times(factor)} as long as the walk.",
        f"The train that takes {worker} to {goal} needs {times(factor)} as long as {worker.her} walk to the station, which takes {walk} minutes. Between the two {worker.she} waits {wait} minutes.",
    )
    asks = "How many minutes does the train ride take? | How many minutes does the ride last?"
    ride = t.count(f"{factor}*{walk}", asks, "The ride takes @ minutes. | The train needs @ minutes.")
    asks = f"How many minutes does it take {worker} to get to {goal}? | How many minutes does the whole way to {goal} take?"
    way = t.count(f"{walk}+{wait}+{ride}", asks, "The whole way takes @ minutes. | It takes @ minutes.")
    if t.left:
        _there_and_back(t, worker, way)


def _there_and_back(t: Teller, worker: Person, way: int) -> None:
    t.say(
        "The way home takes just as long.",
        "Going home takes the same time.",
        "The way back takes the same time.",
    )
    asks = "How many minutes are both ways together? | How many minutes is it there and back?"
    both = t.count(f"2*{way}", asks, "Both ways take @ minutes. | There and back it is @ minutes.")
    if t.left == 1 and both % 3 == 0 and t.chance():
        asks = "How many hours is that? | How many hours are both ways together?"
        ends = f"How many hours does {worker} travel on a working day? | How many hours is {worker} on the way each day?"
        t.measure(f"{both}/60", asks, "That is @ hours. | In hours that is @.", ends)
    elif t.left:
        days = t.pick(3, 4, 5)
        t.say(
            f"{worker} goes there and back {word(days)} days a week.",
            f"{worker.She} makes both trips {word(days)} days a week.",
        )
        asks = (
            f"How many minutes does {worker} travel in a week? | How many minutes of travel is that a week?"
        )
        week = t.count(f"{both}*{days}", asks, "In a week that is @ minutes. | That is @ minutes a week.")
    if t.left:
        asks = f"How many hours a week does {worker} travel? | How many hours of travel is that a week?"
        t.measure(f"{week}/60", asks, "That is @ hours a week. | In hours that is @.")


@frame("time", 1, 2, 3, 4, 5)
def series_night(t: Teller) -> None:
    """Episodes of a series are watched with breaks in between."""
    kid, n, each, pause = t.person(), t.number(3, 6), t.number(20, 50, 5), t.number(5, 20, 5)
    t.say(
        f"{kid} watches {n} episodes of a series. Each of them lasts {each} minutes.",
        f"On a rainy Sunday {kid} watches {n} episodes of a series, each {each} minutes long.",
        f"{kid} is in bed with a cold and watches {n} episodes of a series that last {each} minutes each.",
        f"Each episode of {kid}'s favourite series is {each} minutes long, and {kid.she} watches {n} of them.",
    )
    asks = f"How many minutes do the episodes last? | For how many minutes does {kid} watch?"
    film = t.count(f"{n}*{each}", asks, "The episodes last @ minutes. | That is @ minutes.")
    if t.left == 1:
        asks = f"For how many hours does {kid} watch? | How many hours do the episodes take?"
        t.measure(f"{film}/60", asks, "That is @ hours. | In hours that is @.")
    if not t.left:
        return
    breaks = _breaks_between(t, kid, n, pause)
    asks = "How many minutes do the breaks last? | How many minutes of breaks are there?"
    rest = t.count(f"{breaks}*{pause}", asks, "The breaks last @ minutes. | There are @ minutes of breaks.")
    asks = "How many minutes do episodes and breaks take together? | How many minutes does it all take?"
    total = t.count(f"{film}+{rest}", asks, "Together they take @ minutes. | It all takes @ minutes.")
    if t.left:
        asks = "How many hours is that? | How many hours does it all take?"
        ends = (
            "How many hours does it all take, breaks included? | How many hours pass from beginning to end?"
        )
        t.measure(f"{total}/60", asks, "That is @ hours. | In hours that is @.", ends)


def _breaks_between(t: Teller, kid: Person, n: int, pause: int) -> int:
    """How many breaks there are; one fewer than episodes where that has to be found."""
    if t.left == 4 or (t.left == 3 and t.chance()):
        t.say(
            f"Between one episode and the next {kid.she} takes a break of {pause} minutes.",
            f"After every episode but the last there is a break of {pause} minutes.",
        )
        asks = f"How many breaks does {kid} take? | How many breaks are there?"
        return t.count(f"{n}-1", asks, f"{kid} takes @ breaks. | There are @ breaks.")
    breaks: int = t.pick(*range(2, n))
    t.say(
        f"In between {kid.she} takes {word(breaks)} breaks of {pause} minutes each.",
        f"There are {word(breaks)} breaks, and each lasts {pause} minutes.",
    )
    return breaks


@frame("time", 2, 3, 4, 5, 6)
def batches_in_the_oven(t: Teller) -> None:
    """Buns are baked tray after tray; is there time enough before the guests come?"""
    cook, tray, batches, minutes = t.person(), t.pick(6, 8, 9, 10, 12), t.number(2, 6), t.number(9, 22)
    buns, what = tray * batches, t.pick("buns", "biscuits", "scones", "muffins")
    fair = [k for k in (2, 3, 4) if buns % k == 0 and 6 <= buns // k <= 30]
    t.need(buns <= 72)
    if t.left == 6 or (t.left > 2 and fair and t.chance()):
        t.need(bool(fair))
        each = t.pick(*fair)
        t.say(
            f"{cook} wants to bake {each} {what} for each of the {buns // each} children at a party.",
            f"For a party with {buns // each} children, {cook} bakes {each} {what} per child.",
            f"{capital(word(buns // each))} children are coming to {cook}'s party, and every one of them is to get {each} {what}.",
        )
        asks = f"How many {what} does {cook} need? | How many {what} are to be baked?"
        buns = t.count(f"{buns // each}*{each}", asks, f"{cook} needs @ {what}. | That is @ {what}.")
    else:
        t.say(
            f"{cook} wants to bake {buns} {what}.",
            f"For the school bazaar, {cook} bakes {buns} {what}.",
            f"{cook} has promised {buns} {what} for the village fair.",
        )
    t.say(
        f"Only one tray with {tray} of them fits into the oven at a time, and it has to stay in for {minutes} minutes.",
        f"The oven holds one tray at a time. A tray has room for {tray} {what} and takes {minutes} minutes.",
    )
    asks = "How many trays are there to bake? | How many trays does that make?"
    trays = t.count(f"{buns}/{tray}", asks, "There are @ trays. | That makes @ trays.")
    asks = (
        "For how many minutes is the oven in use? | How many minutes do the trays take, one after the other?"
    )
    time = t.count(f"{trays}*{minutes}", asks, "The trays take @ minutes. | Baking takes @ minutes.")
    if t.left:
        _before_they_come(t, cook, time)


def _before_they_come(t: Teller, cook: Person, time: int) -> None:
    """The dough takes time too; in two or three steps, compare with the time there is."""
    prepare = t.number(15, 50, 5)
    t.say(
        f"Before that, {cook} needs {prepare} minutes to make the dough.",
        f"Making the dough, which {cook} does first, takes {prepare} minutes.",
    )
    asks = (
        f"How many minutes does {cook} need altogether? | How many minutes do dough and baking take together?"
    )
    time = t.count(f"{time}+{prepare}", asks, f"{cook} needs @ minutes. | Together they take @ minutes.")
    if t.left == 2:
        hours = max(time // 60 + 1, 2)
        t.say(
            f"{cook} starts {word(hours)} hours before the first guest comes.",
            f"The first guest comes {word(hours)} hours after {cook} starts.",
        )
        asks = f"How many minutes does {cook} have before the first guest comes? | How many minutes is it until the first guest comes?"
        limit = t.count(f"{hours}*60", asks, f"{cook} has @ minutes. | It is @ minutes until then.")
    elif t.left:
        limit = time + t.number(5, 45)
        t.say(
            f"The guests come {limit} minutes after {cook} starts.",
            f"{cook} starts {limit} minutes before people come.",
        )
    if t.left:
        asks = (
            f"How many minutes before they come is {cook} done? | How many minutes does {cook} have to spare?"
        )
        t.count(f"{limit}-{time}", asks, f"{cook} has @ minutes to spare. | It is done @ minutes before.")
