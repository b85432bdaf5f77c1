"""What a trading session is put through: virtual time, a faulty venue, crashes, the truth."""
