"""The charts of the pages: figures of the services, drawn, and named in the person's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import format_date
from flask_babel import gettext as _

from portal.services.insight import MonthGroup, Step, VisitCount, VisitHistory
from portal.web.charts import Drawing, beside, stacked
from portal.web.language import day, days_of, language, money, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What parts/chart.html draws. `id` is its place on the page.

    For each group of bars: its whole name, its short one for below the bars, and its figures as they are written.
    `series` are pairs of a style and a name; `heading` says what the groups are.
    """

    id: str
    title: str
    description: str
    drawing: Drawing
    heading: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    series: tuple[tuple[str, str], ...]
    figures: tuple[tuple[str, ...], ...]


def months_chart(group: MonthGroup) -> Chart:
    """Invoiced and margin by month, in one currency."""
    rows = group.rows
    names = tuple(str(format_date(row.first, "MMMM y")) for row in rows)
    best = max(range(len(rows)), key=lambda place: rows[place].sales or Decimal(0))
    return Chart(
        id=f"months-{group.currency}",
        title=_("Invoiced and margin by month, in %(currency)s", currency=group.currency),
        description=_(
            "From %(first)s to %(last)s. Most was invoiced in %(month)s: %(amount)s.",
            first=names[0],
            last=names[-1],
            month=names[best],
            amount=money(rows[best].sales),
        ),
        drawing=beside([(row.sales, row.margin) for row in rows]),
        heading=_("Month"),
        names=names,
        labels=tuple(str(format_date(row.first, "MMM")) for row in rows),
        series=(("series-main", _("Invoiced")), ("series-good", _("Margin"))),
        figures=tuple((money(row.sales), money(row.margin)) for row in rows),
    )


def visits_chart(history: VisitHistory) -> Chart | None:
    """Visits over time by result; None when there was none in all that time."""
    if history.is_empty:
        return None
    spans = history.spans
    is_daily = history.step is Step.DAY
    return Chart(
        id="visits-chart",
        title=_("Visits of the Web Connector by day") if is_daily else _("Visits of the Web Connector by week"),
        description=_(
            "From %(first)s to %(last)s: %(done)s went well, %(broken)s were broken off, %(failed)s failed.",
            first=day(spans[0].first),
            last=day(spans[-1].last),
            done=number(sum(one.done for one in spans)),
            broken=number(sum(one.broken for one in spans)),
            failed=number(sum(one.failed for one in spans)),
        ),
        drawing=stacked([_counts(one) for one in spans]),
        heading=_("Day") if is_daily else _("Week"),
        names=tuple(day(one.first) if is_daily else days_of(one.first, one.last) for one in spans),
        labels=tuple(_short(one.first) for one in spans),
        series=(("series-good", _("Went well")), ("series-warn", _("Broken off")), ("series-bad", _("Failed"))),
        figures=tuple(tuple(number(count) for count in _counts(one)) for one in spans),
    )


def _counts(span: VisitCount) -> tuple[int, int, int]:
    return span.done, span.broken, span.failed


def _short(value: date) -> str:
    return str(format_date(value, "d MMM" if language() == "fr" else "MMM d"))
