"""What an evaluation measured, in plain types for a JSON file."""

from __future__ import annotations

from typing import Any

from vimatte.evaluate.evaluation import ClipResult, mean_figures
from vimatte.evaluate.image_metrics import ImageQuality, pooled
from vimatte.evaluate.instance_metrics import VideoQuality, mean_quality


def as_json(clips: list[ClipResult], convention: str) -> dict[str, Any]:
    """Return everything that was measured, for a JSON file."""
    return {
        "convention": convention,
        "figures": mean_figures([clip.figures for clip in clips]),
        "quality": quality_json(mean_quality([clip.quality for clip in clips])),
        "imq": _images_json(pooled([c.images for c in clips if c.images is not None])),
        "clips": {
            clip.name: {
                "frames": clip.frames,
                "figures": clip.figures,
                "quality": quality_json(clip.quality),
                "imq": None if clip.images is None else _images_json(clip.images),
                "emad": clip.emad,
                "emse": clip.emse,
                "surplus": clip.surplus,
                "instances": {
                    row.name: {
                        "prediction": row.prediction,
                        "figures": row.figures,
                        "curves": row.curves,
                    }
                    for row in clip.instances
                },
            }
            for clip in clips
        },
    }


def quality_json(quality: VideoQuality) -> dict[str, Any]:
    """Return RQ, TQ, MQ, VIMQ and the counts, for a JSON file."""
    return {
        "rq": quality.rq,
        "tq": quality.tq,
        "mq": quality.mq,
        "vimq": {error: quality.vimq(error) for error in quality.mq},
        "recall": quality.recall,
        "accuracy": quality.accuracy,
        "true_positives": quality.true_positives,
        "instances": quality.instances,
        "predictions": quality.predictions,
    }


def _images_json(images: ImageQuality) -> dict[str, Any]:
    return {
        "rq": images.rq,
        "imq": {error: images.imq(error) for error in images.similarity},
        "recall": images.recall,
        "accuracy": images.accuracy,
    }
