"""Last steps that end more than one frame."""

from socli.stories.teller import Number, Teller
from socli.stories.words import Person


def change_from_a_note(t: Teller, buyer: Person, cost: Number) -> None:
    """Pay with the smallest bank note that is enough, and ask for the change."""
    note = t.note(cost)
    asks = f"How much change does {buyer} get? | How much money does {buyer} get back?"
    ends = f"{buyer.She} pays with a ${note} note. How much change does {buyer.she} get? | "
    ends += f"How much change does {buyer.she} get from a ${note} note? | "
    ends += f"If {buyer.she} hands over a ${note} note, how much does {buyer.she} get back?"
    t.money(f"{note}-{cost}", asks, f"{buyer} gets back @. | The change is @.", ends)
