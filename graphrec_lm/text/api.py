"""Embeddings from an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import numpy as np

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.text.base import TextEncoder, Vectors, check_texts, check_vectors, fingerprint_of
from graphrec_lm.text.http_post import Answer, post_json

logger = logging.getLogger("graphrec_lm")

OPENAI = "https://api.openai.com/v1"
KNOWN_DIMS = {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536, "text-embedding-ada-002": 1536}
LONGEST_WAIT = 120.0


class APIError(OSError):
    """The server kept failing, or could not be reached, through all retries."""


class APIEncoder(TextEncoder):
    """A model behind an OpenAI-compatible `/embeddings` endpoint.

    Status 408, 429 and 5xx, and failed connections, are tried again after a random wait that doubles each
    time, or after the server's Retry-After. The key is read from the environment for each request and kept
    nowhere.

    Parameters
    ----------
    model : str
        The model's name at the server, e.g. "text-embedding-3-large".
    base_url : str
        Everything before `/embeddings`; without credentials in it.
    api_key_env : str, optional
        Name of the environment variable that holds the key; None sends no key.
    dimensions : int, optional
        Ask the server for shorter vectors.
    batch_size : int
        Texts a request.
    timeout : float
        Seconds to wait for the network.
    retries : int
        Tries after the first.
    backoff : float
        Seconds of the first wait, at most.

    Raises
    ------
    InputError
        For a bad parameter, a missing key, and requests that the server refuses.
    APIError
        When all retries are spent.

    Examples
    --------
    >>> APIEncoder("text-embedding-3-large").dim
    3072
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI,
        api_key_env: str | None = "OPENAI_API_KEY",
        dimensions: int | None = None,
        batch_size: int = 128,
        timeout: float = 60.0,
        retries: int = 6,
        backoff: float = 1.0,
    ) -> None:
        check_number("batch_size", batch_size, least=1, integer=True)
        check_number("timeout", timeout, above=0)
        check_number("retries", retries, least=0, integer=True)
        check_number("backoff", backoff, least=0)
        if dimensions is not None:
            check_number("dimensions", dimensions, least=1, integer=True)
        if not isinstance(model, str) or not model:
            raise InputError(
                "`model` must be the name of a model", repr(model), "Use e.g. 'text-embedding-3-large'."
            )
        _check_variable(api_key_env)
        self.model, self.base_url, self.api_key_env = model, _checked_url(base_url), api_key_env
        self.dimensions, self.batch_size, self.timeout = dimensions, batch_size, timeout
        self.retries, self.backoff = retries, backoff
        self.chunk_size = batch_size
        self._dim = dimensions or (KNOWN_DIMS.get(model) if self.base_url == OPENAI else None)

    @property
    def name(self) -> str:
        return f"api:{self.model}"

    @property
    def fingerprint(self) -> str:
        return fingerprint_of("api", model=self.model, url=self.base_url, dimensions=self.dimensions)

    @property
    def dim(self) -> int:
        if self._dim is None:
            self.encode(["dimension"])
        assert self._dim is not None
        return self._dim

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [len(texts), dim]."""
        listed = check_texts(texts)
        batches = [
            listed[start : start + self.batch_size] for start in range(0, len(listed), self.batch_size)
        ]
        parts = [self._encode_batch(batch) for batch in batches]
        if len({part.shape[1] for part in parts} | {self._dim or parts[0].shape[1]}) > 1:
            dims = sorted({part.shape[1] for part in parts})
            raise InputError(
                f"vectors of {self.model!r} must have dimension {self._dim or 'one'}",
                dims,
                "Check `model` and `dimensions`.",
            )
        self._dim = parts[0].shape[1]
        return np.concatenate(parts)

    def _encode_batch(self, texts: list[str]) -> Vectors:
        payload: dict[str, object] = {"model": self.model, "input": texts, "encoding_format": "float"}
        if self.dimensions is not None:
            payload["dimensions"] = self.dimensions
        body = self._ask(payload)
        return check_vectors(_embeddings(body, len(texts)), texts, what=f"vectors of {self.model}")

    def _ask(self, payload: object) -> str:
        for attempt in range(self.retries + 1):
            answer = self._post(payload)
            if answer.status == 200:
                return answer.body
            if not _worth_retrying(answer.status):
                raise self._refused(answer)
            if attempt < self.retries:
                seconds = _seconds_to_wait(answer, attempt, self.backoff)
                logger.info("%s: %s; trying again in %.1f s", self.name, _what(answer), seconds)
                time.sleep(seconds)
        raise APIError(
            f"{self.base_url} failed {self.retries + 1} times, the last time with {_what(answer)}. "
            f"What was encoded before is cached; run again later.{_said(answer)}"
        )

    def _post(self, payload: object) -> Answer:
        return post_json(f"{self.base_url}/embeddings", payload, _key(self.api_key_env), self.timeout)

    def _refused(self, answer: Answer) -> InputError:
        if answer.status in (401, 403):
            where = f"The key comes from ${self.api_key_env}." if self.api_key_env else "Set `api_key_env`."
            return InputError(f"{self.base_url} must accept the API key", f"status {answer.status}", where)
        return InputError(
            f"{self.base_url} must accept the request",
            f"status {answer.status}{_said(answer)}",
            "Check `model`, `base_url` and `dimensions`.",
        )


def _check_variable(name: str | None) -> None:
    if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
        raise InputError(
            "`api_key_env` must be the name of an environment variable",
            "something else (not shown)",
            "Put the key into the variable OPENAI_API_KEY and pass that name.",
        )


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            "`base_url` must start with http:// or https://",
            "something else (not shown)",
            f"Use e.g. {OPENAI}.",
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InputError(
            "`base_url` must hold no credentials, query or fragment",
            "a URL with one (not shown)",
            "Put the key into the environment variable that `api_key_env` names.",
        )
    return url.rstrip("/")


def _key(variable: str | None) -> str | None:
    """Return the API key from the environment; an error names the variable only."""
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        found = "characters no key has (not shown)" if key else "nothing"
        raise InputError(
            f"the environment variable {variable} must hold the API key",
            found,
            f"Run `export {variable}=...`, or pass api_key_env=None for a server without keys.",
        )
    return key


def _worth_retrying(status: int) -> bool:
    return status in (0, 408, 429) or status >= 500


def _seconds_to_wait(answer: Answer, attempt: int, backoff: float) -> float:
    """Wait what the server asks, else a random part of a doubling time; never above two minutes."""
    jittered = backoff * 2.0**attempt * random.uniform(0.5, 1.0)
    return min(LONGEST_WAIT, jittered if answer.wait is None else answer.wait + 0.1 * jittered)


def _what(answer: Answer) -> str:
    return f"status {answer.status}" if answer.status else f"no answer ({answer.body})"


def _said(answer: Answer) -> str:
    text = " ".join(answer.body.split())[:300]
    return f" The server said: {text}" if text and answer.status else ""


def _embeddings(body: str, count: int) -> list[list[float]]:
    """Return the vectors of an answer in the order of the texts."""
    required, remedy = (
        f"the server must answer with {count} embeddings in OpenAI's format",
        "Check `base_url`.",
    )
    try:
        rows = {int(row["index"]): row["embedding"] for row in json.loads(body)["data"]}
        lengths = {len(row) for row in rows.values()}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        found = f"an answer that is not ({type(error).__name__}): {' '.join(body.split())[:300]}"
        raise InputError(required, found, remedy) from None
    if sorted(rows) != list(range(count)) or len(lengths) != 1:
        raise InputError(required, f"{len(rows)} of {len(lengths)} lengths", remedy)
    return [rows[index] for index in range(count)]
