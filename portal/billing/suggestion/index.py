"""Items or customers as an index that is asked for the nearest to a name, a key or a domain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from portal.billing.comparison import SHOWN, Comparison, compare
from portal.billing.names import Form, Role, Vocabulary, deletions, fold
from portal.billing.suggestion.counterpart import Candidate, Reason, Subject, Suggestion
from portal.billing.suggestion.keys import find_domains, find_keys, plain_key
from portal.billing.suggestion.ranking import judge, rank
from portal.billing.vocabulary import OFFERS, ORGANIZATIONS

_LONGEST_TEXT, _MOST_WORDS = 300, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """One way to read a candidate: its path, its last name below its parents, or another text of it."""

    candidate: int
    form: Form
    context: tuple[Form, ...] = ()
    own: Form | None = None
    is_cut: bool = False

    @property
    def is_own(self) -> bool:
        return self.own is None


class Index:
    """Candidates, read once, to be asked many times."""

    def __init__(self, candidates: Iterable[Candidate], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._candidates = sorted(candidates, key=lambda one: (fold(one.full_name), one.full_name, one.list_id))
        self._views: list[list[_View]] = []
        self._by_text: dict[str, list[_View]] = {}
        self._by_normal: dict[str, list[_View]] = {}
        self._by_key: dict[str, set[int]] = {}
        self._by_domain: dict[str, set[int]] = {}
        self._postings: dict[str, list[int]] = {}
        self._pairs: dict[str, set[int]] = {}
        self._slips: dict[str, list[str]] = {}
        self._read: dict[str, Form] = {}
        for number, candidate in enumerate(self._candidates):
            self._add(number, candidate)
        for token in self._postings:
            if len(token) >= 5 and token.isalpha():
                for rest in deletions(token):
                    self._slips.setdefault(rest, []).append(token)
        self._read.clear()

    def suggest(self, subject: Subject, limit: int = 3, *, is_same_only: bool = False) -> tuple[Suggestion, ...]:
        """The nearest candidates, best first; none when none is near enough. Equal ones stand by name, then by id.

        `is_same_only` leaves out those that are merely similar, which is many times quicker. An exact one that comes
        first does so with them too: what is similar never scores as high.
        """
        forms = [self._vocabulary.read(text) for text in dict.fromkeys((subject.name, *subject.also)) if text.strip()]
        best: dict[int, Suggestion] = {}
        by_own_name: set[int] = set()
        for number, suggestion, is_own in self._found(subject, forms, is_same_only):
            if number not in best or rank(suggestion) > rank(best[number]):
                best[number] = suggestion
            if is_own and suggestion.reason is not Reason.SIMILAR and not suggestion.is_ambiguous:
                by_own_name.add(number)
        numbers = sorted(best, key=lambda number: (*(-part for part in rank(best[number])), number))
        return judge([(best[number], number in by_own_name) for number in numbers], limit)

    # -- building ----------------------------------------------------------------------------------------------------

    def _form(self, text: str) -> Form:
        found = self._read.get(text)
        if found is None:
            found = self._read[text] = self._vocabulary.read(text)
        return found

    def _add(self, number: int, candidate: Candidate) -> None:
        *parents, leaf = candidate.full_name.split(":")
        context = tuple(self._form(parent) for parent in parents)
        is_cut = len(leaf.strip()) >= self._vocabulary.longest
        own = self._vocabulary.read(leaf, is_cut=is_cut)
        views = [_View(candidate=number, form=own, context=context, is_cut=is_cut)]
        if parents:
            views.append(_View(candidate=number, form=self._form(candidate.full_name)))
        for text in candidate.also:
            if text.strip():
                views.append(_View(candidate=number, form=self._form(text[:_LONGEST_TEXT]), context=context, own=own))
        views = [view for view in views if view.form.folded]
        self._views.append(views)
        for view in views:
            if view.form.text and self._stands_alone(view):
                self._by_text.setdefault(view.form.text.strip(), []).append(view)
                self._by_normal.setdefault(view.form.normal, []).append(view)
        # Long texts are read for keys, not for likeness.
        views[:] = [view for view in views if len(view.form.tokens) <= _MOST_WORDS]
        tokens = {text for view in views for form in (view.form, *view.context) for text in form.by_text}
        for text in tokens:
            self._postings.setdefault(text, []).append(number)
        for pair in {pair for view in views for pair in view.form.pairs}:
            self._pairs.setdefault(pair, set()).add(number)
        for key in find_keys(candidate):
            self._by_key.setdefault(key, set()).add(number)
        for domain in find_domains(candidate.domains):
            self._by_domain.setdefault(domain, set()).add(number)

    def _stands_alone(self, view: _View) -> bool:
        """Whether a name says who it is without its parents: "Head office" and "Laval" below a customer do not."""
        if not view.context or not view.is_own or not self._vocabulary.is_company:
            return True
        return any(token.role is Role.WORD for token in view.form.tokens)

    # -- finding -----------------------------------------------------------------------------------------------------

    def _found(
        self, subject: Subject, forms: Sequence[Form], is_same_only: bool
    ) -> Iterable[tuple[int, Suggestion, bool]]:
        for form in forms:
            for view in (
                self._by_normal.get(form.normal, ()) if form.normal else self._by_text.get(form.text.strip(), ())
            ):
                if (suggestion := self._same(form, view)) is not None:
                    yield view.candidate, suggestion, view.is_own
            for number in () if is_same_only else sorted(self._near(form)):
                for view in self._views[number]:
                    result = compare(
                        form, view.form, context=view.context, own=view.own, is_cut=view.is_cut, least=SHOWN
                    )
                    if result.score >= SHOWN and not result.is_conflict:
                        suggestion = self._suggestion(number, Reason.SIMILAR, result.score, view, result)
                        yield number, suggestion, view.is_own
        yield from self._by_keys(subject, forms)

    def _same(self, form: Form, view: _View) -> Suggestion | None:
        """The same name, letter by letter or but for what never matters."""
        is_exact = form.text.strip() == view.form.text.strip()
        result = compare(form, view.form, context=view.context, own=view.own)
        if result.is_conflict:
            return None
        reason = Reason.EXACT if is_exact else Reason.NORMALISED
        if is_exact:
            score = 100
        elif form.folded.replace(" ", "") == view.form.folded.replace(" ", ""):
            score = 99
        else:
            is_other_kind = bool(form.legal and view.form.legal and form.legal != view.form.legal)
            score = 92 if is_other_kind else 95
        if not view.is_own:
            score -= 2 if score > 95 else 1
        differs = bool(result.only_left or result.only_right)
        result = replace(result, is_open=result.is_open and differs)
        return self._suggestion(view.candidate, reason, score - (20 if result.is_open else 0), view, result)

    def _near(self, form: Form) -> set[int]:
        """Every candidate that can reach the least score: those that share one of the rarest words.

        Words whose weight together is too little to be all that is shared are not looked up (prefix filtering).
        """
        ways: list[tuple[int, float, list[Collection[int]]]] = []
        pairs = {part: joined for joined, parts in form.pairs.items() for part in parts}
        for token in form.tokens:
            words = {token.text}
            if len(token.text) >= 5 and token.text.isalpha():
                words.update(near for rest in deletions(token.text) for near in self._slips.get(rest, ()))
            if token.text in pairs:
                words.add(pairs[token.text])
            found: list[Collection[int]] = [self._postings[word] for word in sorted(words) if word in self._postings]
            if token.text in self._pairs:
                found.append(self._pairs[token.text])
            ways.append((sum(map(len, found)), token.weight, found))
        rest = form.weight
        numbers: set[int] = set()
        for _, weight, found in sorted(ways, key=lambda way: way[0]):
            if rest < 0.4 * form.weight:
                break
            for list_ in found:
                numbers.update(list_)
            rest -= weight
        return numbers

    def _by_keys(self, subject: Subject, forms: Sequence[Form]) -> Iterable[tuple[int, Suggestion, bool]]:
        key = plain_key(subject.key)
        for number in sorted(self._by_key.get(key, ())) if key else ():
            yield number, self._keyed(number, forms, subject.key, is_certain=True), True
        for domain in sorted(find_domains(subject.domains)):
            for number in sorted(self._by_domain.get(domain, ())):
                yield number, self._keyed(number, forms, domain, is_certain=False), False

    def _keyed(self, number: int, forms: Sequence[Form], because: str, *, is_certain: bool) -> Suggestion:
        """A number or a domain is equal. Names that contradict it, or share nothing with a domain's, make it unsure."""
        results = [
            (compare(form, view.form, context=view.context, own=view.own), view)
            for form in forms
            for view in self._views[number]
        ]
        agreeing = [one for one in results if not one[0].is_contradicted] or results
        result, view = max(agreeing, key=lambda one: one[0].score, default=(Comparison(), None))
        is_contradicted = bool(results) and all(one.is_contradicted for one, _ in results)
        if not is_certain:
            is_contradicted = is_contradicted or result.is_open or not result.has_word
        suggestion = self._suggestion(
            number, Reason.KEY, 70 if is_contradicted else 98 if is_certain else 90, view, result
        )
        return replace(suggestion, is_ambiguous=is_contradicted, because=because)

    def _suggestion(
        self, number: int, reason: Reason, score: int, view: _View | None, result: Comparison
    ) -> Suggestion:
        candidate = self._candidates[number]
        is_own = view is None or view.is_own
        return Suggestion(
            list_id=candidate.list_id,
            full_name=candidate.full_name,
            reason=reason,
            score=score,
            is_ambiguous=result.is_open,
            because=candidate.full_name if is_own or view is None else view.form.text,
            in_common=result.in_common,
            only_in_subject=result.only_left,
            only_in_candidate=result.only_right,
        )


def index_items(candidates: Iterable[Candidate]) -> Index:
    """An index of items, to be asked for offers."""
    return Index(candidates, OFFERS)


def index_customers(candidates: Iterable[Candidate]) -> Index:
    """An index of customers and jobs, to be asked for organizations."""
    return Index(candidates, ORGANIZATIONS)
