"""A refiner of masks, trained by simulated corrections: spoilt masks, clicks into their largest error (`fit`).

It reads cases and writes a folder (`folder`). Its door is :func:`lexseg.training.refiner.fit.fit_refiner`.
"""
