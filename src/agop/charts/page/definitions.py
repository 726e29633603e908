"""Definitions of the terms in a report, with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DEFINITIONS"]

_PAPER = "Beaglehole, Súkeník, Mondelli, Belkin 2024, arXiv:2402.13728"
_PAPYAN = "Papyan, Han, Donoho 2020, PNAS 117:40"
_RFM = "Radhakrishnan, Beaglehole, Pandit, Belkin 2024, Science 383:6690"

DEFINITIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "NC1": (
            "tr Σ_W / tr Σ_B: the variance within classes over that between class means. 0 if every sample sits on the "
            "mean of its class.",
            f"{_PAPYAN}; trace form: {_PAPER}",
        ),
        "NC2": (
            "Mean squared deviation of the cosines between centred class means from those of a simplex equiangular "
            "tight frame (ETF): 1 on the diagonal, −1/(C − 1) elsewhere.",
            f"{_PAPYAN}; {_PAPER}",
        ),
        "AGOP": (
            "Average gradient outer product, (1/n) Σ J(x_i)ᵀ J(x_i) for a predictor with Jacobian J: the directions of "
            "the input that the predictor changes along, weighted by how steeply.",
            f"{_RFM}; {_PAPER}",
        ),
        "NFM": ("Neural feature matrix, WᵀW for the weight W of a layer.", _RFM),
        "NFA": (
            "Neural feature ansatz: WᵀW is proportional to a power of the AGOP with respect to the input of the layer. "
            "Shown is the correlation of the entries of both matrices; 1 if they are proportional.",
            _RFM,
        ),
        "attribution": (
            "With W = U S Vᵀ, NC1 of Wφ is that of S Vᵀφ, since U is an isometry. The fall of log NC1 from φ to Wφ is "
            "the part of the right singular structure, which WᵀW and so the AGOP determine; the rest, from Wφ to "
            "σ(Wφ), is the part of the nonlinearity.",
            f"{_PAPER}, section 5",
        ),
        "stage (network)": (
            "φ: what a layer reads; Wφ: after its linear map; σ(Wφ): after the nonlinearity; AGOP½φ and AGOP¼φ: the "
            "input mapped by a power of the AGOP in place of W; AGOP¼ where WᵀW is near AGOP½.",
            _PAPER,
        ),
        "stage (Deep RFM)": (
            "X: the input of a layer; X M½: after the root of its AGOP M; Φ(X M½): after the random features.",
            f"{_PAPER}, algorithm 1",
        ),
        "control": ("The same network with the identity in place of every AGOP.", _PAPER),
        "Gram": (
            "Cosines between features about the mean of the class means; collapsed features give 1 within and "
            "−1/(C − 1) between classes.",
            _PAPER,
        ),
        "spectrum": (
            "Eigenvalues of the AGOP. The effective rank (tr M)² / ‖M‖² counts the directions that matter; features "
            "that have collapsed need C − 1 of them.",
            _PAPER,
        ),
        "seed band": (
            "95 % interval of the mean over five seeds or more by Student's t, of the logarithms where the axis is "
            "logarithmic; fewer seeds are drawn as thin lines.",
            "agop.runs.SeedSummary",
        ),
        "accuracy": ("Share of samples whose largest output is that of their class.", "agop"),
        "loss": ("Mean over samples of the squared or cross-entropy loss that is trained.", "agop"),
        "effect": (
            "Total effect: the share of the variance of the prediction that hangs on a column, which is open when all "
            "other columns are known. From swaps of its values between rows; columns are taken for independent.",
            "Homma, Saltelli 1996, RESS 52:1",
        ),
        "standard error": (
            "Of an effect or an interaction: how far it would spread over other random rows of this kind and other "
            "swaps, with the model as it is; on rows that it has not seen it can differ by more. Two columns are told "
            "apart where two standard errors about each do not overlap.",
            "Aronow, Samii, Assenova 2015, Political Analysis 23:564",
        ),
        "steepness": (
            "Diagonal of the AGOP in units of standard deviations, summed over the features of a column, over the "
            "trace: the squared slope of the prediction. It can be large between the data, where no row ever moves.",
            f"{_RFM}",
        ),
        "interaction": (
            "Total interaction index of a pair of columns over the variance of the prediction; 0 if the prediction is "
            "additive over the pair.",
            "Liu, Owen 2006, JASA 101:712",
        ),
        "coupling": (
            "Alignment of the gradients with respect to two columns: 1 if the prediction depends on both through one "
            "direction.",
            "Robert, Escoufier 1976, Applied Statistics 25:3",
        ),
        "direction": (
            "Eigenvector of the AGOP in units of standard deviations: a combination of features that the prediction "
            "depends on. Its eigenvalue over the trace is its share.",
            _RFM,
        ),
        "fold": (
            "Part of the rows that was predicted by a model fitted to the others, all its choices made anew.",
            "k-fold cross-validation",
        ),
    }
)
"""Meaning and source of each term."""
