"""Delivery: claims due deliveries, sends them through the channels, and records what became of each."""

from engine.delivery.worker import DeliveryWorker

__all__ = ["DeliveryWorker"]
