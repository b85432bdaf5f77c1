"""Questions asked of finished runs: was it decided as in a backtest, and why so."""
