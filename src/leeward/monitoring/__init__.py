"""What is told to people and machines that watch: logs, and later metrics and alerts."""
