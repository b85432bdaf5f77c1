"""What is told to people and machines that watch: logs, metrics, alerts, a heartbeat, Telegram."""
