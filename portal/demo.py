"""The demonstration: the whole loop on sample data, with the sandbox instead of QuickBooks.

Everything but QuickBooks itself is real: the server, HTTP and SOAP, the database, billing. It keeps to a folder of its
own, named after its port, so that two demonstrations never meet.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from portal import settings as configuration
from portal.billing.charge import ChargeKind
from portal.billing.export_rule import EVERYTHING, ExportRule
from portal.billing.period import BillingMode
from portal.errors import Unusable
from portal.listener import Listener
from portal.models import DraftState, Role
from portal.report import describe_import, describe_run, plain
from portal.server import Background, PortTaken, listen, serve_in_thread
from portal.services import (
    Portal,
    accounts,
    audit,
    build_portal,
    connections,
    export_rules,
    runs,
    sharing,
    status,
    trials,
    webhooks,
)
from portal.story import (
    FIRST_DAY,
    OCTOBER_DAY,
    Calendar,
    Stage,
    bill_october,
    connect,
    must,
    play_september,
    play_since,
)
from portal.web.demo import DemoVisit, demo_blueprint
from portal.worker import deliver_until
from portal.wsgi import build_wsgi
from qbwc.sandbox import print_end, print_step

PARTNER = "Nordet Infogérance inc."
CONNECTION = "QuickBooks Nordet"
OTHER_CONNECTION = "QuickBooks Nordet Ontario"
EMAIL = "demo@example.com"
PASSWORD = "demonstration"  # noqa: S105 -- of a sample on loopback, printed on the screen
FIRM = "Cabinet Boréal CPA"
AT_FIRM = "cpa@example.org"
INVITED = "revision@example.org"
COLLEAGUES = {"facturation@example.com": Role.BILLING, "comptable@example.com": Role.ACCOUNTANT}
PORTS_TO_TRY = 50


def samples_folder() -> Path:
    """Where the sample files are: beside the packages in a clone, inside this one when installed."""
    for folder in (Path(__file__).parent.parent / "samples", Path(__file__).parent / "samples"):
        if (folder / "mapping.csv").is_file():
            return folder
    raise Unusable(
        "The sample files are missing. Run the demonstration from a clone of the project, or install it again."
    )


def demonstrate(port: int, *, ends: bool, as_json: bool) -> int:
    """Play the loop and print its table; then serve until interrupted unless `ends`. 1 when not all is reconciled."""
    with ExitStack() as closing:
        sock = closing.enter_context(_listen(port))
        port = sock.getsockname()[1]
        folder = _fresh_folder(port)
        calendar = Calendar(FIRST_DAY)
        portal = open_portal(folder, port, calendar)
        closing.callback(portal.database.close)
        stage = set_up(portal, folder, calendar)
        closing.callback(stage.listener.close)
        closing.callback(serve(stage, sock).close)
        made = play_months(stage)
        seen = status.status(portal, stage.connection_id)
        is_reconciled = bool(made.drafts) and all(draft.state is DraftState.RECONCILED for draft in made.drafts)
        address = portal.settings.url
        _print_result(made, seen, as_json=as_json, is_reconciled=is_reconciled, address=None if ends else address)
        if ends:
            return 0 if is_reconciled else 1
        stop = threading.Event()
        closing.callback(stop.set)
        threading.Thread(target=deliver_until, args=(portal, stop), name="portal-delivery", daemon=True).start()
        _wait()
        return 0


def open_portal(folder: Path, port: int, calendar: Calendar) -> Portal:
    """The demonstration's portal, whose data are in a folder, at a port of this machine."""
    url = f"http://localhost:{port}"
    settings = configuration.load(data=folder, database_url=None, smtp_url=None, url=url, private_webhooks=True)
    return build_portal(settings, now=calendar)


def serve(stage: Stage, sock: socket.socket) -> Background:
    """Serve the pages, with a button that lets the sandbox's Web Connector call, and the SOAP endpoint."""
    button = demo_blueprint(stage.connection_id, lambda: _play(stage))
    return serve_in_thread(build_wsgi(stage.portal, extra_blueprints=[button]), sock)


def _listen(port: int) -> socket.socket:
    for attempt in range(PORTS_TO_TRY):
        try:
            sock = listen("127.0.0.1", port + attempt if port else 0)
        except PortTaken:
            if attempt == PORTS_TO_TRY - 1:
                raise
            continue
        if attempt:
            _say(f"Port {port} is in use; port {port + attempt} is used instead.")
        return sock
    raise AssertionError("unreachable")


def _fresh_folder(port: int) -> Path:
    folder = (configuration.data_folder() / f"demo-{port}").absolute()
    if folder.exists():
        _say(f"The folder of the last demonstration is cleared: {folder}")
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise Unusable(
                "%(path)s cannot be cleared: %(reason)s. Delete it, then try again.", path=folder, reason=error.strerror
            ) from None
    return folder


