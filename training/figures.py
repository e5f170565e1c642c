"""The figures a reviewer looks at first, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.metrics import Band, Curve

INK, MUTED, GRID, ACCENT = "#1f2933", "#7b8794", "#e4e7eb", "#2f6fde"
SIZE = (4.8, 4.0)
STYLE = {
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "font.size": 9,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}


def draw(folder: Path, curves: Mapping[str, Curve], bands: Sequence[Band], metrics: Mapping[str, float]) -> None:
    """Write roc.png, precision_recall.png, calibration.png and age_bands.png into the folder, making it."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    prevalence = sum(band["positives"] for band in bands) / sum(band["n"] for band in bands)
    with mpl.rc_context(STYLE):
        roc = _line("ROC", f"AUC {metrics['auc']:.3f}", ("1 - specificity", "sensitivity"), curves["roc"])
        roc.axes[0].plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        _save(roc, folder / "roc.png")

        title = f"share of positives {prevalence:.0%}"
        recall = _line("Precision and recall", title, ("recall", "precision"), curves["precision_recall"])
        recall.axes[0].axhline(prevalence, color=MUTED, linewidth=1, linestyle="--")
        _save(recall, folder / "precision_recall.png")

        brier = f"Brier {metrics['brier']:.3f}"
        calibration = _line("Calibration", brier, ("mean probability", "observed share"), curves["calibration"], "o")
        calibration.axes[0].plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        _save(calibration, folder / "calibration.png")

        _save(_bars(bands), folder / "age_bands.png")


def _figure(title: str, note: str) -> Any:
    # A Figure of its own instead of pyplot's: nothing global keeps it alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_title(f"{title}  ·  {note}")
    return figure


def _line(title: str, note: str, labels: tuple[str, str], curve: Curve, marker: str = "") -> Any:
    figure = _figure(title, note)
    axes = figure.axes[0]
    axes.plot(curve["x"], curve["y"], color=ACCENT, linewidth=1.8, marker=marker, markersize=4)
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return figure


def _bars(bands: Sequence[Band]) -> Any:
    figure = _figure("By age", "at the threshold")
    axes = figure.axes[0]
    _add_bars(axes, "sensitivity", [band["sensitivity"] for band in bands], offset=-0.2, colour=ACCENT)
    _add_bars(axes, "specificity", [band["specificity"] for band in bands], offset=0.2, colour=MUTED)
    names = [f"{band['band']}\nn {band['n']}\n{band['positives']} positive" for band in bands]
    axes.set_xticks(list(range(len(bands))), names)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_ylim(0, 1.18)
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, ncols=2, loc="upper right", fontsize=8)
    return figure


def _add_bars(axes: Any, name: str, shares: Sequence[float | None], *, offset: float, colour: str) -> None:
    places = [place + offset for place in range(len(shares))]
    bars = axes.bar(places, [share or 0.0 for share in shares], width=0.36, color=colour, label=name)
    labels = ["none" if share is None else f"{share:.2f}" for share in shares]
    axes.bar_label(bars, labels=labels, fontsize=8, color=INK, padding=2)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Software": None})
