"""Are these two names one thing? How near they are, and what speaks against it (pure).

Words of one role are compared with each other. On both sides different words of a role that tells things apart are a
conflict; a word on one side only leaves the question open. Neither depends on which name is which.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from portal.billing.names import Form, Role, Token, is_registered, is_slip

SHOWN = 55
"""The least score that is worth showing."""
_SURE = 65
_MOST = 89
_ALIKE = 0.75
_NAMING = frozenset({Role.WORD, Role.TRADE, Role.INITIAL})
_NEVER_MATTERS = frozenset({"monthly", "microsoft"})
_OWN_COUNTS = frozenset({Role.NUMBER, Role.GRADE, Role.TERM, Role.SPECIAL, Role.PLACE, Role.UNIT})
_ABOVE_COUNTS = frozenset({Role.TERM, Role.SPECIAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two names have in common. `score` is 0 to 89: names that are the same are not for this to judge.

    With `is_conflict` they name two things; with `is_contradicted` not only by other words, but by another number,
    grade, term, place or maker. With `is_open` they may or may not be one.
    """

    score: int = 0
    is_conflict: bool = False
    is_contradicted: bool = False
    is_open: bool = False
    has_word: bool = False
    in_common: tuple[str, ...] = ()
    only_left: tuple[str, ...] = ()
    only_right: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sides:
    """The words of both names as they are paired off."""

    left: dict[str, Token]
    right: dict[str, Token]
    above: tuple[Token, ...]
    common: list[tuple[Token, Token, float]]

    @property
    def weight(self) -> float:
        """The weight of the words that are not paired off yet."""
        return math.fsum(token.weight for side in (self.left, self.right) for token in side.values())

    def pair(self, one: str, two: str, likeness: float) -> None:
        self.common.append((self.left.pop(one), self.right.pop(two), likeness))

    def of(self, role: Role) -> tuple[list[Token], list[Token]]:
        return (
            [token for token in self.left.values() if token.role is role],
            [token for token in self.right.values() if token.role is role],
        )

    def shared(self, *roles: Role) -> list[Token]:
        return [one for one, _, _ in self.common if one.role in roles]


def compare(
    left: Form,
    right: Form,
    *,
    context: Sequence[Form] = (),
    own: Form | None = None,
    is_cut: bool = False,
    least: int = 0,
) -> Comparison:
    """Compare a subject's name with a candidate's.

    `context`: the candidate's parents; their words count where the subject has them too, their term always. `own`: the
    candidate's own name when `right` is a description: what tells it apart counts as well. `is_cut`: the candidate's
    name has the most characters that QuickBooks keeps, its last word may have lost its end. Names that score below
    `least` are not looked at any further.
    """
    sides = _gather(left, right, context, own)
    weight = sides.weight
    is_lengthened = is_cut and _lengthen(sides, right)
    for text in left.by_text:
        if text in sides.right:
            sides.pair(text, text, 1.0)
    _pair_slips(sides)
    _pair_joined(sides, left, right)
    shared = math.fsum((one.weight + two.weight) * likeness for one, two, likeness in sides.common)
    likeness = shared / weight if weight else 0.0
    if round(likeness * _MOST) < least:
        return Comparison(is_open=True)
    conflicts = _conflicts(sides)
    is_open = bool(conflicts) or _is_open(sides, left, right, is_lengthened)
    if conflicts == [Role.WORD] and likeness >= _ALIKE:
        conflicts = []
    score = round(likeness * _MOST) - (12 if is_open else 0)
    return Comparison(
        score=max(score, 0),
        is_conflict=bool(conflicts),
        is_contradicted=not _NAMING.issuperset(conflicts),
        is_open=is_open or score < _SURE,
        has_word=bool(sides.shared(Role.WORD)),
        in_common=tuple(_both(one, two) for one, two, _ in sides.common),
        only_left=tuple(dict.fromkeys(token.surface for token in sides.left.values())),
        only_right=tuple(dict.fromkeys(token.surface for token in sides.right.values())),
    )


def _gather(left: Form, right: Form, context: Sequence[Form], own: Form | None) -> _Sides:
    """The words of both that count."""
    theirs = dict(right.by_text)
    if own is not None:
        theirs.update((text, token) for text, token in own.by_text.items() if token.role in _OWN_COUNTS)
    above = {text: token for form in context for text, token in form.by_text.items() if text not in theirs}
    theirs.update((text, token) for text, token in above.items() if text in left.by_text or token.role in _ABOVE_COUNTS)
    return _Sides(dict(left.by_text), theirs, tuple(above.values()), [])


def _both(one: Token, two: Token) -> str:
    return one.surface if one.surface.casefold() == two.surface.casefold() else f"{one.surface} = {two.surface}"


def _lengthen(sides: _Sides, right: Form) -> bool:
    """Give the last word of a cut name the end that the other name has for it."""
    if not right.tokens:
        return False
    last = right.tokens[-1]
    if last.text in sides.left or last.role is Role.NUMBER:
        return True
    for token in sides.left.values():
        if token.role is Role.WORD and len(last.text) >= 2 and token.text.startswith(last.text):
            sides.right.pop(last.text, None)
            sides.right[token.text] = Token(text=token.text, surface=last.surface, role=token.role)
            break
    return True


