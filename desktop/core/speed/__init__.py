"""Tokens per second: what a token costs, how quick each device is, and what follows from both."""

from desktop.core.speed.device import AttentionSample, AttentionSpeed, Calibration, DeviceSpeed, SpeedSample, TypeSpeed
from desktop.core.speed.predict import (
    DeviceWork,
    Prediction,
    Rate,
    Speeds,
    decode_rates,
    predict,
    predict_decode,
    predict_prompt,
)
from desktop.core.speed.work import (
    AttentionWork,
    MatrixWork,
    TokenWork,
    TypeWork,
    WeightTensor,
    matrix_work,
    token_work,
    work_by_size,
)

__all__ = [
    "AttentionSample",
    "AttentionSpeed",
    "AttentionWork",
    "Calibration",
    "DeviceSpeed",
    "DeviceWork",
    "MatrixWork",
    "Prediction",
    "Rate",
    "SpeedSample",
    "Speeds",
    "TokenWork",
    "TypeSpeed",
    "TypeWork",
    "WeightTensor",
    "decode_rates",
    "matrix_work",
    "predict",
    "predict_decode",
    "predict_prompt",
    "token_work",
    "work_by_size",
]
