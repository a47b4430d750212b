"""Language-model features of rows: sentences, their vectors, and few numbers of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graphrec_lm.ctr.compress import Compressor, Float32
from graphrec_lm.ctr.fields import SIDES, Field
from graphrec_lm.ctr.sentences import STYLES, default_template
from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.text import DEFAULT_ENCODER, Template, TextEncoder, TfidfEncoder, embed, resolve_encoder
from graphrec_lm.text.cache import Keys, text_keys

Templates = str | Template | Sequence[str | Template] | None
SHUFFLES = ("words", "sentences")
_encoding = threading.Lock()  # not every language model can be asked by several threads at once


@dataclass(frozen=True)
class TextFeatures:
    """Sentences about user, item and context, and what becomes of their language-model vectors.

    Each distinct sentence is encoded once, ever (the cache on disk). Its vector is reduced to `components`
    numbers by a PCA of the training rows' sentences. They enter a model as one more field (through a
    learned projection) and beside the embeddings in the deep part; and, with `tastes`, as what each user
    (item) likes about the sentences of the items (users) it met, by ridge regression out of fold: see
    `graphrec_lm.ctr.tastes`.

    Parameters
    ----------
    encoder : name, folder, TextEncoder, or list of them
        As in `graphrec_lm.text.resolve_encoder`, e.g. "transformer:cls:bert-base-uncased". A `TfidfEncoder`
        (alone, not in a list) is fitted to the sentences of each template, and saved with the model.
    user, item, context : template, or list of them, optional
        None: made from the fields in `style`; an empty list: none. Each template gives a vector of its own.
    style : {"bare", "labelled", "sentence"}
        Of templates made from the fields.
    apart : bool
        False joins the sentences of all sides to one a row.
    components : int, optional
        None keeps the language model's dimensions.
    whiten : bool
        Give all components the same variance.
    projection : int, optional
        Learned projection of the components to so many numbers before they are concatenated; None: none.
    tastes : bool
    ridge : float
        > 0, of the tastes.
    shuffle : {None, "words", "sentences"}
        Controls for an ablation: shuffle the words of each sentence, or which sentence has which vector.
    cache : path or bool, optional
        As in `graphrec_lm.text.embed`.

    Examples
    --------
    >>> TextFeatures(item="{title} is a {genres|join} film.", user=[], components=16).components
    16
    """

    encoder: Any = DEFAULT_ENCODER
    user: Templates = None
    item: Templates = None
    context: Templates = None
    style: str = "sentence"
    apart: bool = True
    components: int | None = 32
    whiten: bool = False
    projection: int | None = None
    tastes: bool = True
    ridge: float = 20.0
    shuffle: str | None = None
    cache: Any = None

    def __post_init__(self) -> None:
        check_choice("style", self.style, STYLES)
        for name in ("components", "projection"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), least=1, integer=True)
        check_number("ridge", self.ridge, above=0)
        if self.shuffle is not None:
            check_choice("shuffle", self.shuffle, SHUFFLES)

    def templates(
        self, fields: Sequence[tuple[Field, str]], ids: Collection[str | None] = ()
    ) -> list[tuple[str, Template]]:
        """The templates by side ("row" if not apart), `fields` with their kinds decided.

        Columns of `ids` say nothing: they are in no template made from the fields.
        """
        chosen: list[tuple[str, Template]] = []
        for side in SIDES:
            given = getattr(self, side)
            if given is None:
                own = [f for f, of in fields if of == side and f.name not in ids]
                given = default_template(side, own, self.style) or []
            listed = [given] if isinstance(given, str | Template) else given
            chosen += [(side, one if isinstance(one, Template) else Template(one)) for one in listed]
        if not chosen:
            remedy = "Give the fields more columns, or TextFeatures a template."
            raise InputError("there must be something to make sentences of", "ids alone", remedy)
        if self.apart:
            return chosen
        edges = {name: edge for _, template in chosen for name, edge in template.edges.items()}
        return [("row", Template(" ".join(template.text for _, template in chosen), edges))]

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the encoder becomes its name."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "cache"}
        plain |= {"cache": self.cache} if isinstance(self.cache, bool) else {}  # a folder is this machine's
        for side in SIDES:
            given = plain[side]
            if isinstance(given, Template):
                plain[side] = given.text
            elif isinstance(given, list | tuple):
                plain[side] = [one.text if isinstance(one, Template) else one for one in given]
        named = isinstance(self.encoder, str)
        return plain | {"encoder": self.encoder if named else resolve_encoder(self.encoder).name}


@dataclass
class TextBlock:
    """One template's sentences and their compressed vectors; knows new sentences by asking the encoder.

    Attributes
    ----------
    side : {"user", "item", "context", "row"}
    template : Template
        Fitted.
    compressor : Compressor
    keys, vectors : uint8 [m, 32], float32 [m, dim]
        The training sentences (SHA-256) and their vectors.
    encoder : TextEncoder or None
        None in a loaded model whose encoder can't be rebuilt from its name.
    fingerprint : str
        Of the encoder.
    """

    side: str
    template: Template
    compressor: Compressor
    keys: Keys
    vectors: Float32
    encoder: TextEncoder | None
    fingerprint: str
    options: TextFeatures
    seconds: float = 0.0
    _known: dict[bytes, int] = field(default_factory=dict, repr=False)

    @classmethod
    def fit(
        cls,
        side: str,
        template: Template,
        table: pa.Table,
        options: TextFeatures,
        encoder: TextEncoder,
        seed: int,
    ) -> TextBlock:
        """Render the training rows, encode, reduce."""
        template = template.fit(_columns(table))
        sentences, _ = template.render(_columns(table))
        started = time.perf_counter()
        if any(isinstance(part, TfidfEncoder) for part in getattr(encoder, "encoders", ())):
            required = "TF-IDF, which learns from each template, must be the only encoder"
            raise InputError(required, encoder.name, "Pass it alone.")
        if isinstance(encoder, TfidfEncoder):
            encoder = encoder.unfitted()  # each template is a corpus of its own
        full = embed(_shuffled(sentences, options), encoder, cache=options.cache)
        seconds = time.perf_counter() - started
        compressor = Compressor.fit(full, options.components, options.whiten)
        vectors = compressor(full)
        if options.shuffle == "sentences":
            vectors = vectors[np.random.default_rng(seed).permutation(len(vectors))]
        block = (
            side,
            template,
            compressor,
            text_keys(sentences),
            vectors,
            encoder,
            encoder.fingerprint,
            options,
            seconds,
        )
        return cls(*block)  # fmt: skip

    @property
    def dim(self) -> int:
        """Numbers a sentence."""
        return self.vectors.shape[1]

    def transform(self, table: pa.Table) -> tuple[Float32, NDArray[np.int64]]:
        """Vectors of the rows' distinct sentences, and the place of each row's."""
        sentences, index = self.template.render(_columns(table))
        if not self._known:
            self._known = {key.tobytes(): place for place, key in enumerate(self.keys)}
        places = np.array([self._known.get(key.tobytes(), -1) for key in text_keys(sentences)], np.int64)
        vectors, new = self.vectors[places], np.flatnonzero(places < 0)
        if len(new):
            with _encoding:
                vectors[new] = self._encode([sentences[row] for row in new])
        return vectors, index

    def _encode(self, sentences: list[str]) -> Float32:
        if self.encoder is None or self.encoder.fingerprint != self.fingerprint:
            found = f"{len(sentences)} new ones, e.g. {sentences[0]!r}"
            remedy = "Load the model with encoder=, the one it was fitted with."
            raise InputError("new sentences need the encoder of the fit", found, remedy)
        return self.compressor(
            embed(_shuffled(sentences, self.options), self.encoder, cache=self.options.cache)
        )


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _shuffled(sentences: list[str], options: TextFeatures) -> list[str]:
    if options.shuffle != "words":
        return sentences
    words = [sentence.split() for sentence in sentences]
    return [
        " ".join(np.random.default_rng(len(s)).permutation(w)) for s, w in zip(sentences, words, strict=True)
    ]
