"""Tests: unit/ mirrors src, scenarios/ are candle tables, contracts/ are shared suites."""