def set_up(portal: Portal, folder: Path, calendar: Calendar) -> Stage:
    """The sample partner with its people, connections and company file, before anything has happened."""
    samples = samples_folder()
    with _step("Making the sample partner, its people and its QuickBooks company"):
        accounts.add_partner(portal, PARTNER)
        accounts.add_user(portal, EMAIL, partner=PARTNER, role=Role.ADMINISTRATOR, password=PASSWORD)
        for email, role in COLLEAGUES.items():
            accounts.add_user(portal, email, partner=PARTNER, role=role, password=PASSWORD, language="fr")
        made, _other = (
            connections.add_connection(
                portal,
                name,
                partner=PARTNER,
                billing_mode=BillingMode.IN_ARREARS,
                invoice_day=1,
                prorate=connections.PRORATIONS,
            )
            for name in (CONNECTION, OTHER_CONNECTION)
        )
        _share(portal, made.id)
        _rule(portal, made.id)
        (folder / "demo.qwc").write_text(connections.qwc(portal, made.id), encoding="utf-8")
        shutil.copyfile(samples / "sandbox" / "company.json", folder / "company.json")
    return Stage(portal, made.id, made.password, folder, samples, calendar, threading.Lock(), Listener())


def _share(portal: Portal, connection_id: int) -> None:
    """An accountant of another company has joined the connection."""
    accounts.add_partner(portal, FIRM)
    firm = accounts.add_user(portal, AT_FIRM, partner=FIRM, role=Role.ADMINISTRATOR, password=PASSWORD, language="fr")
    host = accounts.check_password(portal, EMAIL, PASSWORD)
    if host is None:
        raise Unusable("The sample people cannot log in.")
    audit.act_as(EMAIL, "127.0.0.1")
    sharing.accept(portal, firm, sharing.invite(portal, host, connection_id, Role.ACCOUNTANT).ticket)
    audit.act_by_itself()


def _rule(portal: Portal, connection_id: int) -> None:
    """Usage was kept back at first, and is not any more."""
    for version, rule in enumerate((ExportRule(kinds=frozenset(ChargeKind) - {ChargeKind.USAGE}), EVERYTHING)):
        export_rules.save(portal, connection_id, rule, version=version, who=EMAIL)


def play_months(stage: Stage) -> runs.RunView:
    """The whole story. Returns October's run, which is the one that is to be reconciled."""
    with _step("First visit of the Web Connector: QuickBooks' lists come in"):
        lists = connect(stage)
    _say("  " + ", ".join(f"{one.count} {one.kind}" for one in lists))
    with _step("September 2026: visits that fail, a deleted customer, closed books"), _no_warnings():
        play_september(stage)
    stage.calendar.go_to(OCTOBER_DAY)
    with _step("October 2026: importing, mapping, billing"):
        brought = stage.bring(stage.samples / "sherweb" / "payable-charges-2026-10.json")
        audit.act_as(EMAIL, "127.0.0.1")
        made = bill_october(stage)
        audit.act_by_itself()
    _say("  " + describe_import(brought).replace("\n", "\n  "))
    with _step("Visit: costs are pushed, invoices created and updated, and read back"):
        must(stage.visit())
    with _step("The weeks since: a failed visit, a later success, charges of another supplier"), _no_warnings():
        hook = webhooks.add_webhook(stage.portal, stage.connection_id, stage.listener.url, who=EMAIL)
        trials.try_webhook(stage.portal, stage.connection_id, hook.id)
        play_since(stage)
        stage.listener.status = 503  # the ticket system was restarted at this moment; sent again, the test arrives
        trials.try_webhook(stage.portal, stage.connection_id, hook.id)
        stage.listener.status = 204
        host = accounts.check_password(stage.portal, EMAIL, PASSWORD)
        if host is not None:
            sharing.invite(stage.portal, host, stage.connection_id, Role.READ_ONLY, INVITED)
    return runs.get_run(stage.portal, stage.connection_id, made.id)


def _play(stage: Stage) -> DemoVisit:
    made = stage.visit()
    text = "\n".join([*(print_step(step) for step in made.steps), print_end(made)])
    return DemoVisit(is_success=made.went_well, transcript=text)


def _print_result(
    made: runs.RunView, seen: status.StatusView, *, as_json: bool, is_reconciled: bool, address: str | None
) -> None:
    if as_json:
        result = {
            "reconciled": is_reconciled,
            "run": made,
            "problems": seen.problems,
            "address": address,
            "email": EMAIL,
            "password": PASSWORD,
        }
        sys.stdout.write(json.dumps(plain(result), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(f"\n{describe_run(made)}\n")
        if seen.problems:
            lines = [f"  {problem.title}: {problem.what}" for problem in seen.problems]
            sys.stdout.write("\n".join(["\nFor a person to mend:", *lines, ""]))
        if address:
            sys.stdout.write(
                f"\nPortal: {address}/\nLog in as {EMAIL} with the password {PASSWORD}. Stop with Ctrl+C.\n"
            )
    sys.stdout.flush()


def _wait() -> None:
    stop = threading.Event()
    while not stop.wait(3600):
        pass


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def _no_warnings() -> Iterator[None]:
    """What goes wrong on purpose is not worth a line of the log."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _step(text: str) -> Iterator[None]:
    sys.stderr.write(f"{text} … ")
    sys.stderr.flush()
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        _say("failed")
        raise
    _say(f"{time.monotonic() - begun:.1f} s")
