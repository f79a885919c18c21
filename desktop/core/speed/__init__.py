"""Tokens per second: what a token costs, how quick each device is, and what follows from both."""

from desktop.core.speed.device import AttentionSpeed, Calibration, DeviceSpeed, Point, TypeSpeed
from desktop.core.speed.predict import (
    Part,
    Prediction,
    Rate,
    Speeds,
    decode_rates,
    predict,
    predict_decode,
    predict_prompt,
)
from desktop.core.speed.work import AttentionWork, TokenWork, TypeWork, WeightTensor, token_work, work_by_size

__all__ = [
    "AttentionSpeed",
    "AttentionWork",
    "Calibration",
    "DeviceSpeed",
    "Part",
    "Point",
    "Prediction",
    "Rate",
    "Speeds",
    "TokenWork",
    "TypeSpeed",
    "TypeWork",
    "WeightTensor",
    "decode_rates",
    "predict",
    "predict_decode",
    "predict_prompt",
    "token_work",
    "work_by_size",
]
