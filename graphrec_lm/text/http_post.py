"""One HTTP POST whose API key stays inside: no failure raises, no answer repeats the key."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime

HIDDEN = "***"


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is 0 if no answer did; `wait` is Retry-After in seconds."""

    status: int
    body: str
    wait: float | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def post_json(url: str, payload: object, key: str | None, timeout: float) -> Answer:
    """Send `payload` as JSON and return the Answer, whatever happens; redirects are not followed.

    `timeout` bounds, in seconds, each wait for the network.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, json.dumps(payload).encode(), headers, method="POST")
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, response.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return Answer(error.code, _hide(_body(error), key), retry_after(error.headers))
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # the last: an impossible host name
        reason = getattr(error, "reason", error)
        return Answer(0, _hide(f"{type(reason).__name__}: {reason}", key))


def _body(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            return error.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""


def _hide(text: str, key: str | None) -> str:
    return text.replace(key, HIDDEN) if key else text


def retry_after(headers: Message) -> float | None:
    """Return the seconds that a Retry-After header (a number or a date) asks to wait.

    >>> message = Message()
    >>> message["Retry-After"] = "1.5"
    >>> retry_after(message)
    1.5
    """
    value = headers.get("Retry-After", "").strip()
    if value.replace(".", "", 1).isdecimal() and value.isascii():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