def _pair_slips(sides: _Sides) -> None:
    mine, theirs = sides.of(Role.WORD)
    near = [(one.text, two.text) for one in mine for two in theirs if is_slip(one.text, two.text)]
    for one, two in sorted(near, key=sorted):
        if one in sides.left and two in sides.right:
            sides.pair(one, two, 0.85)


def _pair_joined(sides: _Sides, left: Form, right: Form) -> None:
    """ "Northwind" is "North Wind"."""
    for one in list(sides.left):
        two = right.pairs.get(one)
        if two and two[0] in sides.right and two[1] in sides.right:
            sides.right.pop(two[1])
            sides.pair(one, two[0], 1.0)
    for one in list(sides.right):
        two = left.pairs.get(one)
        if two and two[0] in sides.left and two[1] in sides.left:
            sides.left.pop(two[1])
            sides.pair(two[0], one, 1.0)


def _conflicts(sides: _Sides) -> list[Role]:
    """The roles in which the two names contradict each other."""
    found: list[Role] = []
    mine_all, theirs_all = ({token.role for token in side.values()} for side in (sides.left, sides.right))
    roles = (
        (mine_all & theirs_all) | ((mine_all | theirs_all) & {Role.SPECIAL}) | (mine_all & {Role.MAKER, Role.FAMILY})
    )
    for role in sorted(roles):
        mine, theirs = sides.of(role)
        if role in (Role.MAKER, Role.FAMILY) and not theirs and not sides.shared(role):
            theirs = [token for token in sides.above if token.role is role and token.text != "microsoft"]
        if (mine and theirs and role is not Role.SOFT) or (role is Role.SPECIAL and (mine or theirs)):
            found.append(role)
    return found


def _is_open(sides: _Sides, left: Form, right: Form, is_lengthened: bool) -> bool:
    """Whether a word that may matter is on one side only, or too little is shared to be sure."""
    rest = [token for token in (*sides.left.values(), *sides.right.values()) if token.text not in _NEVER_MATTERS]
    if left.is_company:
        return _is_company_open(sides, rest, left, right, is_lengthened)
    return _is_product_open(sides, rest)


def _is_product_open(sides: _Sides, rest: Sequence[Token]) -> bool:
    """Every word of a product matters, but for what its others imply."""
    has_grade, has_segment = bool(sides.shared(Role.GRADE)), bool(sides.shared(Role.SEGMENT))
    for token in rest:
        is_implied = (token.role is Role.SEGMENT and has_grade) or (
            token.role is Role.FAMILY and has_grade and has_segment
        )
        if token.role is not Role.SOFT and not is_implied:
            return True
    has_name = bool(sides.shared(Role.WORD)) or (
        has_grade and (has_segment or any(token.text != "microsoft" for token in sides.shared(Role.FAMILY, Role.MAKER)))
    )
    return not has_name or _is_slip_decisive(sides)


def _is_company_open(sides: _Sides, rest: Sequence[Token], left: Form, right: Form, is_lengthened: bool) -> bool:
    """A company may have a word more; not a number or a place, nor one that makes a division of it."""
    names = sides.shared(Role.WORD)
    told = len(names) + len(sides.shared(Role.TRADE))
    extra = [token for token in rest if token.role is Role.WORD]
    if any(token.role in (Role.NUMBER, Role.PLACE) for token in rest):
        return True
    if any(is_registered(token.text) for token in sides.shared(Role.NUMBER)):
        return False
    if all(any(token.role in _NAMING for token in side.values()) for side in (sides.left, sides.right)):
        return True
    if all(sides.of(Role.SOFT)) or (told < 2 and any(token.role is Role.TRADE for token in rest)):
        return True
    if len(extra) > 1 or (
        extra and (len(names) < 2 or (_is_behind(extra[0], left, right, sides) and not is_lengthened))
    ):
        return True
    if any(token.role is Role.INITIAL and _is_behind(token, left, right, sides) for token in rest):
        return True
    is_placed = bool(sides.shared(Role.TRADE)) and bool(sides.shared(Role.PLACE))
    return not (names or ((is_placed or told >= 2) and not rest)) or _is_slip_decisive(sides)


def _is_behind(token: Token, left: Form, right: Form, sides: _Sides) -> bool:
    """Whether a word stands after all that is shared, as the name of a division does."""
    form, shared = (left, [one.text for one, _, _ in sides.common])
    if token.text not in left.by_text:
        form, shared = (right, [two.text for _, two, _ in sides.common])
    order = list(form.by_text)
    if token.text not in order:
        return True
    return all(order.index(text) < order.index(token.text) for text in shared if text in order)


def _is_slip_decisive(sides: _Sides) -> bool:
    """Whether the names are one only if a short word is misspelt: Martin and Marin are two people."""
    slips = [one for one, two, likeness in sides.common if likeness < 1 and min(len(one.text), len(two.text)) < 8]
    right = [
        one for one, _, likeness in sides.common if likeness == 1 and one.role in (Role.WORD, Role.TRADE, Role.GRADE)
    ]
    return any(len(right) < (1 if len(one.text) >= 7 else 2) for one in slips)
