"""What is said to people when a call fails: what happened, and what to do."""

from __future__ import annotations

import math
from collections.abc import Set
from urllib.parse import quote, quote_plus, urljoin, urlsplit

from portal.providers import ProviderError
from portal.providers.sherweb_api.credentials import Patience
from portal.providers.sherweb_api.wire import Answer, Trouble

_MOST_SAID = 300
NOTHING = " Nothing was imported."
_CHECK_URL = " Check the addresses of Sherweb's API."
_OR_FILE = " Try again later; if it stays so, export the payable charges and import the file."


class Case:
    """What a sentence may speak of: the host, what its answer says in words, and more values."""

    def __init__(
        self, secrets: Set[str], patience: Patience, url: str, answer: Answer | None = None, **values: str
    ) -> None:
        self._secrets = secrets
        self._values = {"host": _host(url), **values}
        self._values["seconds"] = f"{patience.total:g}"
        self._values["limit"] = f"{patience.most_bytes / 1024**2:.3g}"
        if answer is not None:
            self._values["said"] = self._say(answer)
            self._values["type"] = self._clean(answer.content_type, 60)
            self._values["target"] = self._clean(_host(urljoin(url, answer.headers.get("Location", ""))), 100)

    def refuse(self, key: str, template: str, **values: str) -> ProviderError:
        values = self._values | values
        return ProviderError(key, template, **{name: values[name] for name in values if f"{{{name}}}" in template})

    def _say(self, answer: Answer) -> str:
        problem = answer.problem
        words = [problem.get(name) for name in ("title", "error", "detail", "error_description", "message")]
        errors = problem.get("errors")
        for name, values in list(errors.items())[:5] if isinstance(errors, dict) else ():
            first = values[0] if isinstance(values, list) and values else values
            words.append(f"{name}: {first}" if isinstance(first, str) else None)
        texts = [word.strip(" .") for word in words if isinstance(word, str) and word.strip(" .")]
        return self._clean(", ".join([f"HTTP {answer.status}", *dict.fromkeys(texts)]), _MOST_SAID)

    def _clean(self, text: str, most: int) -> str:
        """Without the secrets in any form, on one line, and short."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            for form in (secret, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(form, "***")
        text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
        return text if len(text) <= most else text[: most - 1] + "…"


def explain_trouble(case: Case, trouble: Trouble | None) -> ProviderError:
    """What it means that no whole answer came."""
    refuse = case.refuse
    match trouble:
        case Trouble.INSECURE:
            text = "No secure connection to {host}: its certificate is not trusted, or something on the way opens"
            return refuse("sherweb_api.insecure", text + " connections. Check this computer's date and its network.")
        case Trouble.SLOW:
            return refuse("sherweb_api.slow", "{host} did not answer in time." + NOTHING + " Try again later.")
        case Trouble.TOO_LONG:
            text = "{host} did not answer whole within {seconds} seconds." + NOTHING + " Try again later."
            return refuse("sherweb_api.too_long", text)
        case Trouble.CUT:
            text = "The answer of {host} was cut off or damaged on its way." + NOTHING + " Try again."
            return refuse("sherweb_api.cut", text)
        case Trouble.TOO_LARGE:
            text = "The answer of {host} is larger than {limit} MB, the most that is read." + NOTHING
            return refuse("sherweb_api.too_large", text + " Ask Sherweb for the charges in smaller files.")
    text = "{host} cannot be reached. Check this computer's connection to the internet, its proxy if it has one, and"
    return refuse("sherweb_api.unreachable", text + " the addresses of Sherweb's API; then try again.")


def _explain_any(case: Case, answer: Answer) -> ProviderError | None:
    """What an answer means wherever it comes from."""
    refuse, status = case.refuse, answer.status
    if 300 <= status < 400:
        text = "{host} sends callers on to {target}, and secrets are not sent there." + _CHECK_URL
        return refuse("sherweb_api.redirect", text)
    if answer.is_about_key:
        text = "Sherweb does not accept the subscription key ({said}). Copy it again from Sherweb's developer portal,"
        return refuse("sherweb_api.key_refused", text + " and check that its subscription is active.")
    if status == 429 and answer.retry_after is not None:
        text = "Sherweb receives too many calls ({said}). Try again in {pause} seconds."
        return refuse("sherweb_api.busy_until", text, pause=str(math.ceil(answer.retry_after)))
    if status == 429:
        text = "Sherweb receives too many calls ({said}). Try again in some minutes."
        return refuse("sherweb_api.busy", text)
    if status >= 500:
        return refuse("sherweb_api.down", "Sherweb has a problem of its own ({said})." + _OR_FILE)
    if status == 200 and answer.is_page:
        text = "{host} answered with a web page instead of data." + _CHECK_URL
        return refuse("sherweb_api.web_page", text + " A proxy or a firewall may also stand between.")
    return None


def explain_log_in(case: Case, answer: Answer) -> ProviderError:
    refuse, status, error = case.refuse, answer.status, answer.problem.get("error")
    if (known := _explain_any(case, answer)) is not None:
        return known
    if error == "invalid_client":
        text = "Sherweb does not accept the client ID or the client secret ({said}). Copy both again from Sherweb's"
        return refuse("sherweb_api.invalid_client", text + " partner portal.")
    if error in ("unauthorized_client", "invalid_scope"):
        text = "The client ID may not use Sherweb's Distributor API ({said}). Ask Sherweb to allow it."
        return refuse("sherweb_api.no_scope", text)
    if status == 200 and error is None:
        text = "{host} answered the log-in without a token that can be used." + _CHECK_URL
        return refuse("sherweb_api.no_token", text)
    if status == 404:
        return refuse("sherweb_api.no_log_in", "There is no log-in at {host} ({said})." + _CHECK_URL)
    text = "Sherweb refused the log-in ({said}). Check the client ID, the client secret and the subscription key."
    return refuse("sherweb_api.log_in_refused", text)


def explain_charges(case: Case, answer: Answer) -> ProviderError:
    refuse, status = case.refuse, answer.status
    if (known := _explain_any(case, answer)) is not None:
        return known
    if status in (200, 204) and not answer.body.strip():
        return refuse("sherweb_api.empty", "Sherweb's answer for {day} is empty." + NOTHING + " Try again later.")
    if status == 200:
        return refuse("sherweb_api.not_json", "{host} answered with {type} instead of JSON." + NOTHING + _CHECK_URL)
    if status == 400:
        text = "Sherweb does not accept the request for the charges of {day} ({said}). Choose another date."
        return refuse("sherweb_api.bad_request", text)
    if status == 401:
        text = "Sherweb gave a token and then refused it for the charges ({said}). Check that the client ID, the client"
        return refuse("sherweb_api.token_refused", text + " secret and the subscription key are of one account.")
    if status == 403:
        text = "Sherweb gives no access to the payable charges ({said}). Ask Sherweb whether the subscription key is"
        return refuse("sherweb_api.forbidden", text + " for the Distributor API and your account may see billing.")
    if status == 404:
        text = "Sherweb has no charges for {day} yet, or {host} is not the Distributor API ({said}). Try again later;"
        return refuse("sherweb_api.not_found", text + " if it stays so, check the addresses of Sherweb's API.")
    return refuse("sherweb_api.unexpected", "Sherweb gave an answer that is not known here ({said})." + _OR_FILE)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"
