"""TF-IDF and truncated SVD: text vectors without a language model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, NotFittedError, check_choice, check_number
from graphrec_lm.files import CONFIG, TFIDF, atomic_folder, check_target, resolved
from graphrec_lm.text.base import TextEncoder, Vectors, check_texts, check_vectors

ANALYZERS = {"word": ("word", (1, 1)), "char": ("char_wb", (2, 4))}
SEEN = 1e-3
FORMAT = "graphrec_lm.tfidf"
VERSION = 1


class _State(NamedTuple):
    terms: list[str]
    idf: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]


class TfidfEncoder(TextEncoder):
    """Latent semantic analysis: TF-IDF of a text's words, projected on the corpus's leading singular vectors.

    It is fitted on the first texts it encodes (or by `fit`) and keeps that state for later texts. A text of
    which the state sees next to nothing (no known word) gets the corpus mean. With fewer texts or words than
    `dim` the last columns are zero.

    Parameters
    ----------
    dim : int
        Length of a vector.
    analyzer : str
        "word", or "char" for character 2- to 4-grams within words (misspellings, compounds).
    max_terms : int
        Most frequent terms kept.
    seed : int
        Of the randomised SVD.

    Raises
    ------
    InputError
        For a bad parameter, or a corpus without a single word.

    References
    ----------
    Deerwester et al., Indexing by latent semantic analysis, JASIS 1990.

    Examples
    --------
    >>> encoder = TfidfEncoder(dim=2).fit(["Alien", "Aliens vs. Alien", "Heat"])
    >>> encoder.encode(["alien heat"]).shape
    (1, 2)
    """

    cacheable = False

    def __init__(
        self, dim: int = 128, *, analyzer: str = "word", max_terms: int = 100_000, seed: int = 0
    ) -> None:
        check_number("dim", dim, least=1, integer=True)
        check_choice("analyzer", analyzer, tuple(ANALYZERS))
        check_number("max_terms", max_terms, least=1, integer=True)
        check_number("seed", seed, least=0, integer=True)
        self._dim, self.analyzer, self.max_terms, self.seed = int(dim), analyzer, int(max_terms), int(seed)
        self._state: _State | None = None

    @property
    def name(self) -> str:
        return f"tfidf:{self._dim}"

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def fingerprint(self) -> str:
        """Of the fitted state.

        Raises
        ------
        NotFittedError
            If no text was seen yet.
        """
        state = self._fitted()
        digest = hashlib.sha256(json.dumps([FORMAT, self._settings(), state.terms]).encode())
        for array in (state.idf, state.components, state.mean):
            digest.update(array.tobytes())
        return digest.hexdigest()[:32]

    def fit(self, texts: Sequence[str]) -> TfidfEncoder:
        """Learn terms, weights and singular vectors from `texts`, forgetting an earlier fit."""
        from sklearn.utils.extmath import randomized_svd

        corpus = check_texts(texts)
        vectorizer = self._vectorizer(max_features=self.max_terms)
        try:
            matrix = vectorizer.fit_transform(corpus)
        except ValueError as error:
            raise InputError(
                "`texts` must hold at least one word",
                f"none in {len(corpus)} texts ({error})",
                "Pass analyzer='char', or another encoder.",
            ) from error
        rank = min(self._dim, *matrix.shape)
        _, _, components = randomized_svd(matrix, rank, n_iter=5, random_state=self.seed)
        padded = np.zeros((self._dim, matrix.shape[1]), np.float32)
        padded[:rank] = components
        mean = np.asarray(matrix.mean(axis=0)).ravel() @ padded.T
        terms = vectorizer.get_feature_names_out().tolist()
        self._state = _State(terms, vectorizer.idf_.astype(np.float32), padded, mean.astype(np.float32))
        return self

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [len(texts), dim]; the first call fits on `texts` if `fit` was not called."""
        listed = check_texts(texts)
        if self._state is None:
            self.fit(listed)
        state = self._fitted()
        vectorizer = self._vectorizer(vocabulary=state.terms)
        vectorizer.idf_ = state.idf.astype(np.float64)
        vectors = (vectorizer.transform(listed) @ state.components.T.astype(np.float64)).astype(np.float32)
        vectors[np.linalg.norm(vectors, axis=1) < SEEN] = state.mean
        return check_vectors(vectors, listed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted state to the folder `path`: `config.json` and `tfidf.safetensors`.

        Raises
        ------
        InputError
            If there is something else at `path`; it is left alone.
        """
        from safetensors.numpy import save_file

        plain, arrays = self.to_parts()
        config = {"format": FORMAT, "version": VERSION, **plain}
        check_target(path)
        with atomic_folder(path) as folder:
            (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")
            save_file(arrays, folder / TFIDF)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TfidfEncoder:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the folder holds no such encoder, a newer one, or a damaged one.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            folder = resolved(path)
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            if config["format"] != FORMAT or config["version"] > VERSION:
                raise InputError(
                    "a saved TfidfEncoder must be of this format or older",
                    f"{config['format']} {config['version']}",
                    "Upgrade graphrec_lm.",
                )
            encoder = cls.from_parts(config, load_file(folder / TFIDF))
        except InputError:
            raise
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            found = f"{type(error).__name__} in {os.fspath(path)!r}"
            raise InputError("a saved TfidfEncoder must be whole", found, "Save it again.") from error
        return encoder

    def unfitted(self) -> TfidfEncoder:
        """A new one of the same parameters."""
        return TfidfEncoder(**self._settings())

    def __sklearn_clone__(self) -> TfidfEncoder:
        return self.unfitted()

    def to_parts(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float32]]]:
        """The fitted state: parameters and terms for JSON, and three arrays.

        Raises
        ------
        NotFittedError
            If no text was seen yet.
        """
        state = self._fitted()
        arrays = {"idf": state.idf, "components": state.components, "mean": state.mean}
        return {**self._settings(), "terms": state.terms}, arrays

    @classmethod
    def from_parts(cls, config: Mapping[str, Any], arrays: Mapping[str, Any]) -> TfidfEncoder:
        """The encoder of which `to_parts` gave these.

        Raises
        ------
        InputError
            If the arrays don't fit the terms.
        KeyError
            If one is missing.
        """
        encoder = cls(config["dim"], **{key: config[key] for key in ("analyzer", "max_terms", "seed")})
        encoder._state = _State(config["terms"], arrays["idf"], arrays["components"], arrays["mean"])
        encoder._check_state()
        return encoder

    def _check_state(self) -> None:
        state, count = self._fitted(), len(self._fitted().terms)
        shapes = (state.idf.shape, state.components.shape, state.mean.shape)
        expected = ((count,), (self._dim, count), (self._dim,))
        finite = all(np.isfinite(array).all() for array in state[1:])
        if shapes != expected or not finite:
            required = f"a saved TfidfEncoder must have finite arrays of shapes {expected}"
            raise InputError(required, shapes, "Save it again.")

    def _fitted(self) -> _State:
        if self._state is None:
            raise NotFittedError("This TfidfEncoder has seen no text yet; call `fit` or `encode` first.")
        return self._state

    def _settings(self) -> dict[str, Any]:
        return {"dim": self._dim, "analyzer": self.analyzer, "max_terms": self.max_terms, "seed": self.seed}

    def _vectorizer(self, **options: object) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        analyzer, ngrams = ANALYZERS[self.analyzer]
        pattern = r"(?u)\b\w+\b" if analyzer == "word" else None
        return TfidfVectorizer(analyzer=analyzer, ngram_range=ngrams, token_pattern=pattern, **options)
