"""Containment: limits, sizing, trend gate, drawdown ladder, refusal reasons."""
