"""Fill, fee and slippage rules, and the account loop that backtest and paper share."""
